package dockerapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// TestCancelDuringCreate: the engine makes the container after the call has ended.
func TestCancelDuringCreate(t *testing.T) {
	t.Parallel()
	d := newFakeDocker(t)
	asked, goOn := make(chan struct{}), make(chan struct{})
	d.answer["create"] = func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-goOn
		reply(201, `{"Id":"`+fakeID+`"}`)(w, r)
	}
	ctx, removed := watched(t)
	ctx, cancel := context.WithCancelCause(ctx)
	why := errors.New("no more need")
	go func() {
		<-asked
		cancel(why)
	}()
	var deleted atomic.Value
	d.answer["delete"] = func(w http.ResponseWriter, r *http.Request) {
		deleted.Store(path.Base(r.URL.Path))
		w.WriteHeader(http.StatusNoContent)
	}
	stdin := newUnread(t)
	_, err := d.runtime(t).Run(ctx, spec, runtime.Stdio{Stdin: stdin})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, why)
	assert.False(t, runtime.Started(err))
	stdin.assertClosed()
	assert.Zero(t, d.requests("delete"), "it is not there yet")
	close(goOn)
	require.NoError(t, <-removed)
	assert.Equal(t, 1, d.requests("delete"))
	assert.Equal(t, fakeID, deleted.Load(), "the name may be another's by now")
}

// TestCancel ends the call at each request that it waits for.
func TestCancel(t *testing.T) {
	t.Parallel()
	for _, request := range []string{"attach in", "attach out", "wait next-exit", "start"} {
		t.Run(request, func(t *testing.T) {
			t.Parallel()
			d := newFakeDocker(t)
			asked := make(chan struct{})
			d.answer[request] = func(_ http.ResponseWriter, r *http.Request) {
				close(asked)
				_, _ = io.Copy(io.Discard, r.Body) // so that the server notices the client going
				<-r.Context().Done()
			}
			ctx, removed := watched(t)
			ctx, cancel := context.WithCancel(ctx)
			go func() {
				<-asked
				cancel()
			}()
			stdin := newUnread(t)
			_, err := d.runtime(t).Run(ctx, spec, runtime.Stdio{Stdin: stdin})
			require.ErrorIs(t, err, runtime.ErrCanceled)
			assert.Equal(t, request == "start", runtime.Started(err))
			stdin.assertClosed()
			require.NoError(t, <-removed)
			assert.Equal(t, 1, d.requests("delete"))
		})
	}
}

// TestCancelOnAHangingEngine: no call waits for the deadline of another.
func TestCancelOnAHangingEngine(t *testing.T) {
	t.Parallel()
	d := newFakeDocker(t)
	asked := make(chan struct{})
	d.answer["_ping"] = func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}
	rt := d.runtime(t)
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() {
		_, err := rt.Run(ctx, spec, runtime.Stdio{})
		first <- err
	}()
	<-asked
	second, cancelSecond := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancelSecond()
	_, err := rt.Run(second, spec, runtime.Stdio{})
	require.ErrorIs(t, err, runtime.ErrTimeout)
	_, err = rt.Info(second)
	require.ErrorIs(t, err, runtime.ErrTimeout)
	_, err = rt.Image(second, runtime.ImageRequest{Ref: "img"})
	require.ErrorIs(t, err, runtime.ErrTimeout)
	cancel()
	require.ErrorIs(t, <-first, runtime.ErrCanceled)
}

func TestCancelWhileRunning(t *testing.T) {
	t.Parallel()
	d := newFakeDocker(t)
	d.command = func(stdin io.Reader, stdout, _ io.Writer) int {
		fmt.Fprint(stdout, "up")
		_, _ = io.Copy(io.Discard, stdin)
		return 1
	}
	ctx, removed := watched(t)
	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	stdin, hold := io.Pipe() // a read that blocks
	defer hold.Close()
	var stdout bytes.Buffer
	_, err := d.runtime(t).Run(ctx, spec, runtime.Stdio{Stdin: stdin, Stdout: &stdout})
	require.ErrorIs(t, err, runtime.ErrTimeout)
	assert.True(t, runtime.Started(err))
	assert.Equal(t, "up", stdout.String())
	require.NoError(t, <-removed)
}

// TestInputIsNotCutShort: a command must never take a call that broke off for the end
// of its input.
func TestInputIsNotCutShort(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(cancel func(), in *io.PipeWriter){
		"cancel":      func(cancel func(), _ *io.PipeWriter) { cancel() },
		"stdin fails": func(_ func(), in *io.PipeWriter) { in.CloseWithError(errors.New("broken")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newFakeDocker(t)
			sawEnd := make(chan struct{})
			d.command = func(stdin io.Reader, stdout, _ io.Writer) int {
				_, _ = io.ReadFull(stdin, make([]byte, 4))
				fmt.Fprint(stdout, "up")
				_, _ = io.Copy(io.Discard, stdin)
				close(sawEnd)
				return 0
			}
			d.answer["delete"] = func(w http.ResponseWriter, _ *http.Request) {
				select {
				case <-sawEnd:
					t.Error("the command saw the end of its input")
				case <-time.After(100 * time.Millisecond): // it must not come; there is no event to wait for
				}
				w.WriteHeader(http.StatusNoContent)
			}
			ctx, removed := watched(t)
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			stdin, in := io.Pipe()
			go func() { _, _ = in.Write([]byte("half")) }()
			_, err := d.runtime(t).Run(ctx, spec, runtime.Stdio{Stdin: stdin, Stdout: writerFunc(func() { end(cancel, in) })})
			require.ErrorIs(t, err, runtime.ErrCanceled)
			require.NoError(t, <-removed)
			<-sawEnd // with the connection, after the removal
		})
	}
}

// writerFunc is called at each Write.
type writerFunc func()

func (f writerFunc) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}

func TestWriteFails(t *testing.T) {
	t.Parallel()
	d := newFakeDocker(t)
	d.command = func(stdin io.Reader, stdout, _ io.Writer) int {
		fmt.Fprint(stdout, "x")
		_, _ = io.Copy(io.Discard, stdin)
		return 0
	}
	full := errors.New("full")
	ctx, removed := watched(t)
	stdin, hold := io.Pipe()
	defer hold.Close()
	_, err := d.runtime(t).Run(ctx, spec, runtime.Stdio{Stdin: stdin, Stdout: failingWriter{full}})
	require.ErrorIs(t, err, full)
	assert.True(t, runtime.Started(err))
	require.NoError(t, <-removed)
	assert.Equal(t, 1, d.requests("delete"))
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
