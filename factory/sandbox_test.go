package factory

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var request = sandbox.Request{Command: "/hook"}

func TestSpawn(t *testing.T) {
	t.Parallel()
	rt := &recorder{}
	sb := NewNamed("pii", Config{Image: "busybox", Backend: rt})
	args := []string{"--strict", ""}
	resp := spawn(t, sb, sandbox.Request{Command: "/hook", Args: args, Stdin: []byte("{}")})
	assert.Equal(t, "{}", string(resp.Stdout))
	assert.Equal(t, []string{"/hook", "--strict", ""}, rt.last(t).Args)
	assert.Equal(t, "pii", sb.Name())
}

func TestFailuresAreInTheResponse(t *testing.T) {
	t.Parallel()
	status := func(s runtime.Status, err error) *recorder {
		return &recorder{run: func(_ context.Context, _ runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
			_, _ = io.WriteString(stdio.Stdout, "out")
			_, _ = io.WriteString(stdio.Stderr, "err")
			return s, err
		}}
	}
	down := &runtime.Error{Kind: runtime.ErrUnavailable, Message: "no socket"}
	for _, c := range []struct {
		name string
		rt   *recorder
		is   error
		text string
		code int
	}{
		{"exit", status(runtime.Status{Code: 3}, nil), nil, "exit status 3", 3},
		{"out of memory", status(runtime.Status{Code: 137, OOMKilled: true}, nil), runtime.ErrOutOfMemory,
			"out of memory: the container went over its memory limit and was killed (exit status 137)", 137},
		{"engine", status(runtime.Status{}, down), runtime.ErrUnavailable, `sandbox "pii": container engine unavailable: no socket`, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sb := NewNamed("pii", Config{Image: "busybox", Backend: c.rt})
			resp, err := sb.Spawn(t.Context(), request)
			require.NoError(t, err)
			assert.EqualError(t, resp.Err, c.text)
			assert.Equal(t, "out", string(resp.Stdout))
			assert.Equal(t, "err", string(resp.Stderr))
			if c.is != nil {
				assert.ErrorIs(t, resp.Err, c.is)
			}
			if coder, ok := errors.AsType[interface {
				error
				ExitCode() int
			}](resp.Err); ok || c.code != 0 {
				require.True(t, ok)
				assert.Equal(t, c.code, coder.ExitCode())
			}
		})
	}
}

func TestCommandIsRequired(t *testing.T) {
	t.Parallel()
	err := spawnError(t, t.Context(), NewNamed("pii", Config{Image: "busybox", Backend: &recorder{}}), sandbox.Request{})
	assert.EqualError(t, err, `sandbox "pii": invalid container spec: the request has no command to run`)
}

func TestSandboxThatWasNotMade(t *testing.T) {
	t.Parallel()
	var sb Sandbox
	assert.ErrorContains(t, spawnError(t, t.Context(), &sb, request), "it was not made with New")
	assert.NoError(t, sb.Close())
}

// hang runs until the call ends.
func hang(ctx context.Context, _ runtime.Spec, _ runtime.Stdio) (runtime.Status, error) {
	<-ctx.Done()
	return runtime.Status{}, runtime.ContextError(ctx, "fake", true)
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	const short, long = 20 * time.Millisecond, time.Hour
	for _, c := range []struct {
		name                string
		config, request, of time.Duration // of: the context's
	}{
		{"request", long, short, long},
		{"request's is zero", short, 0, long},
		{"request's is negative", short, -1, long},
		{"context", long, long, short},
		{"default", 0, 0, short},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), c.of)
			defer cancel()
			sb := New(Config{Image: "busybox", Timeout: c.config, Backend: &recorder{run: hang}})
			err := spawnError(t, ctx, sb, sandbox.Request{Command: "/hook", Timeout: c.request})
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.ErrorIs(t, err, runtime.ErrTimeout)
		})
	}
}

func TestDefaultTimeout(t *testing.T) {
	t.Parallel()
	rt := &recorder{}
	before := time.Now()
	spawn(t, New(Config{Image: "busybox", Backend: rt}), request)
	left := rt.last(t).Deadline.Sub(before)
	assert.InDelta(t, 10, left.Seconds(), 1)
}

func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	sb := New(Config{Image: "busybox", Backend: &recorder{run: func(ctx context.Context, s runtime.Spec, io runtime.Stdio) (runtime.Status, error) {
		cancel()
		return hang(ctx, s, io)
	}}})
	assert.ErrorIs(t, spawnError(t, ctx, sb, request), context.Canceled)
}

func TestMaxConcurrent(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now, most := 0, 0
	arrived, gate := make(chan struct{}, 8), make(chan struct{})
	rt := &recorder{run: func(context.Context, runtime.Spec, runtime.Stdio) (runtime.Status, error) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		arrived <- struct{}{}
		<-gate
		mu.Lock()
		now--
		mu.Unlock()
		return runtime.Status{}, nil
	}}
	sb := NewNamed("pii", Config{Image: "busybox", Backend: rt, MaxConcurrent: 2, Timeout: time.Minute})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			resp, err := sb.Spawn(t.Context(), request)
			assert.NoError(t, err)
			assert.NoError(t, resp.Err)
		})
	}
	<-arrived
	<-arrived // before any of them has ended
	close(gate)
	wg.Wait()
	assert.Equal(t, 2, most)
}

func TestWaitingForAPlaceCounts(t *testing.T) {
	t.Parallel()
	started := make(chan struct{})
	rt := &recorder{run: func(ctx context.Context, s runtime.Spec, io runtime.Stdio) (runtime.Status, error) {
		close(started)
		return hang(ctx, s, io)
	}}
	sb := NewNamed("pii", Config{Image: "busybox", Backend: rt, MaxConcurrent: 1})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = sb.Spawn(ctx, request) })
	<-started
	err := spawnError(t, t.Context(), sb, sandbox.Request{Command: "/hook", Timeout: 10 * time.Millisecond})
	assert.EqualError(t, err, `sandbox "pii": timeout: no place was free among 1 (max_concurrent), so the command was not started: no result after 10ms: context deadline exceeded`)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	gone, cancelGone := context.WithCancel(t.Context())
	cancelGone()
	assert.ErrorIs(t, spawnError(t, gone, sb, request), context.Canceled)
	cancel()
	wg.Wait()
}

func TestEnv(t *testing.T) {
	t.Setenv("HOST_HAS", "from the host")
	t.Setenv("HOST_TOO", "too")
	require.NoError(t, os.Unsetenv("HOST_LACKS"))
	rt := &recorder{}
	sb := New(Config{
		Image: "busybox", Backend: rt,
		Env:       []string{"A=config", "B=config", "HOST_HAS", "HOST_LACKS"},
		ExtraArgs: []string{"--env=B=extra", "-e", "C=extra"},
	})
	spawn(t, sb, sandbox.Request{Command: "/hook", Env: []string{"C=request", "HOST_TOO", "HOST_LACKS", "D=a=b\nc"}})
	resolved, err := rt.last(t).Resolve(t.Context(), "fake")
	require.NoError(t, err)
	assert.Equal(t, []string{"A=config", "B=extra", "HOST_HAS=from the host", "C=request", "HOST_TOO=too", "D=a=b\nc"}, resolved.Env)
	// Looked up at each call.
	t.Setenv("HOST_HAS", "changed")
	spawn(t, sb, request)
	assert.Contains(t, rt.last(t).Env, "HOST_HAS=changed")
}

func TestMountSources(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "hooks"), 0o700))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "home", "x"), 0o700))
	t.Setenv("HOME", filepath.Join(dir, "home"))
	t.Chdir(dir)
	at := func(c Config) string {
		rt := &recorder{}
		c.Image, c.Backend = "busybox", rt
		sb := New(c)
		t.Chdir(filepath.Join(dir, "home"))
		spawn(t, sb, request)
		t.Chdir(dir)
		return rt.last(t).Mounts[0].Source
	}
	assert.Equal(t, filepath.Join(dir, "hooks"), at(Config{Mounts: []string{"../hooks:/h"}}), "the working directory of the call")
	assert.Equal(t, filepath.Join(dir, "hooks"), at(Config{Mounts: []string{"./hooks:/h"}, BaseDir: dir}))
	assert.Equal(t, filepath.Join(dir, "hooks"), at(Config{Mounts: []string{"./hooks:/h"}, BaseDir: "."}), "a relative base_dir stands for a place when the sandbox is made")
	assert.Equal(t, filepath.Join(dir, "home", "x"), at(Config{Mounts: []string{"./x:/h"}, BaseDir: "~"}))
	assert.Equal(t, filepath.Join(dir, "home", "x"), at(Config{Mounts: []string{"~/x:/h"}, BaseDir: dir}))
}

func TestMissingMountSource(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	rt := &recorder{}
	cfg := Config{Image: "busybox", Backend: rt, Mounts: []string{missing + ":/h"}}
	err := spawnError(t, t.Context(), New(cfg), request)
	assert.ErrorIs(t, err, runtime.ErrInvalidSpec)
	assert.NoDirExists(t, missing)
	cfg.MountCheck = "off"
	spawn(t, New(cfg), request)
}

func TestWarningsGoToTheLogger(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	sb := New(Config{
		Image: "busybox", Backend: &recorder{}, Mounts: []string{"/:/host"},
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	for range 3 {
		spawn(t, sb, request)
	}
	assert.Equal(t, 1, strings.Count(log.String(), "the whole host filesystem"), log.String())
}

// Values of the environment are in no error, whoever finds the fault.
func TestErrorsHoldNoEnvValues(t *testing.T) {
	t.Parallel()
	sb := New(Config{Image: "busybox", Backend: &recorder{}})
	for _, entry := range []string{"=hunter2", "A=hunter2\x00"} {
		err := spawnError(t, t.Context(), sb, sandbox.Request{Command: "/hook", Env: []string{"B=hunter2", entry}})
		assert.ErrorIs(t, err, runtime.ErrInvalidSpec)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}

func TestMaxOutput(t *testing.T) {
	t.Parallel()
	sb := New(Config{Image: "busybox", Backend: &recorder{}, MaxOutput: "1k"})
	spawn(t, sb, sandbox.Request{Command: "/hook", Stdin: make([]byte, 1024)})
	assert.ErrorIs(t, spawnError(t, t.Context(), sb, sandbox.Request{Command: "/hook", Stdin: make([]byte, 1025)}), runtime.ErrOutputLimit)
}

// A runtime that still reads when the call is over must not see the caller's bytes,
// who may reuse them.
func TestStdinIsNotKept(t *testing.T) {
	t.Parallel()
	late := make(chan io.Reader, 1)
	sb := New(Config{Image: "busybox", Backend: &recorder{run: func(_ context.Context, _ runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
		late <- stdio.Stdin
		return runtime.Status{}, nil
	}}})
	spawn(t, sb, sandbox.Request{Command: "/hook", Stdin: []byte("secret")})
	n, err := (<-late).Read(make([]byte, 10))
	assert.Zero(t, n)
	assert.Error(t, err)
}

func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	sb := New(Config{Image: "busybox", Backend: &recorder{}, Labels: map[string]string{"a": "b"}, Env: []string{"A=1"}})
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			in := strings.Repeat("x", i)
			resp, err := sb.Spawn(t.Context(), sandbox.Request{Command: "/hook", Env: []string{"B=2"}, Stdin: []byte(in)})
			assert.NoError(t, err)
			assert.NoError(t, resp.Err)
			assert.Equal(t, in, string(resp.Stdout))
		})
	}
	wg.Wait()
}
