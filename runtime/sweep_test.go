package runtime_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
	"github.com/AltairaLabs/dockerrun/runtime/warm"
)

// left is a container of another process with a deadline that far from now.
func left(name string, deadline time.Duration) runtime.Container {
	return runtime.Container{Name: name, OwnName: name, State: "running", Owner: "elsewhere/1", Deadline: time.Now().Add(deadline)}
}

func sweepFake() *runtimetest.Fake {
	return &runtimetest.Fake{Programs: map[string]runtimetest.Program{"/probe": runtimetest.Probe}}
}

// wrapper is a Runtime that is not a Sweeper itself.
type wrapper struct{ runtime.Runtime }

func (w wrapper) Unwrap() runtime.Runtime { return w.Runtime }

func TestIsLeft(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, c := range []struct {
		deadline time.Time
		want     bool
	}{
		{time.Time{}, false},
		{now.Add(time.Hour), false},
		{now, false},
		{now.Add(-runtime.SweepGrace), false},
		{now.Add(-runtime.SweepGrace - 1), true},
		{now.Add(-time.Hour), true},
	} {
		assert.Equal(t, c.want, runtime.Container{Owner: "o/1", Deadline: c.deadline}.IsLeft(now), c.deadline.String())
	}
}

func TestNewContainer(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	assert.Equal(t, runtime.Container{Owner: "host/7", OwnName: "n", Deadline: end}, runtime.NewContainer(map[string]string{
		runtime.LabelName:  "n",
		runtime.LabelOwner: "host/7", runtime.LabelDeadline: "2026-01-02T03:04:05Z"}))
	for _, wrong := range []string{"", "yesterday", "0"} {
		c := runtime.NewContainer(map[string]string{runtime.LabelOwner: "host/7", runtime.LabelDeadline: wrong})
		assert.True(t, c.Deadline.IsZero(), wrong)
		assert.False(t, c.IsLeft(end.AddDate(100, 0, 0)), "what has no deadline is never left: %q", wrong)
	}
	assert.Equal(t, "name", runtime.ContainerName("/name,/other/alias", "second"))
	assert.Empty(t, runtime.ContainerName())
}

func TestSweep(t *testing.T) {
	t.Parallel()
	f := sweepFake()
	foreign := left("foreign", -time.Hour)
	foreign.Owner = ""
	inherited := left("inherited", -time.Hour)
	inherited.OwnName = "the container that its image was made from"
	endless := left("endless", 0)
	endless.Deadline = time.Time{}
	f.Leave(left("long-gone", -time.Hour), left("due", -runtime.SweepGrace-time.Second), left("in-grace", -time.Second),
		left("in-use", time.Hour), foreign, inherited, endless)
	rt := wrapper{wrapper{f}}

	found, err := runtime.Leftovers(t.Context(), rt, time.Now())
	require.NoError(t, err)
	require.Len(t, found, 2)
	assert.Equal(t, "due", found[0].Name)
	assert.Equal(t, "long-gone", found[1].Name)
	assert.Len(t, f.Containers(), 7, "a list changes nothing")

	f.OnDiscard = func(_ context.Context, id string) error {
		if id == "due" {
			return errors.New("device busy")
		}
		return nil
	}
	removed, err := runtime.Sweep(t.Context(), rt, time.Now())
	require.ErrorContains(t, err, "container due, left by elsewhere/1, can't be removed: fake: container engine error")
	require.ErrorContains(t, err, "device busy")
	require.Len(t, removed, 1)
	assert.Equal(t, "long-gone", removed[0].Name)

	f.OnDiscard = nil
	_, err = runtime.Sweep(t.Context(), rt, time.Now())
	require.NoError(t, err)
	assert.Equal(t, []string{"endless", "foreign", "in-grace", "in-use", "inherited"}, f.Containers())

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = runtime.Sweep(canceled, rt, time.Now())
	require.ErrorIs(t, err, runtime.ErrCanceled)
	_, err = runtime.Sweep(t.Context(), &stub{}, time.Now())
	require.ErrorIs(t, err, runtime.ErrUnsupported)
	_, err = runtime.Leftovers(t.Context(), &stub{}, time.Now())
	require.ErrorIs(t, err, runtime.ErrUnsupported)
}

// A container that is in use is not swept; one whose call should be long over is, and
// even then its call fails as one does whose container somebody killed.
func TestSweepOfRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := sweepFake()
		ended := make(chan runtime.Status, 1)
		go func() {
			s, _ := f.Run(t.Context(), runtime.Spec{Image: "img", Args: []string{"/probe", "block"}, Deadline: time.Now().Add(time.Minute)}, runtime.Stdio{})
			ended <- s
		}()
		synctest.Wait()
		for range 4 {
			time.Sleep(18 * time.Second)
			removed, err := runtime.Sweep(t.Context(), f, time.Now())
			require.NoError(t, err)
			require.Empty(t, removed)
		}
		time.Sleep(4 * time.Second)
		removed, err := runtime.Sweep(t.Context(), f, time.Now())
		require.NoError(t, err)
		require.Len(t, removed, 1)
		assert.Equal(t, 137, (<-ended).Code)
		assert.Empty(t, f.Containers())
	})
}

func call(t *testing.T, l *runtime.Launcher) {
	t.Helper()
	_, err := l.Launch(t.Context(), runtime.Spec{Image: "img", Args: []string{"/probe", "exit", "0"}}, nil, runtime.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
}

func TestLauncherSweepsAtItsFirstCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := sweepFake()
		f.Leave(left("old", -time.Hour), left("in-use", 24*time.Hour))
		l := runtime.NewLauncher(wrapper{f})
		over := l.Over(wrapper{f})
		assert.Zero(t, f.Lists(), "before there is a call, nothing is contacted")
		call(t, over)
		synctest.Wait()
		assert.Equal(t, []string{"in-use"}, f.Containers())
		call(t, l)
		synctest.Wait()
		assert.Equal(t, 1, f.Lists(), "one sweep for all that share a client")
		require.NoError(t, l.Close())
	})
}

func TestLauncherSweepsWhileThereAreCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := sweepFake()
		l := runtime.NewLauncher(f)
		for range 100 { // 10 minutes
			call(t, l)
			time.Sleep(6 * time.Second)
		}
		assert.InDelta(t, 30, f.Lists(), 1, "every 20 seconds")
		time.Sleep(20 * time.Second)
		lists := f.Lists()
		f.Leave(left("later", 0))
		time.Sleep(24 * time.Hour)
		assert.Equal(t, lists, f.Lists(), "without calls, the engine is left alone")
		call(t, l)
		synctest.Wait()
		assert.Empty(t, f.Containers())
		require.NoError(t, l.Close())
	})
}

// What another launcher leaves is gone a minute after its deadline, while ours is alive,
// whether it makes calls or not.
func TestLauncherWaitsForDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := sweepFake()
		l := runtime.NewLauncher(f)
		deadline := map[string]time.Time{}
		for _, d := range []time.Duration{-10 * time.Second, 0, time.Second, 7 * time.Second, time.Minute, 11 * time.Minute} {
			c := left("after-"+d.String(), d)
			deadline[c.Name] = c.Deadline
			f.Leave(c)
		}
		call(t, l)
		for len(deadline) > 0 {
			time.Sleep(time.Second)
			there := map[string]bool{}
			for _, name := range f.Containers() {
				there[name] = true
			}
			for name, end := range deadline {
				age := time.Since(end)
				if !there[name] {
					assert.Greater(t, age, runtime.SweepGrace, name)
					delete(deadline, name)
					continue
				}
				require.LessOrEqual(t, age, 22*time.Second, "well within a minute: %s", name)
			}
		}
		assert.LessOrEqual(t, f.Lists(), 7)
		require.NoError(t, l.Close())
	})
}

func TestLauncherSweepFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f := sweepFake()
		f.Leave(left("stuck", -time.Hour))
		var tries atomic.Int32
		var healed atomic.Bool
		f.OnDiscard = func(context.Context, string) error {
			if tries.Add(1); healed.Load() {
				return nil
			}
			return os.ErrPermission
		}
		l := runtime.NewLauncher(f)
		_, err := l.Launch(t.Context(), runtime.Spec{Image: "img", Args: []string{"/probe", "exit", "0"}}, nil,
			runtime.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		require.NoError(t, err, "a sweep is no call's business")
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		assert.Equal(t, 1, bytes.Count(log.Bytes(), []byte("container stuck, left by elsewhere/1, can't be removed")), log.String())
		assert.InDelta(t, 10, tries.Load(), 2, "tried again, less and less often")
		healed.Store(true)
		time.Sleep(time.Hour)
		assert.Empty(t, f.Containers())
		lists := f.Lists()
		time.Sleep(time.Hour)
		assert.Equal(t, lists, f.Lists())
		require.NoError(t, l.Close())
	})
}

// An engine that does not answer neither delays a call nor keeps Close waiting.
func TestLauncherSweepHangs(t *testing.T) {
	t.Run("list", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := runtime.NewLauncher(&hangingSweeper{})
			begin := time.Now()
			_, err := l.Launch(t.Context(), spec, nil, runtime.Options{})
			require.NoError(t, err)
			require.NoError(t, l.Close())
			assert.Zero(t, time.Since(begin))
		})
	})
	t.Run("list, without Close", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { // which fails when a goroutine is left
			_, err := runtime.NewLauncher(&hangingSweeper{}).Launch(t.Context(), spec, nil, runtime.Options{})
			require.NoError(t, err)
			time.Sleep(11 * time.Second)
		})
	})
	t.Run("removal", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := runtime.NewLauncher(&hangingSweeper{left: []runtime.Container{left("a", -time.Hour), left("b", -time.Hour)}})
			_, err := l.Launch(t.Context(), spec, nil, runtime.Options{Logger: slog.New(slog.DiscardHandler)})
			require.NoError(t, err)
			synctest.Wait()
			begin := time.Now()
			require.NoError(t, l.Close())
			assert.Equal(t, 5*time.Second, time.Since(begin), "a removal gets some time")
		})
	})
}

// hangingSweeper answers calls, and nothing else; with left it answers the list.
type hangingSweeper struct {
	stub
	left []runtime.Container
}

func (h *hangingSweeper) Run(_ context.Context, _ runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
	return runtime.Status{}, stdio.Stdin.Close()
}

func (h *hangingSweeper) Launched(ctx context.Context) ([]runtime.Container, error) {
	if h.left != nil {
		return h.left, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (h *hangingSweeper) Discard(ctx context.Context, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestCloseLetsASweepEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := sweepFake()
		for i := range 20 {
			f.Leave(left(fmt.Sprintf("left-%d", i), -time.Hour))
		}
		f.OnDiscard = func(context.Context, string) error { time.Sleep(100 * time.Millisecond); return nil }
		l := runtime.NewLauncher(f)
		call(t, l)
		synctest.Wait()
		require.NoError(t, l.Close())
		assert.Empty(t, f.Containers())
	})
}

// Whoever launches, and however: what is left can be told by its deadline.
func TestEveryContainerHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := sweepFake()
		l := runtime.NewLauncher(f)
		pool := l.Over(warm.New(f, warm.Options{Size: 2, MaxAge: time.Hour, Logger: slog.New(slog.DiscardHandler)}))
		exit := runtime.Spec{Image: "img", Args: []string{"/probe", "exit", "0"}}
		quiet := runtime.Options{Timeout: 5 * time.Minute, Logger: slog.New(slog.DiscardHandler)}

		call(t, l)
		_, err := l.Stream(t.Context(), exit, runtime.Stdio{}, quiet)
		require.NoError(t, err)
		require.NoError(t, pool.Prepare(t.Context(), exit, quiet))
		for range 4 {
			_, err = pool.Launch(t.Context(), exit, nil, quiet)
			require.NoError(t, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = f.Run(ctx, exit, runtime.Stdio{})
		require.NoError(t, err)
		require.NoError(t, pool.Close())
		require.NoError(t, l.Close())

		calls := f.Calls()
		assert.Greater(t, len(calls), 5)
		for _, c := range calls {
			end, err := time.Parse(time.RFC3339, c.Spec.Labels[runtime.LabelDeadline])
			require.NoError(t, err, "%v", c.Spec.Args)
			assert.LessOrEqual(t, time.Until(end), time.Hour+5*time.Minute+2*time.Second, "at most max_age and the call's timeout")
			assert.Positive(t, time.Until(end))
		}
	})
}
