package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
)

// hookEngine stands for a runtime of package backends; its one program answers as an
// exec hook does.
func hookEngine() *runtimetest.Fake {
	return &runtimetest.Fake{Programs: map[string]runtimetest.Program{
		"/hook": func(ctx context.Context, p *runtimetest.Process) int {
			document, _ := io.ReadAll(p.Stdin)
			switch string(document) {
			case "loop":
				<-ctx.Done()
				return 1
			case "bad":
				fmt.Fprint(p.Stderr, "no JSON")
				return 3
			}
			fmt.Fprint(p.Stdout, `{"allow":true}`)
			return 0
		},
	}}
}

func ExampleLauncher_Launch() {
	launcher := runtime.NewLauncher(hookEngine())
	defer launcher.Close()

	spec := runtime.Spec{Image: "hooks:1", Args: []string{"/hook"}, Network: "none"}
	result, err := launcher.Launch(context.Background(), spec, []byte(`{"text":"hi"}`), runtime.Options{})
	fmt.Println(string(result.Stdout), err)
	// Output: {"allow":true} <nil>
}

func ExampleLauncher_Launch_failures() {
	launcher := runtime.NewLauncher(hookEngine())
	defer launcher.Close()
	launch := func(command, stdin string) {
		spec := runtime.Spec{Image: "hooks:1", Args: []string{command}}
		result, err := launcher.Launch(context.Background(), spec, []byte(stdin), runtime.Options{Timeout: 50 * time.Millisecond})
		var exit *runtime.ExitError
		switch {
		case errors.As(err, &exit):
			fmt.Printf("exit %d, stderr %q\n", exit.ExitCode(), result.Stderr)
		case errors.Is(err, runtime.ErrTimeout):
			fmt.Println("timeout, a context.DeadlineExceeded:", errors.Is(err, context.DeadlineExceeded))
		case errors.Is(err, runtime.ErrCommandNotFound):
			fmt.Println("the command is not in the image; started:", runtime.Started(err))
		}
	}
	launch("/hook", "bad")
	launch("/hook", "loop")
	launch("/hooc", "")
	// Output:
	// exit 3, stderr "no JSON"
	// timeout, a context.DeadlineExceeded: true
	// the command is not in the image; started: false
}

func ExampleSetFlags() {
	spec := runtime.Spec{Image: "hooks:1"}
	err := runtime.SetFlags(&spec, []string{"-m", "256m", "--cpus=0.5", "--read-only"})
	fmt.Println(spec.Memory, spec.NanoCPUs, spec.ReadOnly, err)

	fmt.Println(runtime.SetFlags(&spec, []string{"alpine"}))
	// Output:
	// 268435456 500000000 true <nil>
	// invalid container spec: "alpine" is no flag, nor the value of one: it would become the image or the command
}

func ExampleParseMount() {
	m, err := runtime.ParseMount("./hooks:/hooks:ro,z")
	fmt.Println(m.Type, m.Source, m.Target, m.ReadOnly(), err)

	_, err = runtime.ParseMount("./hooks:ro")
	fmt.Println(err)
	// Output:
	// bind ./hooks /hooks true <nil>
	// "./hooks:ro" is not a mount: "ro" stands where the target should be; it takes source:target:ro
}

func ExampleWithTrace() {
	ctx := runtime.WithTrace(context.Background(), &runtime.Trace{
		Started: func() { fmt.Println("started") },
		Exited:  func(s runtime.Status) { fmt.Println("exit status", s.Code) },
	})
	engine := hookEngine()
	defer engine.Close()
	_, _ = engine.Run(ctx, runtime.Spec{Image: "hooks:1", Args: []string{"/hook"}}, runtime.Stdio{})
	// Output:
	// started
	// exit status 0
}
