package dockerapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
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
