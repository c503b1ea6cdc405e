package runtimetest

import (
	"github.com/AltairaLabs/dockerrun/runtime"
)

func limitCases() []testCase {
	return []testCase{
		{"limits/out of memory", "OOMKilled says that the kernel killed the process for want of memory: the engine recorded it and Code is 137.", func(s *suite) {
			for range s.Tries {
				o := s.run(s.limited("oom"), nil)
				if s.lacks(LacksLimits) {
					// Not to be ignored in silence: the caller relies on the limit.
					s.failed(o, false, runtime.ErrUnsupported)
					s.quiet(o)
					continue
				}
				want := runtime.Status{Code: 137, OOMKilled: true}
				if s.lacks(LacksOOM) { // a runtime may have found it out all the same
					want.OOMKilled = o.status.OOMKilled
				}
				if o.err != nil || o.status != want {
					s.Errorf("Run returned %+v, %v; want %+v", o.status, o.err, want)
				}
				s.same("stdout", o.stdout, []byte("ready\n"))
			}
		}},
		{"limits/own exit with 137", "OOMKilled: the engine recorded it.", func(s *suite) {
			if s.lacks(LacksLimits) {
				s.ended(s.run(s.spec("exit", "137"), nil), 137)
				return
			}
			s.ended(s.run(s.limited("exit", "137"), nil), 137)
			s.ended(s.run(s.limited("kill", "9"), nil), 137)
		}},
	}
}

func (s *suite) limited(args ...string) runtime.Spec {
	spec := s.spec(args...)
	spec.Memory, spec.MemorySwap = 32<<20, 32<<20
	return spec
}
