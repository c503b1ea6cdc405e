package dockercli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Times of a removal.
const (
	removeLimit = 30 * time.Second // in all
	removeTry   = 15 * time.Second // one attempt; an engine waits 10 s for a process to die
	// A command line ends by itself when its container is removed. One that does not
	// in lingerLimit is killed.
	lingerLimit = 5 * time.Second
	// settleTime is how long after a command line was killed the engine may still act on
	// its request to create.
	settleTime = 10 * time.Second
)

// remove removes the container in the background, wherever its creation stands, and
// then sees the command line off.
//
// The command line is left running meanwhile, its stdin open: killed, it would leave a
// creation under way that nobody waits for (Docker), or a half made container
// (Podman, where the command line is the engine), and the command would see the end of
// half an input. That it has ended says that the creation has.
func (r *run) remove() {
	if r.removing {
		return
	}
	r.removing = true
	r.rt.removals.Go(r.call.Ctx, removeLimit, func(ctx context.Context) {
		defer r.call.Place.Leave()
		r.call.Place.RegainToRemove(ctx)
		err := r.removeUntilGone(ctx)
		r.await(time.Second)
		r.proc.kill()
		<-r.proc.done
		if err != nil {
			err = &runtime.Error{Kind: runtime.ErrEngine, Runtime: Key, Started: true,
				Message: "container " + r.spec.Name + " could not be removed", Err: err}
			r.trace.Warning(err.Error())
		}
		r.trace.Removed(err)
	})
}

// removeUntilGone tries until the container was removed, or until it was missing twice
// when nobody could create it any more.
func (r *run) removeUntilGone(ctx context.Context) error {
	began, missing := time.Now(), 0
	var killed time.Time
	var last error
	for pause := 30 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		settled := r.settled(killed)
		switch gone, err := r.tryRemove(ctx); {
		case err != nil:
			last, missing = err, 0
		case gone: // there was one, and there is never a second
			return nil
		case settled:
			if missing++; missing >= 2 {
				return nil
			}
		}
		if killed.IsZero() && time.Since(began) > lingerLimit {
			r.proc.kill()
			killed = time.Now()
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return errors.Join(last, ctx.Err())
		}
	}
}

// settled reports whether the container can't be created any more.
func (r *run) settled(killed time.Time) bool {
	select {
	case <-r.proc.done:
	default:
		return false
	}
	if r.proc.code() >= 0 {
		return true
	}
	return !killed.IsZero() && time.Since(killed) > settleTime
}

// await waits for the command line to end.
func (r *run) await(limit time.Duration) {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-r.proc.done:
	case <-t.C:
	}
}

// tryRemove removes the container if it is there, and reports whether it was.
func (r *run) tryRemove(ctx context.Context) (bool, error) {
	label, named := r.spec.Labels[runtime.LabelCall]
	if !named {
		return r.cl.remove(ctx, r.spec.Name)
	}
	// The name is not ours alone: only what has the call's label is removed.
	out, err := r.cl.output(ctx, removeTry, r.cl.labelArgs(runtime.LabelCall+"="+label)...)
	if err != nil {
		return false, err
	}
	gone := false
	for _, id := range strings.Fields(out) {
		one, err := r.cl.remove(ctx, id)
		if err != nil {
			return false, err
		}
		gone = gone || one
	}
	return gone, nil
}

// remove removes a container, whatever its state, and reports whether there was one.
func (cl *client) remove(ctx context.Context, container string) (bool, error) {
	out, err := cl.output(ctx, removeTry, cl.removeArgs(container)...)
	switch failed := (*commandError)(nil); {
	case err == nil:
		return strings.TrimSpace(out) != "", nil // the old and the new say so with status 0
	case errors.As(err, &failed) && isMissing(failed.text):
		return false, nil
	}
	return false, fmt.Errorf("rm: %w", err)
}
