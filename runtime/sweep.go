package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// SweepGrace is how long after its deadline a container is left alone by [Sweep]: its
// launcher may still be at its removal, and clocks differ.
const SweepGrace = 15 * time.Second

// discardLimit bounds the removal of one container by [Sweep].
const discardLimit = 15 * time.Second

// Container is one that a launcher has made and that is still there.
type Container struct {
	ID      string
	Name    string
	Image   string // as the engine has it; an ID for what [Spec.Image] named by ID
	State   string // in the engine's words, lower case: created, running, exited, ...
	Created time.Time
	Owner   string // the launcher, "host/pid"
	OwnName string // the name that it was launched under, from its label
	// Deadline is when the container has no more business to live; zero: never.
	Deadline time.Time
}

// Sweeper is implemented by a [Runtime] that can find and remove the containers of
// launchers that died. [Leftovers] and [Sweep] find it, and decide which those are.
type Sweeper interface {
	// Launched lists the containers on the engine, in any state, that carry
	// [LabelOwner], whoever launched them, with one request. Safe for concurrent use.
	Launched(ctx context.Context) ([]Container, error)
	// Discard kills and removes the container with that ID, and its anonymous volumes.
	// One that is gone already is no error. Safe for concurrent use.
	Discard(ctx context.Context, id string) error
}

// NewContainer is for a [Sweeper]: the part of a Container that is in its labels. A
// deadline that can't be read is none.
func NewContainer(labels map[string]string) Container {
	c := Container{Owner: labels[LabelOwner], OwnName: labels[LabelName]}
	if t, err := time.Parse(time.RFC3339, labels[LabelDeadline]); err == nil {
		c.Deadline = t
	}
	return c
}

// IsLeft reports whether the container's deadline was more than [SweepGrace] before t.
// Nothing but that tells what a launcher left from what one still uses; without a
// deadline it is never left.
func (c Container) IsLeft(t time.Time) bool {
	return !c.Deadline.IsZero() && c.Deadline.Add(SweepGrace).Before(t)
}

// Leftovers lists what [Sweep] would remove.
func Leftovers(ctx context.Context, rt Runtime, t time.Time) ([]Container, error) {
	s, ok := find[Sweeper](rt)
	if !ok {
		return nil, errNoSweeper()
	}
	left, _, err := leftovers(ctx, s, t)
	return left, err
}

// Sweep removes the containers that launchers which died left on the engine of rt: those
// of ours that are left at t, which is now for all purposes but tests. It never touches a
// container without our labels, nor one that a live launcher may still use. It returns
// those that it removed, and an error that names those that it could not. Safe for
// concurrent use, also by several processes.
func Sweep(ctx context.Context, rt Runtime, t time.Time) ([]Container, error) {
	s, ok := find[Sweeper](rt)
	if !ok {
		return nil, errNoSweeper()
	}
	left, _, err := leftovers(ctx, s, t)
	if err != nil {
		return nil, err
	}
	return discard(ctx, s, left)
}

func errNoSweeper() error {
	return &Error{Kind: ErrUnsupported, Message: "this runtime can't list its containers, so nothing that was left can be found"}
}

// leftovers lists what is left at t, and what else there is of ours.
func leftovers(ctx context.Context, s Sweeper, t time.Time) (left, others []Container, err error) {
	all, err := s.Launched(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range all {
		switch {
		case c.Owner == "": // whatever the engine thinks, it is nobody of ours
		case c.OwnName != c.Name: // it has its labels from an image that was made from one of ours
		case c.IsLeft(t):
			left = append(left, c)
		default:
			others = append(others, c)
		}
	}
	return left, others, nil
}

// discard removes containers, one after the other: nobody waits for it, and calls do for
// the engine.
func discard(ctx context.Context, s Sweeper, left []Container) (removed []Container, _ error) {
	var errs []error
	for _, c := range left {
		if err := ContextError(ctx, "", false); err != nil {
			return removed, errors.Join(append(errs, err)...)
		}
		one, cancel := context.WithTimeoutCause(ctx, discardLimit,
			fmt.Errorf("it was not gone after %s: %w", discardLimit, context.DeadlineExceeded))
		err := s.Discard(one, c.ID)
		cancel()
		if err != nil {
			errs = append(errs, fmt.Errorf("container %s, left by %s, can't be removed: %w", c.Name, c.Owner, err))
			continue
		}
		removed = append(removed, c)
	}
	return removed, errors.Join(errs...)
}

// ContainerName is for a [Sweeper]: the name of a container of which an engine gives
// several, some with a slash before them.
func ContainerName(names ...string) string {
	if len(names) == 0 {
		return ""
	}
	name, _, _ := strings.Cut(names[0], ",")
	return strings.TrimPrefix(name, "/")
}
