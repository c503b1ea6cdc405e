package call_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestPumpStdin(t *testing.T) {
	t.Parallel()
	c := call.Begin(t.Context(), "key", runtime.Stdio{Stdin: io.NopCloser(strings.NewReader("in"))})
	defer c.End()
	var got bytes.Buffer
	closed := make(chan struct{})
	c.PumpStdin(&got, func() error { close(closed); return nil })
	<-closed
	assert.Equal(t, "in", got.String())
	require.NoError(t, c.Err(true))
}

func TestPumpStdinWithoutInput(t *testing.T) {
	t.Parallel()
	c := call.Begin(t.Context(), "key", runtime.Stdio{})
	defer c.End()
	closed := make(chan struct{})
	c.PumpStdin(io.Discard, func() error { close(closed); return nil })
	<-closed
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }
func (f failing) Close() error              { return nil }

func TestBrokenInputFailsTheCall(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk on fire")
	c := call.Begin(t.Context(), "key", runtime.Stdio{Stdin: failing{cause}})
	defer c.End()
	c.PumpStdin(io.Discard, func() error { t.Error("a broken input must not look like a whole one"); return nil })
	<-c.Ctx.Done()
	err := c.Err(true)
	require.ErrorIs(t, err, cause)
	require.EqualError(t, err, "key: canceled: reading the input: disk on fire")
	require.NotErrorIs(t, err, context.Canceled, "the caller's context has not ended")
}

func TestEndDoesNotCloseTheInputOfTheCommand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in, _ := io.Pipe() // a Read that blocks until it is closed
		c := call.Begin(t.Context(), "key", runtime.Stdio{Stdin: in})
		c.PumpStdin(io.Discard, func() error { t.Error("half an input must not look like a whole one"); return nil })
		synctest.Wait()
		c.End()
		c.End()
		synctest.Wait()
		_, err := in.Read(nil)
		require.ErrorIs(t, err, io.ErrClosedPipe, "closed, although nobody had read it")
	})
}

func TestWriteErrorEndsTheCall(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk full")
	c := call.Begin(t.Context(), "key", runtime.Stdio{Stderr: failing{cause}})
	defer c.End()
	_, err := io.WriteString(c.Stdout, "discarded")
	require.NoError(t, err)
	_, err = io.WriteString(c.Stderr, "x")
	require.ErrorIs(t, err, cause)
	require.ErrorIs(t, c.Ctx.Err(), context.Canceled)
	err = c.Err(true)
	require.EqualError(t, err, "key: canceled: writing the output: disk full")
	require.ErrorIs(t, err, cause)
	require.NotErrorIs(t, err, context.Canceled)
}

func TestNoOutputAfterEnd(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := call.Begin(t.Context(), "key", runtime.Stdio{Stdout: &out})
	_, err := io.WriteString(c.Stdout, "before")
	require.NoError(t, err)
	c.End()
	_, err = io.WriteString(c.Stdout, "after")
	require.ErrorIs(t, err, io.ErrClosedPipe)
	assert.Equal(t, "before", out.String())
}

func TestErrIsTheCallers(t *testing.T) {
	t.Parallel()
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	c := call.Begin(ctx, "key", runtime.Stdio{})
	defer c.End()
	require.NoError(t, c.Err(false))
	cancel(why)
	err := c.Err(true)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, why)
	assert.True(t, runtime.Started(err))
}

func TestDrain(t *testing.T) {
	t.Parallel()
	t.Run("ends with the output", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := call.Begin(t.Context(), "key", runtime.Stdio{})
			defer c.End()
			copied := make(chan error, 1)
			time.AfterFunc(time.Millisecond, func() { copied <- nil })
			ended, err := c.Drain(copied, time.Second)
			require.NoError(t, err)
			assert.True(t, ended)
		})
	})
	t.Run("goes on while output comes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := call.Begin(t.Context(), "key", runtime.Stdio{})
			defer c.End()
			began := time.Now()
			copied := make(chan error, 1)
			go func() {
				for range 100 {
					time.Sleep(900 * time.Millisecond)
					_, _ = io.WriteString(c.Stdout, "x")
				}
				copied <- nil
			}()
			ended, err := c.Drain(copied, time.Second)
			require.NoError(t, err)
			assert.True(t, ended, "slow is not over")
			assert.Equal(t, 90*time.Second, time.Since(began))
		})
	})
	t.Run("gives up on a holder that is silent", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := call.Begin(t.Context(), "key", runtime.Stdio{})
			defer c.End()
			time.Sleep(time.Minute) // output that comes after it must still be met
			began := time.Now()
			ended, err := c.Drain(nil, time.Second)
			require.NoError(t, err)
			assert.False(t, ended)
			assert.Equal(t, time.Second, time.Since(began))
		})
	})
	t.Run("ends with the call", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			c := call.Begin(ctx, "key", runtime.Stdio{})
			defer c.End()
			time.AfterFunc(time.Millisecond, cancel)
			_, err := c.Drain(nil, time.Second)
			require.ErrorIs(t, err, context.Canceled)
		})
	})
}

func TestRemovals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r call.Removals
		require.NoError(t, r.Enter("key"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		removed := false
		r.Go(ctx, time.Minute, func(ctx context.Context) {
			time.Sleep(time.Second)
			removed = ctx.Err() == nil
		})
		r.Done()
		assert.True(t, r.Close(), "the first")
		assert.True(t, removed, "Close waits, and a removal does not end with its call")
		assert.False(t, r.Close())
		require.ErrorIs(t, r.Enter("key"), runtime.ErrClosed)
	})
}

func TestRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		busy, gone := errors.New("busy"), errors.New("gone")
		tries := 0
		began := time.Now()
		err := call.Retry(t.Context(), 10*time.Millisecond, 40*time.Millisecond, func(context.Context) error {
			if tries++; tries < 5 {
				return busy
			}
			return gone
		}, func(err error) bool { return err == gone })
		require.ErrorIs(t, err, gone)
		assert.Equal(t, 110*time.Millisecond, time.Since(began)) // 10+20+40+40

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err = call.Retry(ctx, time.Millisecond, time.Millisecond, func(context.Context) error { return busy }, func(error) bool { return false })
		require.ErrorIs(t, err, busy)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var open call.Gate
		require.NoError(t, open.Enter(t.Context()))
		open.Leave()

		g := make(call.Gate, 1)
		require.NoError(t, g.Enter(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, g.Enter(ctx), context.DeadlineExceeded)
		time.AfterFunc(time.Second, g.Leave)
		require.NoError(t, g.Enter(t.Context()))
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestNoReadAfterEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := &endless{}
		c := call.Begin(t.Context(), "key", runtime.Stdio{Stdin: in})
		step := make(chan struct{})
		c.PumpStdin(writerFunc(func(p []byte) (int, error) { <-step; return len(p), nil }),
			func() error { t.Error("half an input must not look like a whole one"); return nil })
		synctest.Wait()
		c.End()
		close(step) // the command's end still takes what it is given
		synctest.Wait()
		assert.Equal(t, 1, in.reads)
	})
}

// endless is an input that minds no Close.
type endless struct{ reads int }

func (e *endless) Read(p []byte) (int, error) { e.reads++; return len(p), nil }
func (e *endless) Close() error               { return nil }

// A call that waits for its caller's input lends its place to others, and has it again
// before the command gets the input.
func TestPlaceIsLent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate := make(call.Gate, 1)
		require.NoError(t, gate.Enter(t.Context()))
		r, w := io.Pipe()
		c := call.Begin(t.Context(), "key", runtime.Stdio{Stdin: r})
		c.Place.Take(gate, nil)
		var got bytes.Buffer
		closed := make(chan struct{})
		c.PumpStdin(&got, func() error { close(closed); return nil })
		require.NoError(t, gate.Enter(t.Context()), "another call gets in while this one waits")

		go func() {
			_, _ = io.WriteString(w, "in")
			_ = w.Close()
		}()
		synctest.Wait()
		assert.Empty(t, got.String(), "the other call has the place")
		gate.Leave()
		<-closed
		assert.Equal(t, "in", got.String())
		assert.Len(t, gate, 1, "it has its place again")
		c.End()
		c.Place.Leave()
		assert.Empty(t, gate)
		c.Place.RegainToRemove(t.Context())
		assert.Empty(t, gate, "a place that was left is not taken again")
	})
}

func TestPlaceOfARemoval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate := make(call.Gate, 1)
		require.NoError(t, gate.Enter(t.Context()))
		r, _ := io.Pipe()
		c := call.Begin(t.Context(), "key", runtime.Stdio{Stdin: r})
		c.Place.Take(gate, nil)
		c.PumpStdin(io.Discard, func() error { return nil })
		require.NoError(t, gate.Enter(t.Context()))
		c.End()
		began := time.Now()
		c.Place.RegainToRemove(t.Context())
		assert.Equal(t, 2*time.Second, time.Since(began), "a removal does not wait for others for long")
		c.Place.Leave()
		gate.Leave()
		assert.Empty(t, gate)
	})
}
