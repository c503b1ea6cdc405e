package warm_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
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

// A call or a Prepare that began before Close ends, and so does Close.
func TestCloseAmongCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 200 {
			fake := &runtimetest.Fake{Programs: map[string]runtimetest.Program{"/probe": runtimetest.Probe}}
			pool := warm.New(fake, warm.Options{Size: 1, Logger: slog.New(slog.DiscardHandler)})
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() { _, _ = pool.Run(context.Background(), spec("echo"), runtime.Stdio{}) })
				wg.Go(func() { _ = pool.Prepare(context.Background(), spec("echo")) })
			}
			wg.Go(func() { _ = pool.Close() })
			wg.Wait()
			require.NoError(t, pool.Close())
			require.NoError(t, fake.Close())
			require.Empty(t, fake.Containers())
		}
	})
}

func TestNoCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, start := range []warm.Start{warm.Gate, warm.Eager} {
			b := onFake(t, &runtimetest.Fake{}, warm.Options{Start: start})
			for range 2 {
				_, err := b.run(t.Context(), runtime.Spec{Image: "img"}, "")
				require.ErrorIs(t, err, runtime.ErrInvalidSpec, "as without a pool")
			}
			assert.Zero(t, b.pool.Stats().Died)
		}
	})
}

// A container for which a call waited in vain is one that waits for the next.
func TestGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{}, warm.Options{})
		_, err := b.run(t.Context(), runtime.Spec{Image: "img"}, "") // waits, and has no command for it
		require.ErrorIs(t, err, runtime.ErrInvalidSpec)
		var warmth runtime.Warmth
		ctx := runtime.WithTrace(t.Context(), &runtime.Trace{Warm: func(w runtime.Warmth) { warmth = w }})
		_, err = b.run(ctx, spec("echo"), "")
		require.NoError(t, err)
		assert.Equal(t, runtime.WarmHit, warmth)
	})
}

// Images say so when they reset the entrypoint of the image that they are made from.
func TestEntrypointThatIsReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{Images: map[string]runtime.Image{
			"img": {Entrypoint: []string{""}, Cmd: []string{"/probe", "args", "from-cmd"}},
		}}, warm.Options{})
		out, err := b.run(t.Context(), runtime.Spec{Image: "img"}, "")
		require.NoError(t, err)
		assert.Contains(t, out, "from-cmd")
		assert.Zero(t, b.pool.Stats().Cold)
	})
}

// Containers that don't get ready cost calls some seconds, and none its answer.
func TestStartsThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &runtimetest.Fake{Programs: map[string]runtimetest.Program{
			"/probe":  runtimetest.Probe,
			"/bin/sh": func(ctx context.Context, _ *runtimetest.Process) int { <-ctx.Done(); return 1 },
		}}
		b := onFake(t, fake, warm.Options{IdleTTL: time.Hour})
		for i := range 3 {
			began := time.Now()
			b.echo("cold then")
			assert.LessOrEqual(t, time.Since(began), 5*time.Second+time.Millisecond, "call %d", i)
		}
		time.Sleep(40 * time.Second)
		assert.Contains(t, b.logged(), "not ready after 30s")
		began := time.Now()
		b.echo("cold at once")
		assert.Zero(t, time.Since(began), "it is known by now")
		assert.LessOrEqual(t, len(fake.Containers()), 4+1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorContains(t, b.pool.Prepare(ctx, spec("echo")), "not ready")
	})
}

// Specs are the caller's again when the call is over.
func TestSpecsThatAreReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{}, warm.Options{Start: warm.Eager, Size: 1})
		s := spec("args", "one")
		_, err := b.run(t.Context(), s, "")
		require.NoError(t, err)
		s.Args[2] = "two"
		b.settle()
		out, err := b.run(t.Context(), spec("args", "one"), "")
		require.NoError(t, err)
		assert.Contains(t, out, "one")
	})
}

// A call that can't have a header leaves the stock alone, and says why.
func TestTooLongAHeaderCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for start, idle := range map[warm.Start]int{warm.Gate: 2, warm.Eager: 0} {
			b := onFake(t, &runtimetest.Fake{}, warm.Options{Start: start, Size: 2})
			s := spec("env")
			s.Env = []string{"LONG=" + strings.Repeat("x", 300_000)}
			if start == warm.Gate {
				require.NoError(t, b.pool.Prepare(t.Context(), s))
			} else {
				require.ErrorContains(t, b.pool.Prepare(t.Context(), s), "bytes")
			}
			for range 3 {
				_, err := b.run(t.Context(), s, "")
				require.NoError(t, err)
			}
			b.settle()
			assert.Equal(t, idle, b.pool.Stats().Idle, start)
			assert.EqualValues(t, 3, b.pool.Stats().Cold, start)
			assert.Contains(t, b.logged(), "slower than a container starts", start)
			assert.LessOrEqual(t, len(b.fake.Calls()), 3+2, start)
		}
	})
}

// A call whose image is always pulled ends with its context, though a start is stuck in
// a look at the image.
func TestLookThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hang atomic.Bool
		fake := &runtimetest.Fake{Programs: map[string]runtimetest.Program{"/probe": runtimetest.Probe}}
		slow := &slowImages{Fake: fake, hang: &hang}
		pool := warm.New(slow, warm.Options{Size: 1, Logger: slog.New(slog.DiscardHandler)})
		hang.Store(true)
		prepared := make(chan error, 1)
		go func() { prepared <- pool.Prepare(t.Context(), spec("echo")) }()
		synctest.Wait()
		s := spec("echo")
		s.Pull = runtime.PullAlways
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := pool.Run(ctx, s, runtime.Stdio{Stdin: io.NopCloser(strings.NewReader(""))})
		require.ErrorIs(t, err, runtime.ErrTimeout)
		assert.Equal(t, time.Second, time.Since(began))
		require.ErrorContains(t, <-prepared, "not ready")
		require.NoError(t, pool.Close())
		require.NoError(t, fake.Close())
	})
}

// slowImages looks at images for ever.
type slowImages struct {
	*runtimetest.Fake
	hang *atomic.Bool
}

func (s *slowImages) Image(ctx context.Context, req runtime.ImageRequest) (runtime.Image, error) {
	if s.hang.Load() {
		<-ctx.Done()
		return runtime.Image{}, ctx.Err()
	}
	return s.Fake.Image(ctx, req)
}
