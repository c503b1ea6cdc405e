package dockercli

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// Run runs spec with one `docker run --rm -i`. The container is gone when the command
// line has ended; when ctx ends first, Run returns at once and the removal goes on
// behind it. What [runtime.Trace] hears of Created and Started is only as early as
// output or the exit tell.
func (r *Runtime) Run(ctx context.Context, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
	c := call.Begin(ctx, Key, stdio)
	defer c.End()
	if err := r.removals.Enter(Key); err != nil {
		return runtime.Status{}, err
	}
	defer r.removals.Done()

	spec, err := spec.Resolve(c.Ctx, Key)
	if err != nil {
		return runtime.Status{}, err
	}
	cl, err := r.find(c.Ctx)
	if err != nil {
		return runtime.Status{}, err
	}
	if err := cl.check(spec); err != nil {
		return runtime.Status{}, err
	}
	env, err := cl.splitEnv(spec.Env, cl.remote(os.LookupEnv), os.LookupEnv)
	if err != nil {
		return runtime.Status{}, err
	}

	run := &run{rt: r, cl: cl, call: c, spec: spec,
		trace: runtime.ContextTrace(ctx), discarded: make(chan error, 1)}
	if err := run.checkLimits(); err != nil {
		return runtime.Status{}, err
	}
	if err := run.admit(); err != nil {
		return runtime.Status{}, err
	}
	defer run.leave()
	run.began = time.Now()
	run.stderr = &stderrFilter{to: c.Stderr, warn: run.warn}
	args := cl.runArgs(spec, env, run.began)
	run.proc, err = start(cl.path, cl.oomDir(spec), args, env, neverFails{c.Stdout}, run.stderr)
	if err != nil {
		return runtime.Status{}, startError(cl.path, args, err)
	}
	c.PumpStdin(input{run.proc.stdin, c.Ctx}, run.proc.stdin.Close)
	return run.wait()
}

// input is the command line's stdin, for as long as the call lasts. When the call was
// ended, it stays open until the command line has ended, as the command must not take
// half an input for the whole while it is being killed.
type input struct {
	to   io.Writer
	call context.Context
}

func (i input) Write(p []byte) (int, error) {
	if err := i.call.Err(); err != nil {
		return 0, err // there must be no further Read
	}
	return i.to.Write(p)
}

// run is one call whose command line was started.
type run struct {
	rt        *Runtime
	cl        *client
	call      *call.Call
	spec      runtime.Spec
	began     time.Time
	trace     *runtime.Trace
	stderr    *stderrFilter
	discarded chan error // a limit that was asked for does not hold
	proc      *process

	removing bool // in the background, which then leaves the call's place
}

// leave gives the place back when Run returns, or else when the removal is done.
func (r *run) leave() {
	if !r.removing {
		r.call.Place.Leave()
	}
}

// warn passes a warning of the engine on.
func (r *run) warn(text string) {
	r.trace.Warning(text)
	if limit := discards(r.spec, text); limit != "" {
		select {
		case r.discarded <- &runtime.Error{Kind: runtime.ErrUnsupported, Runtime: Key, Started: true,
			Message: fmt.Sprintf("the engine does not hold containers to %s: %s", limit, text)}:
		default:
		}
	}
}

// wait waits for the end of the command line or of the call.
func (r *run) wait() (runtime.Status, error) {
	select {
	case <-r.proc.done:
	case err := <-r.discarded:
		return r.abort(err)
	case <-r.call.Ctx.Done():
		return r.abort(r.call.Err(true))
	}
	select {
	case err := <-r.discarded:
		return r.abort(err)
	default:
	}
	status, err := r.verdict()
	if r.call.Ctx.Err() != nil {
		// Ended or unable to write at the last moment: not all may have been delivered.
		return r.abort(r.call.Err(true))
	}
	return status, err
}

// abort gives the call up with err and removes its container behind it.
func (r *run) abort(err error) (runtime.Status, error) {
	r.stderr.flush()
	r.remove()
	return runtime.Status{}, err
}

// verdict is what the exit status of the command line means.
func (r *run) verdict() (runtime.Status, error) {
	code := r.proc.code()
	held := r.stderr.held()
	status := runtime.Status{Code: code}
	switch {
	case code < 0:
		r.stderr.flush()
		r.remove()
		return runtime.Status{}, &runtime.Error{Kind: runtime.ErrEngine, Runtime: Key, Started: true,
			Message: "the command line was killed from outside", Err: fmt.Errorf("%s", r.proc.cmd.ProcessState)}
	case code == 137:
		status.OOMKilled = r.proc.oom || !r.cl.podman && r.cl.history(r.call.Ctx, r.spec.Name, r.began).oom
	case code == 125 || code == 126 || code == 127 || code == 1 && isSetupError(held):
		h := r.cl.history(r.call.Ctx, r.spec.Name, r.began)
		own := h.started && h.ended && h.code == code
		if !h.created { // the engine knows nothing, so the text must do
			if held == "" && code == 125 {
				held = r.stderr.interrupted()
			}
			own = held == ""
		}
		if !own {
			return r.failed(h, held)
		}
	}
	r.stderr.flush()
	r.trace.Created(r.spec.Name)
	r.trace.Started()
	r.trace.Exited(status)
	r.trace.Removed(nil)
	return status, nil
}

// failed is the error of a command line that failed by itself.
func (r *run) failed(h history, held string) (runtime.Status, error) {
	f := classify(held)
	if isConflict(held) {
		return runtime.Status{}, f.error(false) // what the engine knows is of another's container
	}
	if h.started && f.kind != runtime.ErrUnavailable {
		f.kind = runtime.ErrEngine // whatever it says, the command was found and ran
	}
	if f.kind == runtime.ErrUnavailable && !f.clean && !h.created {
		h.started = true // nobody can say that it has not
	}
	if !(f.clean && !h.created || h.removed) {
		r.remove()
	}
	return runtime.Status{}, f.error(h.started || r.stderr.wrote())
}

// neverFails goes on reading when the caller has stopped listening, as the command
// line would otherwise end before its container.
type neverFails struct {
	to interface{ Write([]byte) (int, error) }
}

func (w neverFails) Write(p []byte) (int, error) {
	_, _ = w.to.Write(p) // the call's writers end it themselves when they fail
	return len(p), nil
}
