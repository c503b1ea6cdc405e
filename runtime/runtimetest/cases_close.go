package runtimetest

import (
	"context"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func closeCases() []testCase {
	return []testCase{
		{"close/run afterwards", "Run fails with ErrClosed after Close.", func(s *suite) {
			s.ok(s.spec("exit", "0"), nil)
			s.closeRuntime()
			o := s.run(s.spec("exit", "0"), text("input"))
			s.failed(o, false, runtime.ErrClosed)
			s.quiet(o)
		}},
		{"close/twice", "A second Close does nothing.", func(s *suite) {
			s.closeRuntime()
			s.closeRuntime()
		}},
		{"close/waits for removals", "Close waits for removals that are under way.", func(s *suite) {
			for range s.Tries {
				rt := s.New(s.TB)
				ctx, cancel := context.WithCancel(context.Background())
				out := newOutput()
				go func() {
					s.wait(out.ready)
					cancel()
				}()
				returnsWithin(s.TB, "Run", s.Patience, func() {
					_, _ = rt.Run(ctx, s.spec("block"), runtime.Stdio{Stdout: out})
				})
				cancel()
				returnsWithin(s.TB, "Close", s.Patience, func() { _ = rt.Close() })
				if left := s.containers(); len(left) > 0 {
					s.Errorf("after Close, containers are left: %q", left)
				}
			}
		}},
		{"close/others go on", "Closing one runtime is nothing to another one on the same engine.", func(s *suite) {
			other := s.New(s.TB)
			s.inMidRun(s.spec("block"), func() {
				returnsWithin(s.TB, "Close", s.Patience, func() { _ = other.Close() })
				if len(s.containers()) != 1 {
					s.Error("the container of another runtime is gone")
				}
			})
			s.echoes([]byte("still there"))
		}},
	}
}
