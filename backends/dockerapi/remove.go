package dockerapi

import (
	"context"
	"errors"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
)

const (
	// removalLimit bounds the clean-up of one container, and so what Close waits for.
	removalLimit = 30 * time.Second
	// autoRemoveLimit is how long the engine may take to remove an ended container
	// by itself before it is told to.
	autoRemoveLimit = 10 * time.Second
)

var errMissingOnce = errors.New("the engine has no such container; it may still be making it")

// remove sees to it in the background that the container goes: after a normal end by
// watching the engine do it, else by force. Then the input is closed, and not before: a
// command that is not dead yet would take the end of the connection for the end of
// its input, and act on half of it. The output is closed at once: an engine that can't
// write it can't end the container either.
func (p *process) remove(ctx context.Context, ended bool) {
	p.session.closeOutput()
	if ended {
		p.session.close()
	}
	p.cleanUp(ctx, func(ctx context.Context) {
		if ended && p.autoRemoved(ctx) {
			p.trace.Removed(nil)
			return
		}
		err := p.forceRemove(ctx, p.id, false)
		p.session.close()
		p.trace.Removed(err)
	})
}

// autoRemoved waits for the engine's own removal.
func (p *process) autoRemoved(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, autoRemoveLimit)
	defer cancel()
	results, errs := p.cli.ContainerWait(ctx, p.id, container.WaitConditionRemoved)
	select {
	case res := <-results:
		return res.Error == nil
	case err := <-errs:
		return cerrdefs.IsNotFound(err)
	}
}

// leftBehind tells whether a create that failed with err may have left a container: one
// that failed inside the engine (5xx) cleans up after itself, but not always.
func leftBehind(err error) bool {
	return undecided(err) || cerrdefs.IsInternal(err)
}

// forceRemove kills and removes the container, whatever state it is in, and its
// anonymous volumes. Failures are tried again until ctx ends: an engine that is
// removing the container already, or still starting it, answers with an error.
// uncertain says that the engine may still be making it, so that it must have been
// missing twice.
func (r *Runtime) forceRemove(ctx context.Context, ref string, uncertain bool) error {
	err := call.Retry(ctx, 20*time.Millisecond, time.Second, func(ctx context.Context) error {
		err := r.cli.ContainerRemove(ctx, ref, container.RemoveOptions{Force: true, RemoveVolumes: true})
		if !cerrdefs.IsNotFound(err) {
			return err
		}
		if uncertain {
			uncertain = false
			return errMissingOnce
		}
		return nil
	}, func(error) bool { return false })
	if err != nil {
		return r.failure(err, true, "")
	}
	return nil
}
