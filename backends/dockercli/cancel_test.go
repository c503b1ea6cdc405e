package dockercli

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestRunCancelInMidRun(t *testing.T) {
	t.Parallel()
	c := newFake(t, fake{Run: fakeRun{Hang: true, reply: reply{Stdout: "up"}}})
	rt := c.runtime()
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	removed := make(chan error, 1)
	ctx = runtime.WithTrace(ctx, &runtime.Trace{Removed: func(err error) { removed <- err }})
	stdin, feeder := io.Pipe()
	defer feeder.Close()
	_, err := rt.Run(ctx, runtime.Spec{Image: "img"}, runtime.Stdio{Stdin: stdin, Stdout: writerFunc(func(p []byte) (int, error) {
		cancel(cause)
		return len(p), nil
	})})
	require.ErrorIs(t, err, runtime.ErrCanceled)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, cause)
	require.NoError(t, <-removed)
	assert.Empty(t, c.containers())
}

// The engine goes on with a creation that nobody waits for any more.
func TestRunCancelDuringCreate(t *testing.T) {
	t.Parallel()
	c := newFake(t, fake{Run: fakeRun{Creating: 300 * time.Millisecond, Hang: true}})
	rt := c.runtime()
	require.NoError(t, rt.CheckSpec(runtime.Spec{Image: "img"})) // asks the version, ahead of the clock
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	r := runSpec(t, ctx, rt, runtime.Spec{}, nil)
	require.ErrorIs(t, r.err, runtime.ErrTimeout)
	assert.Less(t, time.Since(began), time.Second)
	require.NoError(t, rt.Close())
	assert.Empty(t, c.containers())
	assert.Greater(t, c.count("rm"), 1, "it was looked for again")
}

func TestRunCommandLineThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	c := newFake(t, fake{Run: fakeRun{Hang: true, Stubborn: true, reply: reply{Stdout: "up"}}})
	rt := c.runtime()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := rt.Run(ctx, runtime.Spec{Image: "img"}, runtime.Stdio{Stdout: writerFunc(func(p []byte) (int, error) {
		cancel()
		return len(p), nil
	})})
	require.ErrorIs(t, err, runtime.ErrCanceled)
	require.NoError(t, rt.Close())
	assert.Empty(t, c.containers(), "and Close waited for the process: goleak would see its goroutines")
}

func TestRunFailingWriter(t *testing.T) {
	t.Parallel()
	c := newFake(t, fake{Run: fakeRun{Hang: true, reply: reply{Stdout: "data"}}})
	rt := c.runtime()
	full := errors.New("disk full")
	_, err := rt.Run(t.Context(), runtime.Spec{Image: "img"}, runtime.Stdio{Stdout: writerFunc(func([]byte) (int, error) { return 0, full })})
	require.ErrorIs(t, err, full)
	require.NoError(t, rt.Close())
	assert.Empty(t, c.containers())
}

// A name that the caller chose may be somebody else's container.
func TestRunNamedRemovesOnlyItsOwn(t *testing.T) {
	t.Parallel()
	c := newFake(t, fake{
		Run:     fakeRun{Hang: true, reply: reply{Stdout: "up"}},
		Replies: map[string]reply{"ps": {Stdout: "mine\n"}},
	})
	rt := c.runtime()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := rt.Run(ctx, runtime.Spec{Image: "img", Name: "mine"}, runtime.Stdio{Stdout: writerFunc(func(p []byte) (int, error) {
		cancel()
		return len(p), nil
	})})
	require.ErrorIs(t, err, runtime.ErrCanceled)
	require.NoError(t, rt.Close())
	label := ""
	for _, args := range c.calls() {
		for _, arg := range args {
			if value, ok := strings.CutPrefix(arg, "--label="+runtime.LabelCall+"="); ok {
				label = value
			}
		}
		if args[0] == "ps" {
			assert.Equal(t, "--filter=label="+runtime.LabelCall+"="+label, args[len(args)-1])
		}
	}
	assert.NotEmpty(t, label)
	assert.NotZero(t, c.count("ps"))
	assert.Empty(t, c.containers())
}

// A name that is taken says nothing about a container of ours, whatever the engine
// knows under that name.
func TestRunNameConflict(t *testing.T) {
	t.Parallel()
	c := newFake(t, fake{
		Run:     fakeRun{NoStart: true, reply: reply{Code: 125, Stderr: "docker: Error response from daemon: Conflict. The container name \"/mine\" is already in use by container \"c0\". You have to remove (or rename) that container to be able to reuse that name.\nSee 'docker run --help'.\n"}},
		Replies: map[string]reply{"events": {Stdout: `{"Action":"create"}` + "\n" + `{"Action":"start"}` + "\n"}},
	})
	rt := c.runtime()
	r := runSpec(t, t.Context(), rt, runtime.Spec{Name: "mine"}, nil)
	require.ErrorIs(t, r.err, runtime.ErrEngine)
	assert.False(t, runtime.Started(r.err))
	require.NoError(t, rt.Close())
	assert.Zero(t, c.count("rm"))
	assert.Zero(t, c.count("ps"))
}

// endless is an input that never ends, and does not mind being closed.
type endless struct{ late, ended atomic.Int32 }

func TestRunReadsNothingAfterwards(t *testing.T) {
	t.Parallel()
	c := newFake(t, fake{Run: fakeRun{Echo: true}})
	rt := c.runtime()
	ctx, cancel := context.WithCancel(t.Context())
	in := &endless{}
	_, err := rt.Run(ctx, runtime.Spec{Image: "img"}, runtime.Stdio{Stdin: in, Stdout: writerFunc(func(p []byte) (int, error) {
		cancel()
		return len(p), nil
	})})
	in.ended.Store(1)
	require.ErrorIs(t, err, runtime.ErrCanceled)
	require.NoError(t, rt.Close())
	assert.LessOrEqual(t, in.late.Load(), int32(1), "but one that had begun")
}

// Before Docker 23 more than a few calls at once can deadlock the engine.
func TestRunGate(t *testing.T) {
	t.Parallel()
	for version, most := range map[string]int{"1.41": call.OldDockerCalls, "1.42": 12} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			c := newFake(t, fake{Run: fakeRun{Hang: true, reply: reply{Stdout: "up"}},
				Replies: map[string]reply{"version": {Stdout: `{"Server":{"ApiVersion":"` + version + `"}}`}}})
			rt := c.runtime()
			ctx, cancel := context.WithCancel(t.Context())
			var up atomic.Int32
			var wg sync.WaitGroup
			all := make(chan struct{})
			for range 12 {
				wg.Go(func() {
					_, err := rt.Run(ctx, runtime.Spec{Image: "img"}, runtime.Stdio{Stdout: writerFunc(func(p []byte) (int, error) {
						if int(up.Add(1)) == most {
							close(all)
						}
						return len(p), nil
					})})
					assert.ErrorIs(t, err, runtime.ErrCanceled)
				})
			}
			<-all
			cancel()
			wg.Wait()
			assert.Equal(t, most, int(up.Load()))
			require.NoError(t, rt.Close())
			assert.Empty(t, c.containers())
			assert.LessOrEqual(t, c.count("version"), 1, "it is not asked again")
		})
	}
}
