package warm_test

import (
	"context"
	"fmt"
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

func TestNoShell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{NoShell: true}, warm.Options{IdleTTL: time.Hour})
		for i := range 50 {
			b.echo(fmt.Sprint(i))
			time.Sleep(time.Second)
		}
		assert.EqualValues(t, 50, b.pool.Stats().Cold)
		assert.Equal(t, 1, strings.Count(b.logged(), "\n"), b.logged())
		assert.Contains(t, b.logged(), "/bin/sh")
		assert.LessOrEqual(t, len(b.fake.Calls()), 50+4, "it is not tried again and again")
	})
}

func TestEnvironmentsThatNoShellCarries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{}, warm.Options{})
		s := spec("env")
		s.Env = []string{"A.B=secret", "UID=secret"}
		for range 3 {
			out, err := b.run(t.Context(), s, "")
			require.NoError(t, err)
			assert.Contains(t, out, "A.B=secret")
			assert.Contains(t, out, "UID=secret")
		}
		assert.EqualValues(t, 3, b.pool.Stats().Cold)
		assert.Equal(t, 1, strings.Count(b.logged(), "\n"))
		assert.Contains(t, b.logged(), "A.B")
		assert.NotContains(t, b.logged(), "secret")
	})
}

func TestImageWithAnEnvironmentThatNoShellCarries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{Images: map[string]runtime.Image{"img": {Env: []string{"A.B=secret"}}}}, warm.Options{})
		for range 3 {
			out, err := b.run(t.Context(), spec("env"), "")
			require.NoError(t, err)
			assert.Contains(t, out, "A.B=secret")
		}
		assert.EqualValues(t, 3, b.pool.Stats().Cold)
		assert.Contains(t, b.logged(), `image img: a shell can't carry the environment variable`)
		assert.NotContains(t, b.logged(), "secret")
	})
}

func TestTooLongForAHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{}, warm.Options{Size: 1})
		s := spec("env")
		s.Env = []string{"LONG=" + strings.Repeat("x", 300_000)}
		out, err := b.run(t.Context(), s, "")
		require.NoError(t, err)
		assert.Greater(t, len(out), 300_000)
		assert.EqualValues(t, 1, b.pool.Stats().Cold)
	})
}

// A command that does not wait for its input can't be started ahead; trying that takes
// less and less of the engine.
func TestEagerWithACommandThatDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{}, warm.Options{Start: warm.Eager, IdleTTL: time.Hour})
		for range 120 {
			_, err := b.run(t.Context(), spec("exit", "0"), "")
			require.NoError(t, err)
			time.Sleep(5 * time.Second)
		}
		assert.Contains(t, b.logged(), "does the command wait for its input?")
		assert.Less(t, len(b.fake.Calls()), 120+80, "10 minutes of it")
	})
}

func TestImageThatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var version atomic.Int32
		program := func(answer string) runtimetest.Program {
			return func(_ context.Context, p *runtimetest.Process) int {
				_, _ = io.WriteString(p.Stdout, answer)
				return 0
			}
		}
		fake := &runtimetest.Fake{
			Images:   map[string]runtime.Image{},
			Programs: map[string]runtimetest.Program{"/v1": program("one"), "/v2": program("two")},
			Pull: func(context.Context, runtime.ImageRequest) (runtime.Image, error) {
				n := version.Load()
				return runtime.Image{ID: fmt.Sprintf("sha256:%064d", n), Entrypoint: []string{fmt.Sprint("/v", n)}}, nil
			},
		}
		b := onFake(t, fake, warm.Options{Size: 2})
		l := runtime.NewLauncher(b.pool)
		call := func() string {
			result, err := l.Launch(t.Context(), runtime.Spec{Image: "img", Pull: runtime.PullAlways}, nil, runtime.Options{})
			require.NoError(t, err)
			b.settle()
			return string(result.Stdout)
		}
		version.Store(1)
		assert.Equal(t, "one", call())
		assert.Equal(t, "one", call())
		version.Store(2)
		assert.Equal(t, "two", call(), "a container of the old image is of no use")
		hits := b.pool.Stats().Hits
		assert.Equal(t, "two", call())
		assert.Equal(t, hits+1, b.pool.Stats().Hits)
	})
}
