package factory_test

import (
	"context"
	"fmt"
	"io"
	"log"

	"github.com/AltairaLabs/PromptKit/runtime/hooks"
	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"

	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
)

// engine is a container engine for tests, with one program in its images.
func engine() *runtimetest.Fake {
	return &runtimetest.Fake{Programs: map[string]runtimetest.Program{
		"/hooks/pii.py": func(_ context.Context, p *runtimetest.Process) int {
			if _, err := io.Copy(io.Discard, p.Stdin); err != nil {
				return 1
			}
			fmt.Fprintf(p.Stdout, `{"allow": false, "reason": "%s policy"}`, p.Getenv("POLICY"))
			return 0
		},
	}}
}

// Register makes `mode: docker_run` known to PromptKit.
func ExampleRegister() {
	if err := factory.Register(); err != nil {
		log.Fatal(err)
	}
	if err := factory.Register(); err != nil { // harmless
		log.Fatal(err)
	}
	_, err := sandbox.LookupFactory(factory.ModeName)
	fmt.Println(err)
	// Output: <nil>
}

// A sandbox made in Go, for a hook. Backend swaps the engine in a test.
func ExampleNew() {
	rt := engine()
	defer rt.Close()
	sb := factory.New(factory.Config{
		Image:   "python:3.12-slim",
		Network: "none",
		Memory:  "256m",
		Env:     []string{"POLICY=strict"},
		Backend: rt,
	})
	hook := hooks.NewExecProviderHook(&hooks.ExecHookConfig{
		Name: "pii", Command: "/hooks/pii.py", Phases: []string{"before_call"}, Mode: "filter", Sandbox: sb,
	})
	decision := hook.BeforeCall(context.Background(), &hooks.ProviderRequest{})
	fmt.Println(decision.Allow, decision.Reason)
	// Output: false strict policy
}

// One line swaps the engine under configurations that are otherwise those of
// production.
func ExampleNewFactory() {
	rt := engine()
	defer rt.Close()
	newSandbox := factory.NewFactory(factory.WithRuntime(factory.RuntimeDockerCLI, rt))

	sb, err := newSandbox("pii", map[string]any{"image": "python:3.12-slim", "env": map[string]any{"POLICY": "lax"}})
	if err != nil {
		log.Fatal(err)
	}
	resp, _ := sb.Spawn(context.Background(), sandbox.Request{Command: "/hooks/pii.py", Stdin: []byte("{}")})
	fmt.Println(string(resp.Stdout), resp.Err)
	// Output: {"allow": false, "reason": "lax policy"} <nil>
}

// The error of a configuration has a line for each fault.
func ExampleFactory() {
	_, err := factory.Factory("pii", map[string]any{
		"image":   "python:3.12-slim",
		"memroy":  "256m",
		"cpus":    "half",
		"timeout": 10,
	})
	fmt.Println(err)
	// Output:
	// sandbox "pii": memroy: unknown key; did you mean "memory"?
	// sandbox "pii": timeout: got the number 10; it takes a duration with its unit, such as "10s" or "2m"
	// sandbox "pii": cpus: "half": it takes a number of CPUs such as 0.5: failed to parse half as a rational number
}
