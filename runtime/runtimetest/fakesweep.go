package runtimetest

import (
	"context"
	"slices"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Leave puts containers on the engine that some launcher has left there. They stay until
// a sweep removes them; their ID and OwnName, when empty, are their name.
func (f *Fake) Leave(containers ...runtime.Container) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range containers {
		if c.ID == "" {
			c.ID = c.Name
		}
		if c.OwnName == "" {
			c.OwnName = c.Name
		}
		f.left = append(f.left, c)
	}
}

// Launched implements [runtime.Sweeper]. It fails as Describe does.
func (f *Fake) Launched(ctx context.Context) ([]runtime.Container, error) {
	if !f.enter() {
		return nil, f.fail(runtime.ErrClosed, "")
	}
	defer f.running.Done()
	if err := runtime.ContextError(ctx, f.key(), false); err != nil {
		return nil, err
	}
	if f.Describe != nil {
		if _, err := f.Describe(ctx); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists++
	all := slices.Clone(f.left)
	for name, p := range f.containers {
		c := runtime.NewContainer(p.Spec.Labels)
		c.ID, c.Name, c.Image, c.State, c.Created = name, name, p.Spec.Image, "running", p.made
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b runtime.Container) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Lists is how often Launched was called.
func (f *Fake) Lists() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lists
}

// Discard implements [runtime.Sweeper]. What runs is killed, and gone when its program has
// returned.
func (f *Fake) Discard(ctx context.Context, id string) error {
	if !f.enter() {
		return f.fail(runtime.ErrClosed, "")
	}
	defer f.running.Done()
	if f.OnDiscard != nil {
		if err := f.OnDiscard(ctx, id); err != nil {
			return f.wrap(runtime.ErrEngine, err)
		}
	}
	f.mu.Lock()
	f.left = slices.DeleteFunc(f.left, func(c runtime.Container) bool { return c.ID == id })
	f.mu.Unlock()
	f.Kill(id)
	return nil
}
