package warm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

const (
	// lingerLimit is how long a container may take to end by itself when its command
	// has ended, before it is killed.
	lingerLimit = 5 * time.Second
	// verdictLimit is how long a call waits for the engine to say whether memory ran
	// out.
	verdictLimit = 2 * time.Second
)

// errDead says that a container turned out to be dead before it had begun its call.
var errDead = errors.New("the warm container had ended before its call")

// serve makes a call on u, whose header (nil: it was sent ahead) says what to run, and fails with errDead when nothing of the call has happened
// and another container can have it.
func (u *unit) serve(ctx context.Context, header []byte, spec runtime.Spec, in *feed, stdio runtime.Stdio) (runtime.Status, error) {
	trace := runtime.ContextTrace(ctx)
	trace.Warm(u.warmth())
	body := in.reader()
	if !u.in.send(header, body) { // so nothing that it wrote or did is of the call
		u.cancel()
		return runtime.Status{}, errDead
	}
	u.life.link(ctx)
	u.tell(trace)
	defer func() {
		// Nothing of the call's is touched from here on.
		body.stop()
		u.stdout.end()
		u.stderr.end()
		u.untell()
	}()
	if err := errors.Join(u.stdout.take(stdio.Stdout), u.stderr.take(stdio.Stderr)); err != nil {
		u.cancel()
		return runtime.Status{}, runtime.BrokenOff(fmt.Errorf("writing the output: %w", err), u.key(), true)
	}

	select {
	case <-u.started:
		in.settle()
	case <-u.finished:
	case <-u.over:
	case <-ctx.Done():
	}
	select {
	case <-u.finished:
	case <-u.over:
	case <-ctx.Done():
		u.cancel()
		return runtime.Status{}, runtime.ContextError(ctx, u.key(), true)
	}
	status, err := u.result(ctx, spec)
	if broken := in.failure(); err == nil && broken != nil {
		err = runtime.BrokenOff(fmt.Errorf("reading the input: %w", broken), u.key(), true)
	}
	if err == nil {
		trace.Exited(status)
	}
	return status, err
}

// result is how the call ended: its trailers are there, or its container is gone.
func (u *unit) result(ctx context.Context, spec runtime.Spec) (runtime.Status, error) {
	select {
	case <-u.finished:
		return u.trailer(ctx, spec)
	default:
	}
	switch {
	case u.untouched():
		return runtime.Status{}, errDead
	case u.err != nil:
		return runtime.Status{}, u.err
	}
	if err := errors.Join(u.stdout.rest(), u.stderr.rest()); err != nil {
		return runtime.Status{}, runtime.BrokenOff(fmt.Errorf("writing the output: %w", err), u.key(), true)
	}
	if !u.direct && !u.killed() {
		return runtime.Status{}, &runtime.Error{Kind: runtime.ErrUnavailable, Runtime: u.key(), Started: true, Err: errNoTrailer}
	}
	return u.status, nil
}

// errNoTrailer is of an output that the engine passed off as whole.
var errNoTrailer = errors.New("the output ended before the command's end was in it")

// killed reports whether a signal may have ended the container. What else ends a gate
// comes after the trailers. Only when u is over.
func (u *unit) killed() bool {
	return u.err == nil && u.status.Signal() != 0
}

// untouched reports whether nothing of the call can have reached a command, as far as
// that is certain: an engine that broke off may have swallowed the gate's word, and a gate
// that has read its header ends by itself only when its command has.
func (u *unit) untouched() bool {
	header, body := u.in.read()
	if u.shelf.eager() {
		return !body && !u.stdout.wrote() && !u.stderr.wrote()
	}
	return !u.hasBegun() && (!header || u.killed())
}

func (u *unit) key() string { return u.shelf.pool.opts.RuntimeKey }

// trailer is what the gate says of the command's end.
func (u *unit) trailer(ctx context.Context, spec runtime.Spec) (runtime.Status, error) {
	code := u.stdout.status()
	if message := u.stderr.message(); message != "" || !u.hasBegun() {
		kind := runtime.ErrCommandNotFound
		if code == 126 {
			kind = runtime.ErrNotExecutable
		}
		return runtime.Status{}, &runtime.Error{Kind: kind, Runtime: u.key(), Message: commandLine(u.image, spec)[0]}
	}
	status := runtime.Status{Code: code}
	if code == 137 {
		// The gate ends with the same status, so that the engine gives its own verdict.
		limit := time.NewTimer(verdictLimit)
		defer limit.Stop()
		select {
		case <-u.over:
			status.OOMKilled = u.err == nil && u.status.OOMKilled
		case <-limit.C:
		case <-ctx.Done():
			u.cancel()
			return runtime.Status{}, runtime.ContextError(ctx, u.key(), true)
		}
	}
	return status, nil
}

// letGo gives the container its time to end by itself.
func (u *unit) letGo() {
	t := time.AfterFunc(lingerLimit, u.cancel)
	context.AfterFunc(u.ctx, func() { t.Stop() })
}
