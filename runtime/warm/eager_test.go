package warm_test

import (
	"bufio"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
	"github.com/AltairaLabs/dockerrun/runtime/warm"
)

// endsByItself is a hook that is started ahead and gives up on its input after ten
// seconds; the engine notices a moment later.
func endsByItself(early string, code int) *runtimetest.Fake {
	return badShell(func(p *runtimetest.Process, token string, _ *bufio.Reader) int {
		_, _ = fmt.Fprintf(p.Stdout, "%s\n%s", token, early)
		time.Sleep(10 * time.Second)
		_, _ = fmt.Fprintf(p.Stdout, "%s %d\n", token, code)
		_, _ = fmt.Fprintf(p.Stderr, "%s %d\n", token, code)
		time.Sleep(50 * time.Millisecond)
		return code
	})
}

// A hook that ended while it waited answers no call, though its container is still there.
func TestEagerEndedBeforeItsCall(t *testing.T) {
	for _, code := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			b := onFake(t, endsByItself("", code), warm.Options{Size: 1, Start: warm.Eager})
			require.NoError(t, b.pool.Prepare(t.Context(), spec("echo")))
			time.Sleep(10*time.Second + 20*time.Millisecond)
			assert.Equal(t, warm.Stats{Idle: 1, Died: 1}, b.pool.Stats(), "another one waits by now")
			time.Sleep(10 * time.Second)
			assert.EqualValues(t, 2, b.pool.Stats().Died, "once each")
		})
	}
}

// Nor one whose end comes when its container was taken for the call already, whatever it
// had written by then.
func TestEagerEndsAsItsCallComes(t *testing.T) {
	for _, early := range []string{"", "ready\n"} {
		synctest.Test(t, func(t *testing.T) {
			b := onFake(t, endsByItself(early, 0), warm.Options{Size: 1, Start: warm.Eager})
			require.NoError(t, b.pool.Prepare(t.Context(), spec("echo")))
			time.Sleep(10*time.Second - 10*time.Millisecond)
			ctx := runtime.WithTrace(t.Context(), &runtime.Trace{Warm: func(w runtime.Warmth) {
				if w == runtime.WarmHit {
					time.Sleep(20 * time.Millisecond)
				}
			}})
			out, err := b.run(ctx, spec("echo"), "hello")
			require.NoError(t, err)
			assert.Equal(t, "hello", out)
			assert.EqualValues(t, 1, b.pool.Stats().Cold)
		})
	}
}
