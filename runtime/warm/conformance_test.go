package warm_test

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
	"github.com/AltairaLabs/dockerrun/runtime/warm"
)

// onWarm is a Runtime that makes each call on a warm container, if that is possible at
// all, and keeps none afterwards: what the suite asks for.
type onWarm struct {
	runtime.Runtime
	start warm.Start
	pools sync.WaitGroup
}

func (w *onWarm) Unwrap() runtime.Runtime { return w.Runtime }

func (w *onWarm) Run(ctx context.Context, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
	pool := warm.New(w.Runtime, warm.Options{Start: w.start, Size: 1, RuntimeKey: "fake", Logger: slog.New(slog.DiscardHandler)})
	closePool := sync.OnceFunc(func() { w.pools.Go(func() { _ = pool.Close() }) })
	defer closePool()
	if ctx.Err() == nil {
		_ = pool.Prepare(context.WithoutCancel(ctx), spec) // or the call is a cold one
	}
	stdio.Stdin = &onRead{stdio.Stdin, closePool} // before it starts a container for the next call
	return pool.Run(ctx, spec, stdio)
}

// onRead says when reading begins, and what it wraps may be nil.
type onRead struct {
	io.ReadCloser
	begins func()
}

func (r *onRead) Read(p []byte) (int, error) {
	r.begins()
	if r.ReadCloser == nil {
		return 0, io.EOF
	}
	return r.ReadCloser.Read(p)
}

func (r *onRead) Close() error {
	if r.ReadCloser == nil {
		return nil
	}
	return r.ReadCloser.Close()
}

func (w *onWarm) Close() error {
	w.pools.Wait()
	return w.Runtime.Close()
}

// The contract holds for calls on warm containers, with and without a gate, and for
// those that miss the stock.
func TestConformance(t *testing.T) {
	for name, wrap := range map[string]func(rt runtime.Runtime) runtime.Runtime{
		"gate":  func(rt runtime.Runtime) runtime.Runtime { return &onWarm{Runtime: rt} },
		"eager": func(rt runtime.Runtime) runtime.Runtime { return &onWarm{Runtime: rt, start: warm.Eager} },
	} {
		t.Run(name, func(t *testing.T) {
			var fakes engine
			runtimetest.Conformance(t, runtimetest.Config{
				New:        func(testing.TB) runtime.Runtime { return wrap(fakes.open()) },
				Image:      "probe",
				Variant:    "variant",
				Containers: fakes.containers,
				Tries:      2,
				Lacks: map[runtimetest.Lack]string{
					runtimetest.LacksLateStdin: "input follows the header, before it is known whether there is a command",
				},
			})
		})
	}
}

// engine has the containers of several Fakes.
type engine struct {
	mu    sync.Mutex
	fakes []*runtimetest.Fake
}

func (e *engine) open() *runtimetest.Fake {
	rt := &runtimetest.Fake{
		Programs: map[string]runtimetest.Program{"/probe": runtimetest.Probe, "/etc/notexec": nil},
		Images: map[string]runtime.Image{
			"probe": {ID: "sha256:" + strings.Repeat("ab", 32), Platform: "linux/amd64"},
			"variant": {
				ID: "sha256:" + strings.Repeat("12", 32), Entrypoint: []string{"/probe", "args"}, Cmd: []string{"from-cmd", "two words"},
				Env: []string{"FROM_IMAGE=yes", "REMOVE_ME=x"}, User: "1234:1234", WorkingDir: "/data", Platform: "linux/amd64",
			},
		},
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fakes = append(e.fakes, rt)
	return rt
}

func (e *engine) containers(_ context.Context, label string) ([]string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	key, value, _ := strings.Cut(label, "=")
	var names []string
	for _, rt := range e.fakes {
		live := rt.Containers()
		for _, call := range rt.Calls() {
			if slices.Contains(live, call.Spec.Name) && call.Spec.Labels[key] == value {
				names = append(names, call.Spec.Name)
			}
		}
	}
	return names, nil
}
