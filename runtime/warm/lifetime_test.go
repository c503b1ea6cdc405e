package warm_test

import (
	"context"
	"io"
	"strings"
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

func TestDrainsWithoutCallsAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{}, warm.Options{IdleTTL: 5 * time.Minute, MaxAge: time.Hour})
		b.echo("one")
		b.settle()
		time.Sleep(4 * time.Minute)
		b.echo("two")
		time.Sleep(4 * time.Minute)
		assert.Equal(t, 4, b.pool.Stats().Idle, "the last call was 4 minutes ago")
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Zero(t, b.pool.Stats().Idle)
		assert.Empty(t, b.fake.Containers())
		b.echo("three")
		b.settle()
		assert.Equal(t, 4, b.pool.Stats().Idle)
	})
}

func TestReplacesWhatIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{}, warm.Options{Size: 2, IdleTTL: time.Hour, MaxAge: 10 * time.Minute})
		require.NoError(t, b.pool.Prepare(t.Context(), spec("echo")))
		first := b.fake.Containers()
		time.Sleep(10*time.Minute - time.Second)
		assert.Equal(t, first, b.fake.Containers())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		second := b.fake.Containers()
		assert.Len(t, second, 2)
		assert.NotContains(t, second, first[0])
		assert.NotContains(t, second, first[1])
		assert.Zero(t, b.pool.Stats().Died, "they were given up")
	})
}

// The engine, or a sweep, may end a container at its deadline; a call gets one only
// whose deadline is not before its own.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{}, warm.Options{Size: 1, MaxAge: 10 * time.Minute})
		call := func(limit time.Duration) (hit bool) {
			b.settle()
			before := b.pool.Stats().Hits
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			_, err := b.run(ctx, spec("echo"), "")
			require.NoError(t, err)
			return b.pool.Stats().Hits > before
		}
		require.NoError(t, b.pool.Prepare(t.Context(), spec("echo")))
		began := time.Now()
		assert.Equal(t, began.Add(11*time.Minute), b.fake.Calls()[0].Spec.Deadline, "its greatest age, and a minute for the call")
		assert.True(t, call(10*time.Minute))
		assert.False(t, call(30*time.Minute), "none was made for calls that long")
		assert.True(t, call(30*time.Minute), "now they are")
		calls := b.fake.Calls()
		for _, c := range calls[2:] {
			assert.Less(t, 40*time.Minute-time.Second, c.Spec.Deadline.Sub(began))
		}
	})
}

func TestCallsWithoutADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{}, warm.Options{Size: 1})
		for range 3 {
			_, err := b.pool.Run(t.Context(), spec("echo"), runtime.Stdio{})
			require.NoError(t, err)
			b.settle()
		}
		assert.EqualValues(t, 2, b.pool.Stats().Hits)
		for _, c := range b.fake.Calls() {
			assert.Zero(t, c.Spec.Deadline, "nobody may end it")
		}
	})
}

// A call that finds nothing ready starts a container at once, and takes that or the
// next one to get ready.
func TestMissTakesTheFirstThatGetsReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var starts atomic.Int32
		fake := &runtimetest.Fake{Before: func(ctx context.Context, _ runtime.Spec) error {
			if starts.Add(1) == 1 {
				return sleep(ctx, time.Second)
			}
			return sleep(ctx, time.Minute)
		}}
		b := onFake(t, fake, warm.Options{Size: 1, Refill: 1})
		go func() { _ = b.pool.Prepare(t.Context(), spec("echo")) }()
		synctest.Wait()
		began := time.Now()
		b.echo("soon")
		assert.Equal(t, time.Second, time.Since(began).Round(time.Millisecond), "the one on its way came first")
		assert.EqualValues(t, 1, b.pool.Stats().Misses)
		assert.Zero(t, b.pool.Stats().Cold)
	})
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// What is started ahead is started a few at a time, and not while calls wait.
func TestRefillStandsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most, total atomic.Int32
		fake := &runtimetest.Fake{Before: func(ctx context.Context, _ runtime.Spec) error {
			total.Add(1)
			n := now.Add(1)
			defer now.Add(-1)
			most.Store(max(most.Load(), n))
			return sleep(ctx, time.Second)
		}}
		b := onFake(t, fake, warm.Options{Size: 8, Refill: 3})
		require.NoError(t, b.pool.Prepare(t.Context(), spec("echo")))
		assert.EqualValues(t, 3, most.Load())

		// All taken, and five more calls wait: each starts its own, and nothing else starts.
		for range 8 + 5 {
			go func() { _, _ = b.run(t.Context(), spec("block"), "") }()
		}
		total.Store(0)
		time.Sleep(500 * time.Millisecond)
		assert.EqualValues(t, 5, total.Load())
		time.Sleep(20 * time.Second)
		synctest.Wait()
		assert.EqualValues(t, 5+8, total.Load(), "then the stock is filled again")
	})
}

func TestCancelWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &runtimetest.Fake{Before: func(ctx context.Context, _ runtime.Spec) error { return sleep(ctx, 20*time.Second) }}
		b := onFake(t, fake, warm.Options{Size: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		stdin := &closeRecorder{Reader: strings.NewReader("unread")}
		_, err := b.pool.Run(ctx, spec("echo"), runtime.Stdio{Stdin: stdin})
		require.ErrorIs(t, err, runtime.ErrTimeout)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.False(t, runtime.Started(err))
		assert.Equal(t, time.Second, time.Since(began))
		assert.True(t, stdin.closed.Load())
		n, _ := stdin.Reader.Read(make([]byte, 10))
		assert.Equal(t, 6, n, "nothing of it was read")
		time.Sleep(2 * time.Minute)
		assert.Equal(t, 1, b.pool.Stats().Idle, "the container is there for the next call")
	})
}

type closeRecorder struct {
	io.Reader
	closed atomic.Bool
}

func (r *closeRecorder) Close() error {
	r.closed.Store(true)
	return nil
}

func TestCloseLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{}, warm.Options{})
		require.NoError(t, b.pool.Prepare(t.Context(), spec("echo")))
		ended := make(chan error, 1)
		r, w := io.Pipe()
		go func() {
			_, err := b.pool.Run(t.Context(), spec("echo"), runtime.Stdio{Stdin: r})
			ended <- err
		}()
		b.settle()
		closed := make(chan struct{})
		go func() {
			assert.NoError(t, b.pool.Close())
			close(closed)
		}()
		b.settle()
		assert.Len(t, b.fake.Containers(), 1, "a call that is under way goes on")
		_ = w.Close()
		require.NoError(t, <-ended)
		<-closed
		_, err := b.pool.Run(t.Context(), spec("echo"), runtime.Stdio{})
		require.ErrorIs(t, err, runtime.ErrClosed)
		require.ErrorIs(t, b.pool.Prepare(t.Context(), spec("echo")), runtime.ErrClosed)
	})
}

// Specs come and go; only so many have a stock.
func TestTooManySpecs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{}, warm.Options{Size: 2})
		for i := range 50 {
			s := spec("echo")
			s.Hostname = "host-" + string(rune('a'+i%26)) + string(rune('a'+i/26))
			for range 2 {
				_, err := b.run(t.Context(), s, "")
				require.NoError(t, err)
				b.settle()
			}
		}
		assert.Equal(t, 16*2, b.pool.Stats().Idle)
		assert.Len(t, b.fake.Containers(), 16*2)
	})
}

// An environment that is another one with each call does not fill the machine.
func TestEagerWithEverNewEnvironments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{}, warm.Options{Size: 2, Start: warm.Eager})
		for i := range 100 {
			s := spec("echo")
			s.Env = []string{"REQUEST=" + string(rune('0'+i))}
			_, err := b.run(t.Context(), s, "")
			require.NoError(t, err)
			b.settle()
		}
		assert.LessOrEqual(t, len(b.fake.Containers()), 4*2)
		assert.Less(t, len(b.fake.Calls()), 100+4*2+1, "a command that came once gets no stock when there are several")
	})
}
