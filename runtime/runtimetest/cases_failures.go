package runtimetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/AltairaLabs/dockerrun/runtime"
)

const saysKinds = "Everything that can go wrong other than a non-zero exit is an *Error whose kind is one of the Err values. stderr is free of engine noise."

func failureCases() []testCase {
	fails := func(kind error, spec func(*suite) runtime.Spec) func(*suite) {
		return func(s *suite) {
			o := s.run(spec(s), text("input"))
			s.failed(o, false, kind)
			s.quiet(o)
			s.names(o.err)
		}
	}
	return []testCase{
		{"failure/image missing", "Run never pulls: an image that the engine does not have is ErrImageMissing.", fails(runtime.ErrImageMissing, func(s *suite) runtime.Spec {
			spec := s.spec("exit", "0")
			spec.Image = s.Missing
			return spec
		})},
		{"failure/image missing, pull always", "Run never pulls: an image that the engine does not have is ErrImageMissing.", fails(runtime.ErrImageMissing, func(s *suite) runtime.Spec {
			spec := s.spec("exit", "0")
			spec.Image, spec.Pull = s.Missing, runtime.PullAlways
			return spec
		})},
		{"failure/command not found", saysKinds, fails(runtime.ErrCommandNotFound, func(s *suite) runtime.Spec {
			return s.command("/no/such/command", "arg")
		})},
		{"failure/command not found in PATH", saysKinds, fails(runtime.ErrCommandNotFound, func(s *suite) runtime.Spec {
			return s.command("no-such-command")
		})},
		{"failure/not executable", saysKinds, fails(runtime.ErrNotExecutable, func(s *suite) runtime.Spec {
			return s.command("/etc/notexec")
		})},
		{"failure/invalid spec", "The first fault is an *Error of kind ErrInvalidSpec.", func(s *suite) {
			for _, change := range []func(*runtime.Spec){
				func(spec *runtime.Spec) { spec.Image = "" },
				func(spec *runtime.Spec) { spec.Image = "--privileged" },
				func(spec *runtime.Spec) { spec.Name = "-x" },
				func(spec *runtime.Spec) { spec.Args = []string{"nul\x00byte"} },
				func(spec *runtime.Spec) { spec.Env = []string{"=x"} },
				func(spec *runtime.Spec) { spec.Dir = "relative" },
				func(spec *runtime.Spec) { spec.Memory = -1 },
			} {
				spec := s.spec("exit", "0")
				change(&spec)
				o := s.run(spec, text("input"))
				s.failed(o, false, runtime.ErrInvalidSpec)
				s.quiet(o)
			}
		}},
		{"failure/failures do not stick", "All methods are safe for concurrent use, and a failed call costs no later one.", func(s *suite) {
			s.failed(s.run(s.command("/no/such/command"), nil), false, runtime.ErrCommandNotFound)
			s.echoes([]byte("after a failure"))
		}},
		{"failure/name in use", "Run owns the container that it makes, and no other.", func(s *suite) {
			spec := s.spec("block")
			spec.Name = runtime.NewName()
			s.inMidRun(spec, func() {
				second := s.spec("exit", "0")
				second.Name = spec.Name
				s.failed(s.run(second, nil), false, runtime.ErrEngine)
				if names := s.containers(); !slices.Contains(names, spec.Name) {
					s.Errorf("the first container of the name is gone: there are %q", names)
				}
			})
		}},
		{"failure/trace", "Phases reach whoever asks through hooks in ctx: Created, Started, Exited, Removed.", phases},
		{"failure/info", "Info asks the engine what it is.", info},
	}
}

// names checks that an error says whose it is.
func (s *suite) names(err error) {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), s.Patience)
	defer cancel()
	info, infoErr := s.rt.Info(ctx)
	if infoErr != nil {
		s.Fatalf("Info: %v", infoErr)
	}
	if e, ok := errors.AsType[*runtime.Error](err); ok && e.Runtime != info.Runtime {
		s.Errorf("Error.Runtime is %q; want %q, as Info has it", e.Runtime, info.Runtime)
	}
}

// phases follows one call that works and one whose command can't start.
func phases(s *suite) {
	works := s.traced(s.spec("exit", "6"))
	fails := s.traced(s.command("/no/such/command"))
	if s.lacks(LacksPhases) {
		known := func(what string) bool { return what == "created" || what == "started" || what == "removed" }
		works, fails = slices.DeleteFunc(works, known), slices.DeleteFunc(fails, known)
		if !slices.Equal(works, []string{"exited 6"}) || len(fails) > 0 {
			s.Errorf("the trace of a call is %q, that of a command that can't start %q", works, fails)
		}
		return
	}
	if want := []string{"created", "started", "exited 6", "removed"}; !slices.Equal(works, want) {
		s.Errorf("the trace of a call is %q; want %q", works, want)
	}
	// Whether a container is made for it at all is the engine's matter.
	if want := []string{"created", "removed"}; len(fails) > 0 && !slices.Equal(fails, want) {
		s.Errorf("the trace of a command that can't start is %q; want %q or none", fails, want)
	}
}

// traced is what a Trace was told of a call, to its removal.
func (s *suite) traced(spec runtime.Spec) []string {
	s.Helper()
	var (
		mu   sync.Mutex
		seen []string
	)
	tell := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, what)
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.Patience)
	defer cancel()
	ctx = runtime.WithTrace(ctx, &runtime.Trace{
		Created: func(id string) {
			if id == "" {
				s.Error("Created was called without an id")
			}
			tell("created")
		},
		Started: func() { tell("started") },
		Exited:  func(status runtime.Status) { tell(fmt.Sprint("exited ", status.Code)) },
		Removed: func(err error) {
			if err != nil {
				s.Errorf("Removed was called with %v", err)
			}
			tell("removed")
		},
	})
	rt := s.New(s.TB)
	returnsWithin(s, "Run and Close", s.Patience, func() {
		_, _ = rt.Run(ctx, spec, runtime.Stdio{})
		_ = rt.Close()
	})
	mu.Lock()
	defer mu.Unlock()
	return slices.Clone(seen)
}

func info(s *suite) {
	ctx, cancel := context.WithTimeout(context.Background(), s.Patience)
	defer cancel()
	got, err := s.rt.Info(ctx)
	switch {
	case err != nil:
		s.Fatalf("Info: %v", err)
	case got.Runtime == "" || got.Engine == "" || got.Version == "":
		s.Errorf("Info lacks something that every runtime knows: %+v", got)
	case got.OS != "linux" || got.Arch == "" || strings.Contains(got.Arch, "x86_64"):
		s.Errorf("Info's OS is %q, Arch %q; want them as Go spells them", got.OS, got.Arch)
	case got.LimitsEnforced == s.lacks(LacksLimits):
		s.Errorf("Info's LimitsEnforced is %t; the Config says otherwise", got.LimitsEnforced)
	case !slices.IsSorted(got.OCIRuntimes):
		s.Errorf("Info's OCIRuntimes are not sorted: %q", got.OCIRuntimes)
	}
	cancel()
	if _, err := s.rt.Info(ctx); !errors.Is(err, context.Canceled) {
		s.Errorf("Info with a context that has ended: %v; want %v", err, context.Canceled)
	}
}
