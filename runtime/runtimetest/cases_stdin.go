package runtimetest

import (
	"context"
	"errors"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

const (
	saysClosed = "Stdin is closed by Run on every path, and Run returns without waiting for a Read that is blocked."
	saysNotRun = "An error whose Started is false guarantees that the command saw none of stdio.Stdin; it was not even read."
)

func stdinCases() []testCase {
	inMidRun := func(end func(*suite, context.CancelFunc, *output)) func(*suite, *stuckInput) {
		return func(s *suite, in *stuckInput) {
			ctx, cancel := context.WithTimeout(context.Background(), s.Patience)
			defer cancel()
			out := newOutput()
			go end(s, cancel, out)
			s.failed(s.call(ctx, s.spec("block"), runtime.Stdio{Stdin: in, Stdout: out}), true)
		}
	}
	paths := []struct {
		name string
		run  func(*suite, *stuckInput)
	}{
		{"the command ends", func(s *suite, in *stuckInput) { s.ended(s.run(s.spec("exit", "0"), in), 0) }},
		{"the command fails", func(s *suite, in *stuckInput) { s.ended(s.run(s.spec("both", "1", "1", "3"), in), 3) }},
		{"canceled in mid-run", inMidRun(func(s *suite, cancel context.CancelFunc, out *output) {
			select {
			case <-out.ready:
			case <-time.After(s.Patience):
			}
			cancel()
		})},
		{"a write fails", func(s *suite, in *stuckInput) {
			s.failed(s.call(context.Background(), s.spec("block"), runtime.Stdio{Stdin: in, Stdout: &output{err: errors.New("full")}}), true)
		}},
		{"no such command", s0(func(s *suite) runtime.Spec { return s.command("/no/such/command") }, runtime.ErrCommandNotFound)},
		{"not executable", s0(func(s *suite) runtime.Spec { return s.command("/etc/notexec") }, runtime.ErrNotExecutable)},
		{"no such image", s0(func(s *suite) runtime.Spec {
			spec := s.spec("exit", "0")
			spec.Image = s.Missing
			return spec
		}, runtime.ErrImageMissing)},
		{"invalid spec", s0(func(s *suite) runtime.Spec {
			spec := s.spec("exit", "0")
			spec.Dir = "relative"
			return spec
		}, runtime.ErrInvalidSpec)},
		{"canceled before", func(s *suite, in *stuckInput) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			s.failed(s.runCtx(ctx, s.spec("exit", "0"), in), false, runtime.ErrCanceled)
			s.unread(in)
		}},
		{"runtime closed", func(s *suite, in *stuckInput) {
			s.closeRuntime()
			s.failed(s.run(s.spec("exit", "0"), in), false, runtime.ErrClosed)
			s.unread(in)
		}},
	}
	list := make([]testCase, 0, len(paths))
	for _, p := range paths {
		list = append(list, testCase{"stdin/closed when " + p.name, saysClosed + " " + saysNotRun, func(s *suite) {
			in := newStuckInput()
			defer in.release()
			p.run(s, in)
			if in.closed.Load() == 0 {
				s.Error("Run returned without closing stdin")
			}
		}})
	}
	return list
}

// s0 is a call that fails before its command has started.
func s0(spec func(*suite) runtime.Spec, kind error) func(*suite, *stuckInput) {
	return func(s *suite, in *stuckInput) {
		o := s.run(spec(s), in)
		s.failed(o, false, kind)
		s.quiet(o)
		if !s.lacks(LacksLateStdin) {
			s.unread(in)
		}
	}
}

// command is a spec for another command than the probe.
func (s *suite) command(args ...string) runtime.Spec {
	spec := s.spec()
	spec.Args = args
	return spec
}

func (s *suite) unread(in *stuckInput) {
	s.Helper()
	if n := in.reads.Load(); n > 0 {
		s.Errorf("stdin was read %d times, though the command never started", n)
	}
}
