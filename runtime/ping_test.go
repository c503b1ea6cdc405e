package runtime_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// pinged is a stub whose engine can be asked for a sign of life.
type pinged struct {
	stub
	ping func(context.Context) error
}

func (p *pinged) Ping(ctx context.Context) error { return p.ping(ctx) }

func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// sleeper is a command that outlasts its call.
func sleeper(ctx context.Context, _ runtime.Spec, _ runtime.Stdio) (runtime.Status, error) {
	<-ctx.Done()
	return runtime.Status{}, runtime.ContextError(ctx, "stub", true)
}

func TestTimeoutBesideAPing(t *testing.T) {
	t.Parallel()
	refused := func(context.Context) error { return errors.New("connection refused") }
	answers := func(context.Context) error { return nil }
	slow := func(ctx context.Context) error {
		select {
		case <-time.After(900 * time.Millisecond):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	closed := func(context.Context) error { return &runtime.Error{Kind: runtime.ErrClosed} }
	for _, tt := range []struct {
		name    string
		ping    func(context.Context) error
		timeout time.Duration
		kind    error
	}{
		{"it answers", answers, 5 * time.Second, runtime.ErrTimeout},
		{"it answers slowly", slow, 5 * time.Second, runtime.ErrTimeout},
		{"it hangs", hang, 5 * time.Second, runtime.ErrUnavailable},
		{"it hangs, and the call is as long as a ping", hang, time.Second, runtime.ErrUnavailable},
		{"nothing listens", refused, 5 * time.Second, runtime.ErrUnavailable},
		{"the runtime was closed", closed, 5 * time.Second, runtime.ErrTimeout},
		{"too short a call to tell", hang, 900 * time.Millisecond, runtime.ErrTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := runtime.NewLauncher(&pinged{stub: stub{run: sleeper}, ping: tt.ping})
				began := time.Now()
				_, err := l.Launch(t.Context(), spec, nil, runtime.Options{Timeout: tt.timeout})
				assert.Equal(t, tt.timeout, time.Since(began), "the ping costs the call nothing")
				var e *runtime.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, tt.kind, e.Kind)
				assert.True(t, e.Started)
				assert.Equal(t, "stub", e.Runtime)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Contains(t, err.Error(), "no result after "+tt.timeout.String())
			})
		})
	}
}

// An engine is asked in the last second of a call and at no other time, and the question
// does not outlast the call.
func TestPingOnlyAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked time.Duration
		began := time.Now()
		rt := &pinged{ping: func(ctx context.Context) error {
			asked = time.Since(began)
			return hang(ctx)
		}}
		l := runtime.NewLauncher(rt)
		opts := runtime.Options{Timeout: 10 * time.Second}
		for _, tt := range []struct{ takes, asked time.Duration }{
			{0, 0}, {8 * time.Second, 0}, {9500 * time.Millisecond, 9 * time.Second},
		} {
			asked, began = 0, time.Now()
			rt.run = func(context.Context, runtime.Spec, runtime.Stdio) (runtime.Status, error) {
				time.Sleep(tt.takes)
				return runtime.Status{}, nil
			}
			_, err := l.Launch(t.Context(), spec, nil, opts)
			require.NoError(t, err, "a call that ended is not asked about its engine")
			synctest.Wait()
			assert.Equal(t, tt.asked, asked)
		}
	})
}

func TestOtherFailuresBesideAPing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := &pinged{stub: stub{run: sleeper}, ping: hang}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(9500*time.Millisecond, cancel)
		_, err := runtime.NewLauncher(rt).Launch(ctx, spec, nil, runtime.Options{})
		require.ErrorIs(t, err, runtime.ErrCanceled)
		require.NotErrorIs(t, err, runtime.ErrUnavailable)
	})
}

func TestPullBesideAHungEngine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := &pinged{stub: stub{run: missing, image: func(ctx context.Context, _ runtime.ImageRequest) (runtime.Image, error) {
			<-ctx.Done()
			return runtime.Image{}, ctx.Err()
		}}, ping: hang}
		l := runtime.NewLauncher(rt)
		_, err := l.Launch(t.Context(), spec, nil, runtime.Options{})
		require.ErrorIs(t, err, runtime.ErrUnavailable)
		require.ErrorIs(t, err, runtime.ErrPulling)
		require.NoError(t, l.Close())
	})
}

func TestStreamBesideAHungEngine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := &pinged{stub: stub{run: sleeper, image: func(context.Context, runtime.ImageRequest) (runtime.Image, error) {
			return runtime.Image{}, nil
		}}, ping: hang}
		_, err := runtime.NewLauncher(rt).Stream(t.Context(), spec, runtime.Stdio{Stdin: nopStdin{}}, runtime.Options{})
		require.ErrorIs(t, err, runtime.ErrUnavailable)
	})
}

type nopStdin struct{}

func (nopStdin) Read([]byte) (int, error) { return 0, context.Canceled }
func (nopStdin) Close() error             { return nil }
