package dockerapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

var spec = runtime.Spec{Image: "img", Args: []string{"cmd"}, Name: "dockerrun-test"}

// watched is a context whose calls report when the container is gone.
func watched(t *testing.T) (ctx context.Context, removed <-chan error) {
	t.Helper()
	ch := make(chan error, 1)
	return runtime.WithTrace(t.Context(), &runtime.Trace{Removed: func(err error) { ch <- err }}), ch
}

// unread is a stdin that must not be read.
type unread struct {
	t      *testing.T
	closed sync.Once
	done   chan struct{}
}

func newUnread(t *testing.T) *unread { return &unread{t: t, done: make(chan struct{})} }

func (u *unread) Read([]byte) (int, error) {
	u.t.Error("stdin was read")
	return 0, io.EOF
}

func (u *unread) Close() error {
	u.closed.Do(func() { close(u.done) })
	return nil
}

func (u *unread) assertClosed() {
	u.t.Helper()
	select {
	case <-u.done:
	default:
		u.t.Error("stdin was not closed")
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	d := newFakeDocker(t)
	d.command = func(stdin io.Reader, stdout, stderr io.Writer) int {
		n, err := io.Copy(stdout, stdin) // ends only with the half-close
		fmt.Fprintf(stderr, "%d %v", n, err)
		return 7
	}
	ctx, removed := watched(t)
	var phases []string
	ctx = runtime.WithTrace(ctx, &runtime.Trace{
		Created: func(id string) { phases = append(phases, "created "+id) },
		Started: func() { phases = append(phases, "started") },
		Exited:  func(s runtime.Status) { phases = append(phases, fmt.Sprint("exited ", s.Code)) },
	})
	in := strings.Repeat("0123456789abcdef", 1<<16)
	var stdout, stderr bytes.Buffer
	status, err := d.runtime(t).Run(ctx, spec, runtime.Stdio{
		Stdin: io.NopCloser(strings.NewReader(in)), Stdout: &stdout, Stderr: &stderr,
	})
	require.NoError(t, err)
	assert.Equal(t, runtime.Status{Code: 7}, status)
	assert.True(t, in == stdout.String(), "stdin came back changed")
	assert.Equal(t, "1048576 <nil>", stderr.String())
	require.NoError(t, <-removed)
	assert.Equal(t, []string{"created " + fakeID, "started", "exited 7"}, phases)

	for _, before := range []string{"create", "attach in", "attach out", "wait next-exit"} {
		assert.NotEqual(t, -1, d.position(before), before)
		assert.Less(t, d.position(before), d.position("start"), before)
	}
	assert.Zero(t, d.requests("delete"), "the engine removes an ended container by itself")
}

func TestRunNegotiatesOnce(t *testing.T) {
	t.Parallel()
	d := newFakeDocker(t)
	rt := d.runtime(t)
	for range 3 {
		d.mu.Lock()
		d.ended = make(chan struct{})
		d.mu.Unlock()
		ctx, removed := watched(t)
		_, err := rt.Run(ctx, spec, runtime.Stdio{})
		require.NoError(t, err)
		require.NoError(t, <-removed)
	}
	assert.Equal(t, 1, d.requests("_ping"))
}

// TestRunFails has failures that come before the command starts: stdin is closed and
// not read, and nothing is left.
func TestRunFails(t *testing.T) {
	t.Parallel()
	const start400 = `{"message":"failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"cmd\": executable file not found in $PATH: unknown"}`
	for name, tc := range map[string]struct {
		apiVersion string
		request    string
		answer     http.HandlerFunc
		kind       error
		deletes    int
	}{
		"missing image":         {"", "create", reply(404, `{"message":"No such image: img:latest"}`), runtime.ErrImageMissing, 0},
		"invalid":               {"", "create", reply(400, `{"message":"Minimum memory limit allowed is 6MB"}`), runtime.ErrInvalidSpec, 0},
		"name in use":           {"", "create", reply(409, `{"message":"Conflict. The container name \"/x\" is already in use"}`), runtime.ErrEngine, 0},
		"create broke":          {"", "create", reply(500, `{"message":"boom"}`), runtime.ErrEngine, 1},
		"attach fails":          {"", "attach out", reply(500, `{"message":"boom"}`), runtime.ErrEngine, 1},
		"wait fails":            {"", "wait next-exit", reply(500, `{"message":"boom"}`), runtime.ErrEngine, 1},
		"start fails":           {"", "start", reply(400, start400), runtime.ErrCommandNotFound, 1},
		"start fails otherwise": {"", "start", reply(500, `{"message":"boom"}`), runtime.ErrEngine, 1},
		"network missing":       {"", "start", reply(404, `{"message":"network n not found"}`), runtime.ErrInvalidSpec, 1},
		"removed under us":      {"", "start", reply(404, `{"message":"No such container: `+fakeID+`"}`), runtime.ErrEngine, 1},
		"limit discarded":       {"", "create", reply(201, `{"Id":"`+fakeID+`","Warnings":["Limitation discarded."]}`), runtime.ErrUnsupported, 1},
		"API too old":           {"1.24", "", nil, runtime.ErrUnsupported, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newFakeDocker(t)
			if tc.apiVersion != "" {
				d.apiVersion = tc.apiVersion
			}
			d.answer[tc.request] = tc.answer
			rt := d.runtime(t)
			stdin := newUnread(t)
			_, err := rt.Run(t.Context(), runtime.Spec{Image: "img", Args: []string{"cmd"}}, runtime.Stdio{Stdin: stdin})
			require.ErrorIs(t, err, tc.kind)
			assert.False(t, runtime.Started(err))
			stdin.assertClosed()
			require.NoError(t, rt.Close()) // waits for removals
			assert.Equal(t, tc.deletes, d.requests("delete"))
		})
	}
}

func TestRunWarns(t *testing.T) {
	t.Parallel()
	d := newFakeDocker(t)
	d.answer["create"] = reply(201, `{"Id":"`+fakeID+`","Warnings":["IPv4 forwarding is disabled."]}`)
	var warnings []string
	ctx := runtime.WithTrace(t.Context(), &runtime.Trace{Warning: func(w string) { warnings = append(warnings, w) }})
	_, err := d.runtime(t).Run(ctx, spec, runtime.Stdio{})
	require.NoError(t, err)
	assert.Equal(t, []string{"IPv4 forwarding is disabled."}, warnings)
}

// TestConnectionBreaks has the engine go away in mid-run.
func TestConnectionBreaks(t *testing.T) {
	t.Parallel()
	d := newFakeDocker(t)
	d.command = func(_ io.Reader, stdout, _ io.Writer) int {
		fmt.Fprint(stdout, "some")
		d.CloseClientConnections()
		return 0
	}
	d.held = true
	d.answer["wait next-exit"] = func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	ctx, removed := watched(t)
	_, err := d.runtime(t).Run(ctx, spec, runtime.Stdio{})
	require.ErrorIs(t, err, runtime.ErrUnavailable)
	assert.True(t, runtime.Started(err))
	require.NoError(t, <-removed)
}

// An output that breaks off or stalls within a frame is not passed off as a whole one, whatever
// the exit status.
func TestOutputCut(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]string{"in a header": "\x01\x00\x00", "in the bytes": "\x01\x00\x00\x00\x00\x00\x00\x09some"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, held := range []bool{false, true} { // ends, and stalls
				d := newFakeDocker(t)
				d.held = held
				d.command = func(io.Reader, io.Writer, io.Writer) int {
					_, _ = io.WriteString(d.output, cut)
					return 0
				}
				_, err := d.runtime(t).Run(t.Context(), spec, runtime.Stdio{})
				require.ErrorIs(t, err, runtime.ErrUnavailable)
				assert.True(t, runtime.Started(err))
			}
		})
	}
}

func TestOutputHeldOpen(t *testing.T) {
	t.Parallel()
	d := newFakeDocker(t)
	d.held = true
	d.command = func(_ io.Reader, stdout, _ io.Writer) int {
		fmt.Fprint(stdout, "all")
		return 3
	}
	var warned string
	ctx := runtime.WithTrace(t.Context(), &runtime.Trace{Warning: func(w string) { warned = w }})
	var stdout bytes.Buffer
	status, err := d.runtime(t).Run(ctx, spec, runtime.Stdio{Stdout: &stdout})
	require.NoError(t, err)
	assert.Equal(t, 3, status.Code)
	assert.Equal(t, "all", stdout.String())
	assert.Contains(t, warned, "holds its output open")
}

func TestClosed(t *testing.T) {
	t.Parallel()
	rt := newFakeDocker(t).runtime(t)
	require.NoError(t, rt.Close())
	require.NoError(t, rt.Close())
	stdin := newUnread(t)
	_, err := rt.Run(t.Context(), spec, runtime.Stdio{Stdin: stdin})
	require.ErrorIs(t, err, runtime.ErrClosed)
	stdin.assertClosed()
	_, err = rt.Info(t.Context())
	require.ErrorIs(t, err, runtime.ErrClosed)
}
