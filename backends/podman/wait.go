package podman

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
	"github.com/AltairaLabs/dockerrun/runtime"
)

const (
	// Looks at a container whose output goes on, in case that its process has ended
	// and another one holds the pipes.
	watchPause     = 500 * time.Millisecond
	watchPauseMost = 5 * time.Second
	// drainLimit is how long output may be silent without ending when the process has
	// ended.
	drainLimit = time.Second
	// Looks at a container whose output has ended. Podman notices the exit some
	// milliseconds later.
	exitPause     = 2 * time.Millisecond
	exitPauseMost = 100 * time.Millisecond
	// exitPauseUnwanted is the first one where nobody waits for the status, as it is in
	// the output: each look is work for the service.
	exitPauseUnwanted = 20 * time.Millisecond
)

// lostCode is the exit status that Podman gives a container whose own it does not know: its
// timeout ended it, or its monitor (conmon) died.
const lostCode = -1

// oomCode is that of a process killed by signal 9.
const oomCode = 137

// state is the part of an inspect that we read.
type state struct {
	Status    string
	ExitCode  int
	OOMKilled bool
}

func (s state) ended() bool { return s.Status == "stopped" || s.Status == "exited" }

// inspect asks for the state. Wait is no alternative: Podman 4.3 takes 100 to 250 ms
// for it, and says 0 of a container that never ran.
func (c *conn) inspect(ctx context.Context, id string) (state, error) {
	var body struct{ State state }
	err := c.call(ctx, http.MethodGet, containerPath(id, "/json"), nil, nil, &body)
	return body.State, err
}

// exitState waits until the container has ended.
func (c *conn) exitState(ctx context.Context, id string, first time.Duration) (state, error) {
	for pause := first; ; pause = min(2*pause, exitPauseMost) {
		st, err := c.inspect(ctx, id)
		if err != nil {
			return state{}, err
		}
		if st.ended() {
			return st, nil
		}
		if err := sleep(ctx, pause); err != nil {
			return state{}, err
		}
	}
}

// diedWith asks the service's history how a container ended that is gone.
func (c *conn) diedWith(ctx context.Context, id string) (state, error) {
	filters, err := json.Marshal(map[string][]string{"container": {id}, "event": {"died"}})
	if err != nil {
		return state{}, err
	}
	var event struct {
		Actor struct {
			Attributes struct {
				Code string `json:"containerExitCode"`
			}
		}
	}
	query := url.Values{"stream": {"false"}, "filters": {string(filters)}}
	if err := c.call(ctx, http.MethodGet, "/events", query, nil, &event); err != nil {
		return state{}, fmt.Errorf("%w: %w", runtime.ErrStatusLost, err)
	}
	code, err := strconv.Atoi(event.Actor.Attributes.Code)
	if err != nil {
		return state{}, runtime.ErrStatusLost
	}
	return state{ExitCode: code}, nil
}

// statusOf is the status of a container that was to end by itself before the deadline.
func statusOf(st state, deadline time.Time) (runtime.Status, error) {
	switch {
	case st.ExitCode != lostCode:
		// A child that was killed for want of memory is marked too; the process itself then
		// has another status.
		return runtime.Status{Code: st.ExitCode, OOMKilled: st.OOMKilled && st.ExitCode == oomCode}, nil
	case deadline.IsZero() || time.Now().Before(deadline):
		return runtime.Status{}, fmt.Errorf("%w: Podman lost its monitor (conmon)", runtime.ErrStatusLost)
	}
	return runtime.Status{}, &runtime.Error{
		Kind: runtime.ErrTimeout, Runtime: Key, Started: true, Err: context.DeadlineExceeded,
		Message: "Podman ended the container after the deadline of its spec",
	}
}

// copyOutput copies until the output has ended, or the call, or the process while
// somebody else holds the output open.
func (s *session) copyOutput(output *stream, id string) error {
	copied := make(chan error, 1)
	var frames call.Frames
	go func() { copied <- frames.Copy(output, s.call.Stdout, s.call.Stderr) }()
	timer := time.NewTimer(watchPause)
	defer timer.Stop()
	for pause := watchPause; ; pause = min(2*pause, watchPauseMost) {
		select {
		case err := <-copied:
			return err
		case <-s.call.Ctx.Done():
			return s.call.Ctx.Err()
		case <-timer.C:
		}
		st, err := s.conn.inspect(s.call.Ctx, id)
		if err == nil && st.ended() {
			return s.drain(copied, &frames)
		}
		timer.Reset(pause)
	}
}

// drain waits for what a process that has ended left behind, for as long as some of it
// comes.
func (s *session) drain(copied <-chan error, frames *call.Frames) error {
	whole, err := s.call.Drain(copied, drainLimit)
	if err == nil && !whole && frames.Within() {
		return errStalled
	}
	return err // what another process writes from here on is not the command's
}

// errStalled is of an output that stops where it can't have ended.
var errStalled = fmt.Errorf("the output stopped within a frame: %w", io.ErrUnexpectedEOF)

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
