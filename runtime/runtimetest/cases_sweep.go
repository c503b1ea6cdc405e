package runtimetest

import (
	"context"
	"slices"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func sweepCases() []testCase {
	return []testCase{
		{"sweep/finds and removes", "A Sweeper lists the containers that carry our labels, and Discard removes one in any state.", sweepOne},
		{"sweep/again", "Discard of a container that is gone is no error.", func(s *suite) {
			if err := s.sweeper().Discard(s.context(), runtime.NewName()); err != nil {
				s.Errorf("Discard of no container: %v", err)
			}
		}},
	}
}

// sweepOne discards the container of a call that is under way, and none but those of this
// case: the engine may have others of ours.
func sweepOne(s *suite) {
	sweeper := s.sweeper()
	spec := s.spec("block")
	spec.Deadline = time.Now().Add(s.Patience).Truncate(time.Second)
	s.inMidRun(spec, func() {
		names := s.containers()
		if found := s.leftovers(time.Now(), names); len(found) > 0 {
			s.Errorf("a container that is in use counts as left: %+v", found)
		}
		found := s.leftovers(time.Now().AddDate(1, 0, 0), names)
		if len(found) != len(names) {
			s.Fatalf("in a year, %+v count as left; want those of %q", found, names)
		}
		for _, c := range found {
			if c.Deadline.Before(spec.Deadline) || c.Owner == "" || c.State == "" || c.Image == "" || time.Since(c.Created).Abs() > time.Hour {
				s.Errorf("it is listed as %+v; want a deadline of %v at the earliest, an owner, a state, an image and when it was made", c, spec.Deadline)
			}
			if err := sweeper.Discard(s.context(), c.ID); err != nil {
				s.Fatalf("Discard: %v", err)
			}
		}
		s.eventually(func() string {
			for _, name := range s.containers() {
				if slices.Contains(names, name) {
					return "there: the discarded container " + name
				}
			}
			return ""
		})
	})
}

// leftovers are those of the containers with these names that are left at t.
func (s *suite) leftovers(t time.Time, names []string) []runtime.Container {
	s.Helper()
	all, err := runtime.Leftovers(s.context(), s.rt, t)
	if err != nil {
		s.Fatalf("listing what is left: %v", err)
	}
	return slices.DeleteFunc(all, func(c runtime.Container) bool { return !slices.Contains(names, c.Name) })
}

// sweeper skips the case when the runtime is none.
func (s *suite) sweeper() runtime.Sweeper {
	s.Helper()
	for rt := s.rt; rt != nil; {
		if w, ok := rt.(runtime.Sweeper); ok {
			return w
		}
		u, ok := rt.(runtime.Unwrapper)
		if !ok {
			break
		}
		rt = u.Unwrap()
	}
	s.Skip("the runtime is no Sweeper, which is its right")
	return nil
}

func (s *suite) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), s.Patience)
	s.Cleanup(cancel)
	return ctx
}
