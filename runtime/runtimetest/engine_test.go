package runtimetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	goruntime "runtime"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// testEngine makes Fakes that share nothing but the list of their containers, as runtimes
// on one engine do.
type testEngine struct {
	mu    sync.Mutex
	fakes []*Fake
}

func (e *testEngine) fake() *Fake {
	id := "sha256:" + strings.Repeat("12", 32)
	rt := &Fake{
		Programs: map[string]Program{"/probe": Probe, "/etc/notexec": nil},
		Images: map[string]runtime.Image{
			"probe": {Platform: "linux/amd64"},
			"variant": {
				ID: id, Entrypoint: []string{"/probe", "args"}, Cmd: []string{"from-cmd", "two words"},
				Env: []string{"FROM_IMAGE=yes", "REMOVE_ME=x"}, User: "1234:1234", WorkingDir: "/data", Platform: "linux/amd64",
			},
		},
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fakes = append(e.fakes, rt)
	return rt
}

// containers finds the labels of a container by the call that made it.
func (e *testEngine) containers(_ context.Context, label string) ([]string, error) {
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

// recorder is a testing.TB that may fail without failing the test it is used in.
type recorder struct {
	testing.TB

	mu     sync.Mutex
	failed bool
	log    []string
}

// run runs a case as t.Run would, on a goroutine that it may end.
func (r *recorder) run(test func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		test()
	}()
	<-done
}

func (r *recorder) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.log, "\n")
}

func (r *recorder) note(text string, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, text)
	r.failed = r.failed || failed
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) Helper()                     {}
func (r *recorder) Log(args ...any)             { r.note(fmt.Sprint(args...), false) }
func (r *recorder) Logf(f string, args ...any)  { r.note(fmt.Sprintf(f, args...), false) }
func (r *recorder) Fail()                       { r.note("", true) }
func (r *recorder) Error(args ...any)           { r.note(fmt.Sprint(args...), true) }
func (r *recorder) Errorf(f string, arg ...any) { r.note(fmt.Sprintf(f, arg...), true) }
func (r *recorder) FailNow() {
	r.Fail()
	goruntime.Goexit()
}

func (r *recorder) Fatal(args ...any) {
	r.note(fmt.Sprint(args...), true)
	goruntime.Goexit()
}

func (r *recorder) Fatalf(f string, args ...any) {
	r.note(fmt.Sprintf(f, args...), true)
	goruntime.Goexit()
}
