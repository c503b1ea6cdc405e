package warm_test

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
	"github.com/AltairaLabs/dockerrun/runtime/warm"
)

func ExamplePool() {
	// dockerapi.New or podman.New in a program; a Fake here.
	rt := &runtimetest.Fake{Programs: map[string]runtimetest.Program{
		"/shout": func(_ context.Context, p *runtimetest.Process) int {
			text, err := io.ReadAll(p.Stdin)
			if err != nil {
				return 1
			}
			fmt.Fprint(p.Stdout, strings.ToUpper(string(text)))
			return 0
		},
	}}
	defer rt.Close()
	pool := warm.New(rt, warm.Options{Size: 2})
	launcher := runtime.NewLauncher(pool)
	defer launcher.Close() // the pool; the runtime is closed after it

	ctx := context.Background()
	spec := runtime.Spec{Image: "alpine", Args: []string{"/shout"}, Network: "none"}
	if err := launcher.Prepare(ctx, spec, runtime.Options{}); err != nil {
		fmt.Println(err)
		return
	}
	result, err := launcher.Launch(ctx, spec, []byte("hello"), runtime.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s, %d hit\n", result.Stdout, pool.Stats().Hits)
	// Output: HELLO, 1 hit
}
