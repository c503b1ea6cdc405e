package runtimetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest/internal/probe"
)

// Bounds that the contract gives, or that nothing healthy goes over.
const (
	endsWithin = time.Second     // Run returns, once its context has ended
	goneWithin = 5 * time.Second // and the container is gone; or Patience, if that is less
)

// labelCase marks the containers of one case.
const labelCase = "com.altairalabs.dockerrun.conformance"

// suite is what one case works with.
type suite struct {
	testing.TB
	Config
	rt     runtime.Runtime
	id     string // value of labelCase
	closed bool   // the case has closed the runtime itself
}

func newSuite(t testing.TB, cfg Config) *suite {
	return &suite{TB: t, Config: cfg, rt: cfg.New(t), id: runtime.NewName()}
}

// close ends a case: Close has waited for all removals, so nothing may be left.
func (s *suite) close() {
	s.Helper()
	if !s.closed {
		s.closeRuntime()
	}
	if left := s.containers(); len(left) > 0 {
		s.Errorf("after Close, containers are left: %q (No container outlives Run but for a removal that is still under way; Close waits for those)", left)
	}
}

func (s *suite) closeRuntime() {
	s.Helper()
	s.closed = true
	returnsWithin(s, "Close", s.Patience, func() {
		if err := s.rt.Close(); err != nil {
			s.Errorf("Close: %v", err)
		}
	})
}

// containers are those of this case.
func (s *suite) containers() []string {
	s.Helper()
	return s.labelled(labelCase + "=" + s.id)
}

func (s *suite) labelled(label string) []string {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), s.Patience)
	defer cancel()
	names, err := s.Containers(ctx, label)
	if err != nil {
		s.Fatalf("Config.Containers: %v", err)
	}
	return names
}

// spec runs the probe in the plain image, without a network as that is faster.
func (s *suite) spec(args ...string) runtime.Spec {
	return runtime.Spec{
		Image:   s.Image,
		Args:    append([]string{"/probe"}, args...),
		Labels:  map[string]string{labelCase: s.id},
		Network: "none",
	}
}

// outcome is what became of a call.
type outcome struct {
	status         runtime.Status
	err            error
	stdout, stderr []byte
	took           time.Duration
}

// run makes a call that is to end by itself.
func (s *suite) run(spec runtime.Spec, stdin io.ReadCloser) outcome {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), s.Patience)
	defer cancel()
	return s.runCtx(ctx, spec, stdin)
}

func (s *suite) runCtx(ctx context.Context, spec runtime.Spec, stdin io.ReadCloser) outcome {
	s.Helper()
	var out, errs output
	o := s.call(ctx, spec, runtime.Stdio{Stdin: stdin, Stdout: &out, Stderr: &errs})
	o.stdout, o.stderr = out.bytes(), errs.bytes()
	return o
}

// call gives up on a Run that does not return.
func (s *suite) call(ctx context.Context, spec runtime.Spec, stdio runtime.Stdio) outcome {
	s.Helper()
	var (
		o     outcome
		begin = time.Now()
	)
	returnsWithin(s, "Run", s.Patience+endsWithin, func() {
		o.status, o.err = s.rt.Run(ctx, spec, stdio)
	})
	o.took = time.Since(begin)
	return o
}

// ok makes a call that must end with a status of 0, and returns it.
func (s *suite) ok(spec runtime.Spec, stdin io.ReadCloser) outcome {
	s.Helper()
	o := s.run(spec, stdin)
	s.ended(o, 0)
	return o
}

// ended checks that a call ended with the given exit status.
func (s *suite) ended(o outcome, code int) {
	s.Helper()
	switch {
	case o.err != nil:
		s.Fatalf("Run failed: %v (stdout %s, stderr %s); want status %d", o.err, brief(o.stdout), brief(o.stderr), code)
	case o.status.Code != code || o.status.OOMKilled:
		s.Fatalf("status is %+v (stdout %s, stderr %s); want %d", o.status, brief(o.stdout), brief(o.stderr), code)
	}
}

// failed checks that a call failed in the way given, and whether its command had
// started.
func (s *suite) failed(o outcome, started bool, kinds ...error) {
	s.Helper()
	if o.err == nil {
		s.Fatalf("Run returned %+v and no error (stdout %s, stderr %s); want %v", o.status, brief(o.stdout), brief(o.stderr), kinds)
	}
	for _, kind := range kinds {
		if s.lacks(LacksStartCause) && (kind == runtime.ErrCommandNotFound || kind == runtime.ErrNotExecutable) {
			kind = runtime.ErrEngine
		}
		if !errors.Is(o.err, kind) {
			s.Errorf("the error is %q; want one that is %q to errors.Is", o.err, kind)
		}
	}
	e, ok := errors.AsType[*runtime.Error](o.err)
	if !ok {
		s.Fatalf("the error is a %T (%q); want an *runtime.Error", o.err, o.err)
	}
	if e.Started != started {
		s.Errorf("Error.Started is %t (%q); want %t", e.Started, o.err, started)
	}
}

// quiet checks that nothing of the engine's got into the output.
func (s *suite) quiet(o outcome) {
	s.Helper()
	if len(o.stdout)+len(o.stderr) > 0 {
		s.Errorf("the command did not run, and yet there is output: stdout %s, stderr %s", brief(o.stdout), brief(o.stderr))
	}
}

// lacks reports whether the engine was declared to lack something.
func (s *suite) lacks(l Lack) bool {
	_, ok := s.Lacks[l]
	return ok
}

// eventually polls until amiss has nothing more to say, as long as a removal may take.
func (s *suite) eventually(amiss func() string) {
	s.Helper()
	limit := min(goneWithin, s.Patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); ; <-tick.C {
		text := amiss()
		if text == "" {
			return
		}
		if time.Since(begin) > limit {
			s.Fatalf("after %v still %s", limit, text)
		}
	}
}

// returnsWithin fails the test when do takes longer than limit. A do that hangs is left
// behind.
func returnsWithin(t testing.TB, what string, limit time.Duration, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		t.Fatalf("%s did not return within %v", what, limit)
	}
}

// same compares bytes without drowning the reader in them.
func (s *suite) same(what string, got, want []byte) {
	s.Helper()
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	s.Errorf("%s has %d bytes and differs from byte %d on: %s; want %d bytes: %s",
		what, len(got), at, brief(got[at:]), len(want), brief(want[at:]))
}

// decode reads what the probe told as JSON.
func (s *suite) decode(o outcome, v any) {
	s.Helper()
	if err := json.Unmarshal(o.stdout, v); err != nil {
		s.Fatalf("stdout is not what the probe writes: %v: %s", err, brief(o.stdout))
	}
}

// identity runs `probe id`.
func (s *suite) identity(change func(*runtime.Spec)) (who probe.Identity) {
	s.Helper()
	spec := s.spec("id")
	change(&spec)
	s.decode(s.ok(spec, nil), &who)
	return who
}

func brief(b []byte) string {
	const most = 300
	if len(b) > most {
		return fmt.Sprintf("%q... (%d bytes)", b[:most], len(b))
	}
	return fmt.Sprintf("%q", b)
}
