package dockerapi

import (
	"context"
	"errors"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
	"github.com/AltairaLabs/dockerrun/runtime"
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
		err := p.forceRemove(ctx, p.id)
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
func (r *Runtime) forceRemove(ctx context.Context, id string) error {
	return r.retryRemoval(ctx, func(ctx context.Context) error {
		if err := r.removeOnce(ctx, id); !cerrdefs.IsNotFound(err) {
			return err
		}
		return nil
	})
}

// removeUnknown is forceRemove for what a create may have left that gave no ID. The engine
// may still be making it, so that it must have been missing twice.
func (p *process) removeUnknown(ctx context.Context) error {
	missed := false
	return p.retryRemoval(ctx, func(ctx context.Context) error {
		ref, err := p.unknown(ctx)
		if err == nil {
			err = p.removeOnce(ctx, ref)
		}
		switch {
		case !cerrdefs.IsNotFound(err):
			return err
		case !missed:
			missed = true
			return errMissingOnce
		}
		return nil
	})
}

// unknown finds what a create left by its name, which is nobody else's; one that the caller
// chose can be, so then the call's label tells.
func (p *process) unknown(ctx context.Context) (string, error) {
	label, named := p.spec.Labels[runtime.LabelCall]
	if !named {
		return p.spec.Name, nil
	}
	list, err := p.list(ctx, runtime.LabelCall+"="+label)
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return "", cerrdefs.ErrNotFound
	}
	return list[0].ID, nil
}

func (r *Runtime) removeOnce(ctx context.Context, ref string) error {
	return r.cli.ContainerRemove(ctx, ref, container.RemoveOptions{Force: true, RemoveVolumes: true})
}

func (r *Runtime) retryRemoval(ctx context.Context, try func(context.Context) error) error {
	err := call.Retry(ctx, 20*time.Millisecond, time.Second, try, func(error) bool { return false })
	if err != nil {
		return r.failure(err, true, "")
	}
	return nil
}
