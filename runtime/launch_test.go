package runtime_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// stub is a Runtime made of functions.
type stub struct {
	run    func(context.Context, runtime.Spec, runtime.Stdio) (runtime.Status, error)
	image  func(context.Context, runtime.ImageRequest) (runtime.Image, error)
	remote bool
}

func (s *stub) Run(ctx context.Context, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
	defer stdio.Stdin.Close()
	return s.run(ctx, spec, stdio)
}
func (s *stub) Info(context.Context) (runtime.Info, error) { return runtime.Info{}, nil }
func (s *stub) Close() error                               { return nil }
func (s *stub) Remote() bool                               { return s.remote }
func (s *stub) Image(ctx context.Context, req runtime.ImageRequest) (runtime.Image, error) {
	return s.image(ctx, req)
}

var spec = runtime.Spec{Image: "img", Args: []string{"cmd"}}

func echo(_ context.Context, _ runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
	_, err := io.Copy(stdio.Stdout, stdio.Stdin)
	return runtime.Status{}, err
}

func missing(context.Context, runtime.Spec, runtime.Stdio) (runtime.Status, error) {
	return runtime.Status{}, &runtime.Error{Kind: runtime.ErrImageMissing}
}

func TestLaunch(t *testing.T) {
	t.Parallel()
	payload := bytes.Repeat([]byte("\x00\xff payload"), 10_000)
	r, err := runtime.NewLauncher(&stub{run: echo}).Launch(t.Context(), spec, payload, runtime.Options{})
	require.NoError(t, err)
	assert.Equal(t, payload, r.Stdout)
	assert.Empty(t, r.Stderr)
}

func TestLaunchExit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status runtime.Status
		text   string
		oom    bool
	}{
		{runtime.Status{Code: 3}, "exit status 3", false},
		{runtime.Status{Code: 143}, "exit status 143 (killed by signal 15, or its own)", false},
		{runtime.Status{Code: 137, OOMKilled: true}, "out of memory: the container went over its memory limit and was killed (exit status 137)", true},
	} {
		l := runtime.NewLauncher(&stub{run: func(_ context.Context, _ runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
			_, _ = io.WriteString(stdio.Stdout, "out")
			_, _ = io.WriteString(stdio.Stderr, "err")
			return c.status, nil
		}})
		r, err := l.Launch(t.Context(), spec, nil, runtime.Options{})
		require.EqualError(t, err, c.text)
		var exit interface{ ExitCode() int }
		require.ErrorAs(t, err, &exit)
		assert.Equal(t, c.status.Code, exit.ExitCode())
		assert.Equal(t, c.oom, errors.Is(err, runtime.ErrOutOfMemory))
		assert.Equal(t, runtime.Result{Stdout: []byte("out"), Stderr: []byte("err"), Status: c.status}, r)
	}
}

func TestLaunchDeadlines(t *testing.T) {
	t.Parallel()
	hang := &stub{run: func(ctx context.Context, s runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
		_, _ = io.WriteString(stdio.Stdout, "so far")
		end, _ := ctx.Deadline()
		if !s.Deadline.Equal(end) {
			return runtime.Status{}, errors.New("the spec does not carry the deadline of the call")
		}
		<-ctx.Done()
		return runtime.Status{}, runtime.ContextError(ctx, "stub", true)
	}}
	t.Run("timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			r, err := runtime.NewLauncher(hang).Launch(t.Context(), spec, nil, runtime.Options{Timeout: time.Minute})
			assert.Equal(t, time.Minute, time.Since(begin))
			require.ErrorIs(t, err, runtime.ErrTimeout)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NotErrorIs(t, err, context.Canceled)
			require.EqualError(t, err, "stub: timeout: no result after 1m0s: context deadline exceeded")
			assert.Equal(t, "so far", string(r.Stdout))
		})
	})
	t.Run("default timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			_, err := runtime.NewLauncher(hang).Launch(t.Context(), spec, nil, runtime.Options{})
			require.ErrorIs(t, err, runtime.ErrTimeout)
			assert.Equal(t, runtime.DefaultTimeout, time.Since(begin))
		})
	})
	t.Run("context first", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			begin := time.Now()
			_, err := runtime.NewLauncher(hang).Launch(ctx, spec, nil, runtime.Options{Timeout: time.Minute})
			assert.Equal(t, time.Second, time.Since(begin))
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	})
	t.Run("cancel with a cause", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			why := errors.New("user left")
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(why) })
			_, err := runtime.NewLauncher(hang).Launch(ctx, spec, nil, runtime.Options{Timeout: time.Minute})
			require.ErrorIs(t, err, runtime.ErrCanceled)
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, why)
			require.EqualError(t, err, "stub: canceled: user left")
		})
	})
	t.Run("ended before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := runtime.NewLauncher(&stub{run: func(context.Context, runtime.Spec, runtime.Stdio) (runtime.Status, error) {
			t.Error("nothing may run")
			return runtime.Status{}, nil
		}}).Launch(ctx, spec, nil, runtime.Options{})
		require.ErrorIs(t, err, runtime.ErrCanceled)
		assert.False(t, runtime.Started(err))
	})
}

func TestLaunchOutputLimit(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{"stdout", "stderr"} {
		l := runtime.NewLauncher(&stub{run: func(_ context.Context, _ runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
			w := map[string]io.Writer{"stdout": stdio.Stdout, "stderr": stdio.Stderr}[stream]
			if _, err := w.Write(bytes.Repeat([]byte{'x'}, 100)); err != nil {
				return runtime.Status{}, err
			}
			if _, err := w.Write([]byte("y")); err != nil {
				return runtime.Status{}, &runtime.Error{Kind: runtime.ErrCanceled, Started: true, Err: err}
			}
			return runtime.Status{}, nil
		}})
		_, err := l.Launch(t.Context(), spec, nil, runtime.Options{MaxOutput: 101})
		require.NoError(t, err, "the limit itself is allowed")
		r, err := l.Launch(t.Context(), spec, nil, runtime.Options{MaxOutput: 100})
		require.ErrorIs(t, err, runtime.ErrOutputLimit)
		require.NotErrorIs(t, err, context.Canceled)
		require.EqualError(t, err, "output limit exceeded: "+stream+" is over the limit of 100 bytes (max_output)")
		assert.Len(t, append(r.Stdout, r.Stderr...), 100)
	}
}

func TestLaunchKeepsBothEndsOfStderr(t *testing.T) {
	t.Parallel()
	text := "first line\n" + strings.Repeat("0123456789", 50_000) + "\nlast line"
	l := runtime.NewLauncher(&stub{run: func(_ context.Context, _ runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
		for rest := text; rest != ""; {
			n := min(len(rest), 4099)
			_, _ = io.WriteString(stdio.Stderr, rest[:n])
			rest = rest[n:]
		}
		return runtime.Status{}, nil
	}})
	r, err := l.Launch(t.Context(), spec, nil, runtime.Options{})
	require.NoError(t, err)
	const half = runtime.KeptStderr / 2
	assert.Equal(t, text[:half]+"\n[... 434485 bytes left out ...]\n"+text[len(text)-half:], string(r.Stderr))
	assert.Equal(t, len(text), 434485+runtime.KeptStderr)
}

func TestLaunchLetsGoOfStdin(t *testing.T) {
	t.Parallel()
	var kept io.Reader
	l := runtime.NewLauncher(&stub{run: func(_ context.Context, _ runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
		kept = stdio.Stdin
		return runtime.Status{}, nil
	}})
	_, err := l.Launch(t.Context(), spec, []byte("secret"), runtime.Options{})
	require.NoError(t, err)
	n, err := kept.Read(make([]byte, 10))
	assert.Zero(t, n)
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

func TestLaunchPullsWhatIsMissing(t *testing.T) {
	t.Parallel()
	var have atomic.Bool
	var pulled []runtime.ImageRequest
	rt := &stub{
		run: func(ctx context.Context, s runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
			if !have.Load() {
				return missing(ctx, s, stdio)
			}
			return echo(ctx, s, stdio)
		},
		image: func(_ context.Context, req runtime.ImageRequest) (runtime.Image, error) {
			pulled = append(pulled, req)
			have.Store(true)
			return runtime.Image{}, nil
		},
	}
	l := runtime.NewLauncher(rt)
	s := spec
	s.Platform = "linux/amd64"

	s.Pull = runtime.PullNever
	_, err := l.Launch(t.Context(), s, nil, runtime.Options{})
	require.ErrorIs(t, err, runtime.ErrImageMissing)
	assert.Empty(t, pulled)

	s.Pull = ""
	r, err := l.Launch(t.Context(), s, []byte("in"), runtime.Options{})
	require.NoError(t, err)
	assert.Equal(t, "in", string(r.Stdout), "the whole input, although a run had failed")
	_, err = l.Launch(t.Context(), s, nil, runtime.Options{})
	require.NoError(t, err)
	assert.Equal(t, []runtime.ImageRequest{{Ref: "img", Platform: "linux/amd64", Pull: "missing"}}, pulled)

	s.Pull = runtime.PullAlways
	_, err = l.Launch(t.Context(), s, nil, runtime.Options{})
	require.NoError(t, err)
	assert.Len(t, pulled, 2)
}

func TestLaunchPullFails(t *testing.T) {
	t.Parallel()
	l := runtime.NewLauncher(&stub{run: missing, image: func(context.Context, runtime.ImageRequest) (runtime.Image, error) {
		return runtime.Image{}, &runtime.Error{Kind: runtime.ErrPullFailed, Message: "no such repository"}
	}})
	_, err := l.Launch(t.Context(), spec, nil, runtime.Options{})
	require.ErrorIs(t, err, runtime.ErrPullFailed)
	require.EqualError(t, err, "image pull failed: no such repository")
}

// A slow pull is shared, outlives the calls that give up, and serves those after it.
func TestLaunchSlowPull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var have atomic.Bool
		var pulls atomic.Int32
		rt := &stub{
			run: func(ctx context.Context, s runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
				if !have.Load() {
					return missing(ctx, s, stdio)
				}
				return echo(ctx, s, stdio)
			},
			image: func(ctx context.Context, _ runtime.ImageRequest) (runtime.Image, error) {
				pulls.Add(1)
				select {
				case <-ctx.Done():
					return runtime.Image{}, ctx.Err()
				case <-time.After(time.Minute):
				}
				have.Store(true)
				return runtime.Image{}, nil
			},
		}
		l := runtime.NewLauncher(rt)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				_, err := l.Launch(t.Context(), spec, nil, runtime.Options{Timeout: 10 * time.Second})
				assert.ErrorIs(t, err, runtime.ErrPulling)
				assert.ErrorIs(t, err, runtime.ErrTimeout)
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.ErrorContains(t, err, "timeout: image img, for 10s so far; the pull goes on, so call again later: image is still being pulled")
			})
		}
		wg.Wait()
		_, err := l.Launch(t.Context(), spec, nil, runtime.Options{Timeout: time.Minute})
		require.NoError(t, err)
		assert.EqualValues(t, 1, pulls.Load())
		require.NoError(t, l.Close())
	})
}

func TestLaunchPullTimeoutAndClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := runtime.NewLauncher(&stub{run: missing, image: func(ctx context.Context, _ runtime.ImageRequest) (runtime.Image, error) {
			<-ctx.Done()
			return runtime.Image{}, &runtime.Error{Kind: runtime.ErrTimeout, Message: "asking for a password", Err: ctx.Err()}
		}})
		_, err := l.Launch(t.Context(), spec, nil, runtime.Options{Timeout: time.Hour, PullTimeout: time.Minute})
		require.ErrorIs(t, err, runtime.ErrPullFailed)
		assert.ErrorContains(t, err, "image img: asking for a password: the pull took longer than 1m0s (pull_timeout)")

		go func() {
			time.Sleep(time.Second)
			assert.NoError(t, l.Close(), "ends the pull")
		}()
		_, err = l.Launch(t.Context(), spec, nil, runtime.Options{Timeout: time.Hour})
		require.ErrorIs(t, err, runtime.ErrPullFailed)
		_, err = l.Launch(t.Context(), spec, nil, runtime.Options{})
		require.ErrorIs(t, err, runtime.ErrClosed)
	})
}

func TestLaunchChecksMounts(t *testing.T) {
	t.Parallel()
	gone := filepath.Join(t.TempDir(), "gone")
	s := spec
	s.Mounts = []runtime.Mount{{Type: runtime.MountBind, Source: gone, Target: "/x"}}
	ran := 0
	rt := &stub{run: func(context.Context, runtime.Spec, runtime.Stdio) (runtime.Status, error) {
		ran++
		return runtime.Status{}, nil
	}}
	l := runtime.NewLauncher(rt)
	_, err := l.Launch(t.Context(), s, nil, runtime.Options{})
	require.ErrorIs(t, err, runtime.ErrInvalidSpec)
	assert.NoDirExists(t, gone)
	assert.Zero(t, ran)

	_, err = l.Launch(t.Context(), s, nil, runtime.Options{SkipMountCheck: true})
	require.NoError(t, err)
	rt.remote = true
	_, err = l.Launch(t.Context(), s, nil, runtime.Options{})
	require.NoError(t, err, "another machine's files are not ours to check")
	assert.Equal(t, 2, ran)
}

func TestLaunchWarnsOnce(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	opts := runtime.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	l := runtime.NewLauncher(&stub{run: func(ctx context.Context, _ runtime.Spec, _ runtime.Stdio) (runtime.Status, error) {
		runtime.ContextTrace(ctx).Warning("no swap limit")
		return runtime.Status{}, nil
	}})
	s := spec
	s.Mounts = []runtime.Mount{{Type: runtime.MountBind, Source: "/", Target: "/host"}}
	for range 3 {
		_, err := l.Launch(t.Context(), s, nil, opts)
		require.NoError(t, err)
	}
	assert.Equal(t, 1, strings.Count(log.String(), "no swap limit"))
	assert.Equal(t, 1, strings.Count(log.String(), "whole host filesystem"))
}

func TestStream(t *testing.T) {
	t.Parallel()
	var have atomic.Bool
	rt := &stub{
		run: func(_ context.Context, _ runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
			_, err := io.Copy(stdio.Stdout, stdio.Stdin)
			return runtime.Status{Code: 3}, err
		},
		image: func(_ context.Context, req runtime.ImageRequest) (runtime.Image, error) {
			if req.Pull == runtime.PullNever && !have.Load() {
				return runtime.Image{}, &runtime.Error{Kind: runtime.ErrImageMissing}
			}
			have.Store(true)
			return runtime.Image{}, nil
		},
	}
	var out bytes.Buffer
	status, err := runtime.NewLauncher(rt).Stream(t.Context(), spec, runtime.Stdio{
		Stdin: io.NopCloser(strings.NewReader("in")), Stdout: &out,
	}, runtime.Options{})
	require.NoError(t, err)
	assert.Equal(t, 3, status.Code)
	assert.Equal(t, "in", out.String())
	assert.True(t, have.Load(), "pulled before the input was touched")
}
