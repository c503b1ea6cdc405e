package warm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
	"github.com/AltairaLabs/dockerrun/runtime/warm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a pool on a Fake, and what it logs.
type bench struct {
	*testing.T
	fake *runtimetest.Fake
	pool *warm.Pool
	log  *lockedBuffer
}

// onFake makes a pool for a test that runs in a bubble of its own time.
func onFake(t *testing.T, fake *runtimetest.Fake, opts warm.Options) *bench {
	b := &bench{T: t, fake: fake, log: &lockedBuffer{}}
	if fake.Programs == nil {
		fake.Programs = map[string]runtimetest.Program{"/probe": runtimetest.Probe}
	}
	opts.Logger = slog.New(slog.NewTextHandler(b.log, nil))
	b.pool = warm.New(fake, opts)
	t.Cleanup(func() {
		assert.NoError(t, b.pool.Close())
		assert.NoError(t, fake.Close())
		assert.Empty(t, fake.Containers(), "containers are left")
	})
	return b
}

type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func spec(args ...string) runtime.Spec {
	return runtime.Spec{Image: "img", Args: append([]string{"/probe"}, args...)}
}

// echo makes a call and checks its answer.
func (b *bench) echo(text string) {
	b.Helper()
	out, err := b.run(b.Context(), spec("echo"), text)
	require.NoError(b, err)
	require.Equal(b, text, out)
}

// run makes a call that has a deadline, as those of a Launcher have.
func (b *bench) run(ctx context.Context, spec runtime.Spec, stdin string) (string, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
	}
	var out bytes.Buffer
	status, err := b.pool.Run(ctx, spec, runtime.Stdio{Stdin: io.NopCloser(strings.NewReader(stdin)), Stdout: &out})
	if err == nil && status.Code != 0 {
		err = &runtime.ExitError{Status: status}
	}
	return out.String(), err
}

// logged is what was logged so far.
func (b *bench) logged() string {
	synctest.Wait()
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	return b.log.text.String()
}

// settle waits until nothing moves any more but time.
func (b *bench) settle() {
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
}

func TestFillsWhenFirstUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{}, warm.Options{})
		assert.Empty(t, b.fake.Calls(), "nothing happens before the first call")
		b.echo("one")
		b.settle()
		assert.Equal(t, warm.Stats{Idle: 4, Misses: 1}, b.pool.Stats())
		for i := range 20 {
			b.echo(fmt.Sprint("call ", i))
			b.settle()
		}
		assert.Equal(t, warm.Stats{Idle: 4, Hits: 20, Misses: 1}, b.pool.Stats())
		names := map[string]bool{}
		for _, call := range b.fake.Calls() {
			assert.False(t, names[call.Spec.Name], "a container was used twice")
			names[call.Spec.Name] = true
			assert.True(t, call.Spec.AutoRemove)
			assert.Equal(t, "none", call.Spec.LogDriver)
			assert.Empty(t, call.Spec.Env, "the environment travels over stdin")
		}
		assert.Len(t, names, 25, "one for each call, and the stock")
		assert.Empty(t, b.logged())
	})
}

func TestPrepare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{}, warm.Options{Size: 3})
		require.NoError(t, b.pool.Prepare(t.Context(), spec("echo")))
		assert.Equal(t, warm.Stats{Idle: 3}, b.pool.Stats())
		require.NoError(t, b.pool.Prepare(t.Context(), spec("echo")), "a second one finds it done")
		b.echo("first")
		assert.EqualValues(t, 1, b.pool.Stats().Hits)
	})
}

func TestPrepareSaysWhyNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tt := range map[string]struct {
			fake *runtimetest.Fake
			spec runtime.Spec
			opts warm.Options
			kind error
			says string
		}{
			"image missing": {fake: &runtimetest.Fake{Images: map[string]runtime.Image{}}, spec: spec("echo"), kind: runtime.ErrImageMissing},
			"no shell":      {fake: &runtimetest.Fake{NoShell: true}, spec: spec("echo"), kind: runtime.ErrCommandNotFound, says: "/bin/sh"},
			"a name":        {fake: &runtimetest.Fake{}, spec: runtime.Spec{Image: "img", Name: "mine"}, kind: runtime.ErrUnsupported, says: "name"},
			"invalid":       {fake: &runtimetest.Fake{}, spec: runtime.Spec{}, kind: runtime.ErrInvalidSpec},
			"environment": {fake: &runtimetest.Fake{}, spec: runtime.Spec{Image: "img", Env: []string{"A.B=secret"}},
				kind: runtime.ErrUnsupported, says: `"A.B"`},
			"engine down": {fake: &runtimetest.Fake{Before: func(context.Context, runtime.Spec) error {
				return &runtime.Error{Kind: runtime.ErrUnavailable, Message: "nobody listens"}
			}}, spec: spec("echo"), kind: runtime.ErrUnavailable, says: "nobody listens"},
			"command that does not wait": {fake: &runtimetest.Fake{}, spec: spec("exit", "0"), opts: warm.Options{Start: warm.Eager}, says: "wait for its input"},
		} {
			b := onFake(t, tt.fake, tt.opts)
			err := b.pool.Prepare(t.Context(), tt.spec)
			require.Error(t, err, name)
			if tt.kind != nil {
				require.ErrorIs(t, err, tt.kind, name)
			}
			assert.Contains(t, err.Error(), tt.says, name)
			assert.NotContains(t, err.Error(), "secret", name)
		}
	})
}

func TestCallsShareByEverythingButTheCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{}, warm.Options{Size: 1})
		base := spec("echo")
		require.NoError(t, b.pool.Prepare(t.Context(), base))
		hits := func(s runtime.Spec) bool {
			b.settle()
			before := b.pool.Stats().Hits
			_, err := b.run(t.Context(), s, "")
			require.NoError(t, err)
			return b.pool.Stats().Hits > before
		}
		same := base
		same.Args, same.Env = []string{"/probe", "args"}, []string{"A=b"}
		assert.True(t, hits(same))
		same.Pull, same.Deadline = runtime.PullNever, time.Now().Add(time.Hour)
		assert.True(t, hits(same))
		for _, change := range []func(*runtime.Spec){
			func(s *runtime.Spec) { s.Image = "other" }, func(s *runtime.Spec) { s.User = "1" }, func(s *runtime.Spec) { s.Memory = 1 << 30 },
			func(s *runtime.Spec) { s.Labels = map[string]string{"a": "b"} }, func(s *runtime.Spec) { s.Dir = "/data" },
			func(s *runtime.Spec) { s.Network = "none" }, func(s *runtime.Spec) { s.ReadOnly = true },
		} {
			other := base
			change(&other)
			assert.False(t, hits(other))
			assert.True(t, hits(other))
		}
	})
}

func TestEagerStartsTheCommandAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &runtimetest.Fake{Programs: map[string]runtimetest.Program{"/hook": func(_ context.Context, p *runtimetest.Process) int {
			fmt.Fprintf(p.Stdout, "%s loaded at %s; ", p.Getenv("WHO"), time.Now().Format(time.Kitchen))
			in, err := io.ReadAll(p.Stdin)
			if err != nil {
				return 1
			}
			fmt.Fprintf(p.Stdout, "%s at %s", in, time.Now().Format(time.Kitchen))
			return 0
		}}}
		b := onFake(t, fake, warm.Options{Start: warm.Eager, Size: 2})
		mine := runtime.Spec{Image: "img", Args: []string{"/hook"}, Env: []string{"WHO=ann"}}
		require.NoError(t, b.pool.Prepare(t.Context(), mine))
		time.Sleep(time.Minute)
		out, err := b.run(t.Context(), mine, "called")
		require.NoError(t, err)
		assert.Equal(t, "ann loaded at 12:00AM; called at 12:01AM", out)

		other := mine
		other.Env = []string{"WHO=bob"}
		out, err = b.run(t.Context(), other, "called")
		require.NoError(t, err)
		assert.Equal(t, "bob loaded at 12:01AM; called at 12:01AM", out, "an environment of its own")
	})
}

func TestEagerWithoutAShell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{NoShell: true}, warm.Options{Start: warm.Eager, Size: 2})
		b.echo("cold")
		b.settle()
		assert.Equal(t, 2, b.pool.Stats().Idle)
		tried := len(b.fake.Calls())
		for i := range 3 {
			b.echo(fmt.Sprint("warm ", i))
			b.settle()
		}
		assert.EqualValues(t, 3, b.pool.Stats().Hits)
		for _, call := range b.fake.Calls()[tried:] {
			assert.Equal(t, "/probe", call.Spec.Args[0], "no shell is tried again")
		}
		_, err := b.run(t.Context(), spec("exit", "7"), "")
		var exit *runtime.ExitError
		require.ErrorAs(t, err, &exit)
		assert.Equal(t, 7, exit.Status.Code)
	})
}

func TestBurst(t *testing.T) {
	b := onFake(t, &runtimetest.Fake{}, warm.Options{Size: 4})
	require.NoError(t, b.pool.Prepare(t.Context(), spec("echo")))
	var wg sync.WaitGroup
	errs := make([]error, 200)
	for i := range errs {
		wg.Go(func() {
			want := strings.Repeat(fmt.Sprintf("call %d;", i), 1000)
			out, err := b.run(t.Context(), spec("echo"), want)
			if errs[i] = err; err == nil && out != want {
				errs[i] = fmt.Errorf("call %d got another's answer", i)
			}
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	stats := b.pool.Stats()
	assert.EqualValues(t, 200, stats.Hits+stats.Misses)
	assert.Zero(t, stats.Cold, "whoever misses takes the next container that gets ready")
	assert.Zero(t, stats.Died)
}
