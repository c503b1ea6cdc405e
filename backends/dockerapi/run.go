package dockerapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// outputGrace is how long output may be silent without ending after the command has
// ended. The engine itself waits two seconds for its end, so that only what holds the
// pipes from outside the container (a grandchild with --pid=host) gets here.
const outputGrace = time.Second

// Run launches one container; see [runtime.Runtime].
//
// The order is create; attach and wait, both before start so that neither can miss
// anything; start; stdin and output at once; exit status. The engine removes the
// container by itself (--rm); Run returns when the command has ended and all its output is
// here, and the removal is watched behind the caller's back.
func (r *Runtime) Run(ctx context.Context, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
	c := call.Begin(ctx, Key, stdio)
	defer c.End()
	spec, err := spec.Resolve(ctx, Key)
	if err != nil {
		return runtime.Status{}, err
	}
	req, err := r.request(spec)
	if err != nil {
		return runtime.Status{}, err
	}
	if err := r.removals.Enter(Key); err != nil {
		return runtime.Status{}, err
	}
	defer r.removals.Done()
	p := &process{Runtime: r, call: c, trace: runtime.ContextTrace(ctx), spec: spec}
	if err := p.admit(); err != nil {
		return runtime.Status{}, err
	}
	defer p.leave()
	if err := p.create(ctx, req); err != nil {
		return runtime.Status{}, err
	}
	status, err := p.run()
	p.remove(ctx, err == nil)
	return status, err
}

// process is one call whose container is being made or exists.
type process struct {
	*Runtime
	call    *call.Call
	trace   *runtime.Trace
	spec    runtime.Spec
	id      string
	session *session // once attached
	frames  call.Frames
	started bool // or may have

	cleaning bool // in the background, which then leaves the call's place
}

// create makes the container. When the call ends before the engine has answered, the
// request is not cancelled, as the engine would make the container all the same, at a
// time we would not know; it is left to settle and what came of it removed.
func (p *process) create(ctx context.Context, req *createRequest) error {
	type made struct {
		container.CreateResponse
		err error
	}
	answer := make(chan made, 1)
	createCtx, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer giveUp()
		resp, err := p.requestCreate(createCtx, req)
		if err == nil && resp.ID == "" { // something between us and the engine has cut it
			err = fmt.Errorf("the engine made a container and did not say which: %w", io.ErrUnexpectedEOF)
		}
		answer <- made{resp, err}
	}()
	var m made
	select {
	case m = <-answer:
	case <-p.call.Ctx.Done():
		p.cleanUp(ctx, func(ctx context.Context) {
			var m made
			select {
			case m = <-answer:
			case <-ctx.Done():
				giveUp()
				m = <-answer
			}
			switch {
			case m.err == nil:
				p.trace.Removed(p.forceRemove(ctx, m.ID))
			case leftBehind(m.err):
				p.trace.Removed(p.removeUnknown(ctx))
			}
		})
		return p.call.Err(false)
	}
	if m.err != nil {
		if leftBehind(m.err) {
			p.cleanUp(ctx, func(ctx context.Context) {
				_ = p.removeUnknown(ctx) // the call failed already, and the engine with it
			})
		}
		return p.failure(m.err, false, "")
	}
	p.id = m.ID
	p.trace.Created(p.id)
	if err := p.warnings(m.Warnings); err != nil {
		p.remove(ctx, false)
		return err
	}
	return nil
}

// warnings reports the engine's, and fails when one of them says that a limit that was
// asked for is not kept.
func (p *process) warnings(list []string) error {
	var dropped error
	for _, w := range list {
		p.trace.Warning(w)
		if dropped == nil && discarded(w, p.spec) {
			dropped = &runtime.Error{Kind: runtime.ErrUnsupported, Runtime: Key,
				Message: "the engine would not keep a limit that was asked for: " + w}
		}
	}
	return dropped
}

// run starts the container and stays with it until its command ends.
func (p *process) run() (runtime.Status, error) {
	ctx, cancel := context.WithCancel(p.call.Ctx)
	defer cancel() // ends the wait
	s, err := p.open(ctx, p.id)
	if err != nil {
		return runtime.Status{}, p.ended(err, "attaching to the container")
	}
	p.session = s
	copied := make(chan error, 1)
	go func() { copied <- p.frames.Copy(s.out, p.call.Stdout, p.call.Stderr) }()
	if err := p.cli.ContainerStart(ctx, p.id, container.StartOptions{}); err != nil {
		p.started = undecided(err)
		return runtime.Status{}, p.ended(err, "")
	}
	p.started = true
	p.trace.Started()
	p.call.PumpStdin(&input{p.call.Ctx, s.in}, s.in.CloseWrite)

	code, err := p.finish(s.exit, copied)
	if err != nil {
		return runtime.Status{}, err
	}
	status := runtime.Status{Code: code}
	if code == 137 {
		status.OOMKilled = p.oomKilled(ctx)
		if err := p.call.Err(true); err != nil {
			return runtime.Status{}, err
		}
	}
	p.trace.Exited(status)
	return status, nil
}

// finish waits for the exit status and the end of the output.
func (p *process) finish(exited <-chan exit, copied <-chan error) (int, error) {
	var status exit
	ended := copied // nil once the output has ended, which may come first
	for waiting := true; waiting; {
		select {
		case status = <-exited:
			waiting = false
		case err := <-ended:
			if err != nil {
				return 0, p.ended(err, "reading the command's output")
			}
			ended = nil
		case <-p.call.Ctx.Done():
			return 0, p.call.Err(true)
		}
	}
	if status.err != nil {
		return 0, p.ended(status.err, "waiting for the command's end")
	}
	if ended == nil {
		return status.code, nil
	}
	whole, err := p.drain(ended)
	if err != nil {
		return 0, p.ended(err, "reading the command's output")
	}
	if !whole {
		p.trace.Warning(fmt.Sprintf("the command ended, and something else still holds its output open, silent for %v; it is not waited for", outputGrace))
	}
	return status.code, nil
}

// drain waits for the end of the output of a command that has ended, and reports whether
// it came. It goes on for as long as the engine is silent itself.
func (p *process) drain(copied <-chan error) (bool, error) {
	for {
		whole, err := p.call.Drain(copied, outputGrace)
		switch {
		case whole || err != nil:
			return whole, err
		case p.frames.Within():
			return false, fmt.Errorf("it stopped within a frame: %w", io.ErrUnexpectedEOF)
		}
		if _, err := p.cli.Ping(p.call.Ctx); err == nil || !unreachable(err) {
			return false, nil
		}
	}
}

// ended says why the call broke off: because its context ended, or with err.
func (p *process) ended(err error, doing string) error {
	if ended := p.call.Err(p.started); ended != nil {
		return ended
	}
	if doing != "" {
		err = fmt.Errorf("%s: %w", doing, err)
	}
	return p.failure(err, p.started, p.id)
}

// failure is err as a [*runtime.Error].
func (r *Runtime) failure(err error, started bool, id string) error {
	if e, ok := errors.AsType[*runtime.Error](err); ok {
		return e
	}
	e := classify(err, r.raw.host, id)
	e.Started = started
	return e
}
