package runtimetest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
)

// A program that talks to containers takes a Runtime, and its test hands it a Fake.
func ExampleFake() {
	countLines := func(rt runtime.Runtime, text string) (string, error) {
		var out strings.Builder
		_, err := rt.Run(context.Background(),
			runtime.Spec{Image: "alpine", Args: []string{"wc", "-l"}},
			runtime.Stdio{Stdin: io.NopCloser(strings.NewReader(text)), Stdout: &out})
		return out.String(), err
	}

	rt := &runtimetest.Fake{Programs: map[string]runtimetest.Program{
		"/usr/bin/wc": func(_ context.Context, p *runtimetest.Process) int {
			n := 0
			for lines := bufio.NewScanner(p.Stdin); lines.Scan(); n++ {
			}
			fmt.Fprint(p.Stdout, n)
			return 0
		},
	}}
	defer rt.Close()

	fmt.Println(countLines(rt, "a\nb\n"))
	fmt.Println(rt.Calls()[0].Spec.Args)
	// Output:
	// 2 <nil>
	// [wc -l]
}

// What can go wrong with an engine goes wrong when it is told to.
func ExampleFake_FailNext() {
	rt := &runtimetest.Fake{Programs: map[string]runtimetest.Program{"/probe": runtimetest.Probe}}
	defer rt.Close()
	rt.FailNext(&runtime.Error{Kind: runtime.ErrUnavailable, Message: "is the engine running?"})

	spec := runtime.Spec{Image: "alpine", Args: []string{"/probe", "exit", "3"}}
	_, err := rt.Run(context.Background(), spec, runtime.Stdio{})
	fmt.Println(errors.Is(err, runtime.ErrUnavailable), err)
	status, err := rt.Run(context.Background(), spec, runtime.Stdio{})
	fmt.Println(status.Code, err)
	// Output:
	// true container engine unavailable: is the engine running?
	// 3 <nil>
}

// A pull can take its time, want credentials, or fail.
func ExampleFake_pull() {
	rt := &runtimetest.Fake{
		Images: map[string]runtime.Image{},
		Pull: func(_ context.Context, req runtime.ImageRequest) (runtime.Image, error) {
			if strings.HasPrefix(req.Ref, "private.example/") {
				return runtime.Image{}, errors.New("unauthorized: log in to private.example first")
			}
			return runtime.Image{Entrypoint: []string{"/probe"}, Cmd: []string{"exit", "0"}}, nil
		},
		Programs: map[string]runtimetest.Program{"/probe": runtimetest.Probe},
	}
	defer rt.Close()
	ctx := context.Background()

	_, err := rt.Run(ctx, runtime.Spec{Image: "hooks"}, runtime.Stdio{})
	fmt.Println(err)
	_, err = rt.Image(ctx, runtime.ImageRequest{Ref: "hooks"})
	fmt.Println(err)
	_, err = rt.Run(ctx, runtime.Spec{Image: "hooks"}, runtime.Stdio{})
	fmt.Println(err)
	_, err = rt.Image(ctx, runtime.ImageRequest{Ref: "private.example/hooks"})
	fmt.Println(err)
	// Output:
	// fake: image missing: there is no image hooks
	// <nil>
	// <nil>
	// fake: image pull failed: unauthorized: log in to private.example first
}

// Kill, OOM and the caller's context end a program in the middle.
func ExampleProcess_OOM() {
	rt := &runtimetest.Fake{Programs: map[string]runtimetest.Program{
		"/greedy": func(_ context.Context, p *runtimetest.Process) int {
			p.OOM() // does not return
			return 0
		},
	}}
	defer rt.Close()
	status, err := rt.Run(context.Background(), runtime.Spec{Image: "alpine", Args: []string{"/greedy"}}, runtime.Stdio{})
	fmt.Printf("%+v %v\n", status, err)
	// Output: {Code:137 OOMKilled:true} <nil>
}
