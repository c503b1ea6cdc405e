package podman

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
	"github.com/AltairaLabs/dockerrun/runtime"
)

const (
	doingConnect = "connecting"
	doingImage   = "looking at the image"
	doingCreate  = "creating the container"
	doingAttach  = "preparing the container"
	doingStart   = "starting the container"
	doingOutput  = "reading the output"
	doingExit    = "asking for the exit status"
)

// createLimit bounds a create that nobody waits for any more.
const createLimit = 2 * time.Minute

// Run runs spec in a fresh container; see [runtime.Runtime].
//
// A call is create, attach for output, attach for input, start, and after the end of
// the output a look at the exit status; the removal then goes on in the background.
// Attaching is what makes the OCI runtime prepare the container, so it is where a
// missing command shows.
func (r *Runtime) Run(ctx context.Context, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
	cl := call.Begin(ctx, Key, stdio)
	defer cl.End()
	if err := r.removals.Enter(Key); err != nil {
		return runtime.Status{}, err
	}
	defer r.removals.Done()
	spec, err := spec.Resolve(ctx, Key)
	if err != nil {
		return runtime.Status{}, err
	}
	c, err := r.connect(cl.Ctx)
	if err != nil {
		return runtime.Status{}, err
	}
	s := &session{runtime: r, conn: c, call: cl, spec: spec, trace: runtime.ContextTrace(ctx)}
	status, doing, err := s.run(ctx)
	if err == nil {
		return status, nil
	}
	if ended := cl.Err(s.started); ended != nil {
		return runtime.Status{}, ended
	}
	return runtime.Status{}, r.failure(ctx, c, err, doing, s.started)
}

// session is one Run on one connection.
type session struct {
	runtime *Runtime
	conn    *conn
	call    *call.Call
	spec    runtime.Spec
	trace   *runtime.Trace
	input   *stream // nil until attached
	started bool
	ended   bool // by itself, and it is known how
}

// run gives the status, or an error and what was being done.
func (s *session) run(ctx context.Context) (_ runtime.Status, doing string, err error) {
	req, err := translate(s.spec, s.conn.service, time.Now())
	if err != nil {
		return runtime.Status{}, "", err
	}
	if s.spec.OCIRuntime != "" {
		in, err := s.conn.cachedInfo(s.call.Ctx)
		if err == nil {
			err = in.checkOCIRuntime(s.spec.OCIRuntime)
		}
		if err != nil {
			return runtime.Status{}, doingConnect, err
		}
	}
	if s.spec.Platform != "" {
		// A create takes an image of another platform without a word.
		if err := s.conn.checkPlatform(s.call.Ctx, s.spec.Image, s.spec.Platform); err != nil {
			return runtime.Status{}, doingImage, err
		}
	}
	created, err := s.create(ctx, req)
	if err != nil {
		return runtime.Status{}, doingCreate, err
	}
	defer s.removeLater(ctx, created.ID)
	if err := s.heed(created.Warnings); err != nil {
		return runtime.Status{}, doingCreate, err
	}
	s.trace.Created(created.ID)

	output, err := s.conn.attach(s.call.Ctx, created.ID, false)
	if err != nil {
		return runtime.Status{}, doingAttach, err
	}
	defer output.Close()
	s.input, err = s.conn.attach(s.call.Ctx, created.ID, true)
	if err != nil {
		return runtime.Status{}, doingAttach, err
	}
	if err := s.conn.call(s.call.Ctx, http.MethodPost, containerPath(created.ID, "/start"), nil, nil, nil); err != nil {
		// Unanswered, it may have started, and read nothing: stdin was not touched yet.
		return runtime.Status{}, doingStart, err
	}
	s.started = true
	s.trace.Started()
	s.call.PumpStdin(s.input, s.input.CloseWrite)
	if err := s.copyOutput(output, created.ID); err != nil {
		return runtime.Status{}, doingOutput, err
	}
	pause := exitPause
	if s.spec.AutoRemove {
		pause = exitPauseUnwanted
	}
	st, err := s.conn.exitState(s.call.Ctx, created.ID, pause)
	if s.spec.AutoRemove && isGone(err) {
		st, err = s.conn.diedWith(s.call.Ctx, created.ID)
	}
	if err != nil {
		return runtime.Status{}, doingExit, err
	}
	s.ended = true
	status, err := statusOf(st, s.spec.Deadline)
	if err != nil {
		return runtime.Status{}, doingExit, err
	}
	s.trace.Exited(status)
	return status, "", nil
}

// created is the answer to a create.
type created struct {
	ID       string `json:"Id"`
	Warnings []string
}

// create sends the request with a context of its own: when the call ends meanwhile,
// the answer still comes and says what there is to remove.
func (s *session) create(ctx context.Context, req *createRequest) (created, error) {
	type answer struct {
		created created
		err     error
	}
	answers := make(chan answer, 1)
	s.runtime.removals.Go(ctx, createLimit, func(ctx context.Context) {
		var a answer
		a.err = s.conn.call(ctx, http.MethodPost, "/containers/create", nil, req, &a.created)
		if a.err == nil && a.created.ID == "" { // something between us and the service has cut it
			a.err = fmt.Errorf("the service made a container and did not say which: %w", io.ErrUnexpectedEOF)
		}
		answers <- a
	})
	select {
	case a := <-answers:
		if a.err != nil && !settled(a.err) {
			s.removeUnknownLater(ctx)
		}
		return a.created, a.err
	case <-s.call.Ctx.Done():
	}
	s.runtime.removals.Go(ctx, createLimit+removeLimit, func(ctx context.Context) {
		switch a := <-answers; {
		case a.err == nil:
			s.trace.Removed(s.conn.remove(ctx, a.created.ID))
		case !settled(a.err):
			s.trace.Removed(s.conn.removeUnknown(ctx, s.spec))
		}
	})
	return created{}, s.call.Ctx.Err()
}

// removeLater removes the container in the background. The input is closed when the
// command is dead, and not before: it would take the end of the connection for the end
// of its input, and act on half of it.
func (s *session) removeLater(ctx context.Context, id string) {
	leaves := s.spec.AutoRemove && s.ended
	if s.ended {
		s.closeInput()
	}
	s.runtime.removals.Go(ctx, removeLimit, func(ctx context.Context) {
		defer s.closeInput()
		if leaves && s.conn.isLeft(ctx, id) {
			s.trace.Removed(nil)
			return
		}
		s.trace.Removed(s.conn.remove(ctx, id))
	})
}

// closeInput not only frees the connection: it ends a pump that is blocked in a write.
func (s *session) closeInput() {
	if s.input != nil {
		_ = s.input.Close()
	}
}

func (s *session) removeUnknownLater(ctx context.Context) {
	s.runtime.removals.Go(ctx, removeLimit, func(ctx context.Context) {
		s.trace.Removed(s.conn.removeUnknown(ctx, s.spec))
	})
}

// heed passes warnings on, and fails on those that say that a limit is not there.
func (s *session) heed(warnings []string) error {
	ignored, other := ignoredLimits(s.spec.Resources, warnings)
	if len(ignored) > 0 {
		return limitsError(ignored, warnings)
	}
	for _, w := range other {
		s.trace.Warning(w)
	}
	return nil
}
