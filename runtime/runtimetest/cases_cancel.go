package runtimetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

const (
	saysCancel = "When ctx ends, the container is killed, and the error wraps ctx.Err() and context.Cause(ctx). It returns within 1 s of the deadline, and the container is gone within 5 s."
	saysRead   = "An input that breaks off is never passed off as one that ended: the call fails, and the error wraps what Read returned."
	saysWrite  = "A failing Write to stdio kills it too, and the error wraps what Write returned."
)

func cancelCases() []testCase {
	return []testCase{
		{"cancel/before the call", saysCancel, func(s *suite) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			trace := &runtime.Trace{Created: func(id string) { s.Errorf("a container was made: %s", id) }}
			s.failed(s.runCtx(runtime.WithTrace(ctx, trace), s.spec("exit", "0"), text("x")), false, runtime.ErrCanceled, context.Canceled)
		}},
		{"cancel/deadline before the call", saysCancel, func(s *suite) {
			ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
			defer cancel()
			s.failed(s.runCtx(ctx, s.spec("exit", "0"), text("x")), false, runtime.ErrTimeout, context.DeadlineExceeded)
		}},
		{"cancel/during create", saysCancel, duringCreate},
		{"cancel/when created", saysCancel, func(s *suite) { s.atPhase(func(t *runtime.Trace, f func()) { t.Created = func(string) { f() } }) }},
		{"cancel/when started", saysCancel, func(s *suite) { s.atPhase(func(t *runtime.Trace, f func()) { t.Started = f }) }},
		{"cancel/in mid-run", saysCancel, func(s *suite) { s.midRun("block") }},
		{"cancel/with a child that holds the pipes", saysCancel, func(s *suite) { s.midRun("child") }},
		{"cancel/ignores SIGTERM", saysCancel, func(s *suite) { s.midRun("ignore-term") }},
		{"cancel/in a flood of output", saysCancel + " " + saysUntouched, func(s *suite) { s.midRun("flood") }},
		{"cancel/timeout", saysCancel, func(s *suite) { s.timesOut("block") }},
		{"cancel/timeout with a child that holds the pipes", saysCancel, func(s *suite) { s.timesOut("child") }},
		{"cancel/cause", "The error wraps ctx.Err() and context.Cause(ctx).", func(s *suite) {
			mine := errors.New("a cause of the caller's")
			ctx, cancel := context.WithCancelCause(context.Background())
			out := newOutput()
			go func() {
				s.wait(out.ready)
				cancel(mine)
			}()
			o := s.call(ctx, s.spec("block"), runtime.Stdio{Stdout: out})
			s.failed(o, true, runtime.ErrCanceled, context.Canceled, mine)
		}},
		{"cancel/write to stdout fails", saysWrite, func(s *suite) { s.writeFails(func(o *output) runtime.Stdio { return runtime.Stdio{Stdout: o} }) }},
		{"cancel/read of stdin fails", saysRead, readFails},
		{"cancel/write to stderr fails", saysWrite, func(s *suite) { s.writeFails(func(o *output) runtime.Stdio { return runtime.Stdio{Stderr: o} }) }},
	}
}

// wait waits for what is to happen, within reason.
func (s *suite) wait(c <-chan struct{}) {
	t := time.NewTimer(s.Patience)
	defer t.Stop()
	select {
	case <-c:
	case <-t.C:
	}
}

// inMidRun runs do while the command runs, and cancels the call then.
func (s *suite) inMidRun(spec runtime.Spec, do func()) outcome {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), s.Patience)
	defer cancel()
	out := newOutput()
	ended := make(chan outcome, 1)
	go func() {
		var o outcome
		o.status, o.err = s.rt.Run(ctx, spec, runtime.Stdio{Stdin: &endlessInput{}, Stdout: out})
		ended <- o
	}()
	select {
	case <-out.ready:
	case o := <-ended:
		s.Fatalf("Run returned %+v, %v; want it to go on until it is canceled", o.status, o.err)
	}
	do()
	cancel()
	var o outcome
	returnsWithin(s, "Run", s.Patience+endsWithin, func() { o = <-ended })
	return o
}

// gone checks that the container is removed, and that its time was kept.
func (s *suite) gone(since time.Time) {
	s.Helper()
	if late := time.Since(since); late > endsWithin {
		s.Errorf("Run returned %v after its context had ended; it may take %v", late.Round(time.Millisecond), endsWithin)
	}
	s.eventually(func() string {
		if left := s.containers(); len(left) > 0 {
			return fmt.Sprintf("there: %q", left)
		}
		return ""
	})
}

// midRun cancels a command that runs, over and over.
func (s *suite) midRun(command string) {
	s.Helper()
	var (
		inputs  []*endlessInput
		outputs []*output
	)
	for range s.Tries {
		ctx, cancel := context.WithCancel(context.Background())
		in, out, errs := &endlessInput{}, newOutput(), newOutput()
		inputs, outputs = append(inputs, in), append(outputs, out, errs)
		canceled := make(chan time.Time, 1)
		go func() {
			s.wait(out.ready)
			canceled <- time.Now()
			cancel()
		}()
		o := s.call(ctx, s.spec(command), runtime.Stdio{Stdin: in, Stdout: out, Stderr: errs})
		in.ended.Store(true)
		out.end()
		errs.end()
		cancel()
		s.failed(o, true, runtime.ErrCanceled, context.Canceled)
		s.gone(<-canceled)
	}
	s.closeRuntime() // whatever still ran has had its time
	for _, in := range inputs {
		if n := in.late.Load(); n > 1 { // one may have been on its way
			s.Errorf("there were %d Reads after Run had returned", n)
		}
	}
	for _, out := range outputs {
		if n := out.lateWrites(); n > 0 {
			s.Errorf("there were %d Writes after Run had returned", n)
		}
	}
}

// timesOut lets a command run into its deadline.
func (s *suite) timesOut(command string) {
	s.Helper()
	// Long enough for the command to be up; one that is not would prove less.
	usual := s.ok(s.spec("exit", "0"), nil).took
	for range s.Tries {
		deadline := time.Now().Add(2*usual + 300*time.Millisecond)
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		var out output
		o := s.call(ctx, s.spec(command), runtime.Stdio{Stdout: &out})
		cancel()
		if o.err == nil || !errors.Is(o.err, runtime.ErrTimeout) || !errors.Is(o.err, context.DeadlineExceeded) {
			s.Errorf("Run returned %+v, %v; want an error that is %q and %q to errors.Is", o.status, o.err, runtime.ErrTimeout, context.DeadlineExceeded)
		}
		if len(out.bytes()) > 0 && !runtime.Started(o.err) {
			s.Errorf("the command had written already, and yet Error.Started is false: %v", o.err)
		}
		s.gone(deadline)
	}
}

// duringCreate ends calls at moments spread over the time that a call takes.
func duringCreate(s *suite) {
	usual := s.ok(s.spec("exit", "0"), nil).took
	for i := range s.Tries {
		deadline := time.Now().Add(usual * time.Duration(i+1) / time.Duration(s.Tries+1))
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		o := s.call(ctx, s.spec("block"), runtime.Stdio{Stdin: &endlessInput{}})
		cancel()
		if !errors.Is(o.err, runtime.ErrTimeout) || !errors.Is(o.err, context.DeadlineExceeded) {
			s.Errorf("Run returned %+v, %v; want an error that is %q and %q to errors.Is", o.status, o.err, runtime.ErrTimeout, context.DeadlineExceeded)
		}
		s.gone(deadline)
	}
}

// atPhase cancels calls in a hook of their trace.
func (s *suite) atPhase(set func(*runtime.Trace, func())) {
	s.Helper()
	for range s.Tries {
		ctx, cancel := context.WithCancel(context.Background())
		canceled := make(chan time.Time, 2)
		trace := &runtime.Trace{}
		set(trace, func() {
			canceled <- time.Now()
			cancel()
		})
		out := newOutput()
		go func() {
			// A runtime that does not know its phases is canceled later.
			s.wait(out.ready)
			if s.lacks(LacksPhases) {
				canceled <- time.Now()
				cancel()
			}
		}()
		o := s.call(runtime.WithTrace(ctx, trace), s.spec("block"), runtime.Stdio{Stdout: out})
		_, _ = out.Write([]byte("let the goroutine go"))
		cancel()
		if !errors.Is(o.err, runtime.ErrCanceled) || !errors.Is(o.err, context.Canceled) {
			s.Errorf("Run returned %+v, %v; want an error that is %q and %q to errors.Is", o.status, o.err, runtime.ErrCanceled, context.Canceled)
		}
		s.gone(<-canceled)
	}
}

func (s *suite) writeFails(stdio func(*output) runtime.Stdio) {
	s.Helper()
	for i := range s.Tries {
		full := fmt.Errorf("no space left for try %d", i)
		ctx, cancel := context.WithTimeout(context.Background(), s.Patience)
		o := s.call(ctx, s.spec("flood"), stdio(&output{err: full}))
		cancel()
		s.failed(o, true, full)
		if errors.Is(o.err, context.Canceled) {
			s.Errorf("the error is %q, and yet nobody has ended the context", o.err)
		}
		s.gone(time.Now())
	}
}

// readFails breaks an input off. The command must not take it for a whole one.
func readFails(s *suite) {
	broken := errors.New("the input broke off")
	for range s.Tries {
		out := newOutput()
		in := readerFunc(func(p []byte) (int, error) {
			if len(out.bytes()) > 0 {
				return 0, broken
			}
			p[0] = '.'
			return 1, nil
		})
		ctx, cancel := context.WithTimeout(context.Background(), s.Patience)
		o := s.call(ctx, s.spec("echo"), runtime.Stdio{Stdin: io.NopCloser(in), Stdout: out})
		cancel()
		s.failed(o, true, broken)
		s.gone(time.Now())
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
