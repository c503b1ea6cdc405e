package check_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/check"
	"github.com/AltairaLabs/dockerrun/internal/runtimeconfig"
	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
)

// slowSweeper never gets to the end of its list.
type slowSweeper struct {
	*runtimetest.Fake
	mu      sync.Mutex
	lists   int
	listing chan struct{} // closed by the first
}

func (s *slowSweeper) Launched(ctx context.Context) ([]runtime.Container, error) {
	s.mu.Lock()
	if s.lists++; s.lists == 1 {
		close(s.listing)
	}
	s.mu.Unlock()
	<-ctx.Done()
	return nil, ctx.Err()
}

// One launcher looks, into however many sandboxes, and is closed: its sweep ends with it.
func TestLauncherIsClosed(t *testing.T) {
	defer goleak.VerifyNone(t)
	rt := &slowSweeper{listing: make(chan struct{})}
	rt.Fake = &runtimetest.Fake{
		Images: map[string]runtime.Image{"there@sha256:" + digest: {}},
		Programs: map[string]runtimetest.Program{check.Shell: func(context.Context, *runtimetest.Process) int {
			<-rt.listing
			return 0
		}},
	}
	second := strings.Replace(strings.TrimPrefix(quietBox, "  sandboxes:\n"), "box:", "bag:", 1)
	text := head + quietBox + second + hooks + "    d: {hook: eval, command: x, sandbox: bag}\n"
	check.File(t.Context(), runtimeconfig.Parse("f", []byte(text)), check.Options{
		Timeout: time.Minute, Open: func(string, string, string) (runtime.Runtime, error) { return rt, nil },
	})
	assert.Len(t, rt.Calls(), 2)
	assert.Equal(t, 1, rt.lists)
}
