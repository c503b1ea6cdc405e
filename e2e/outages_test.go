package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/outage"
	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// outages are the ways in which an engine goes away and comes back.
var outages = []struct {
	name       string
	begin, end func(context.Context, *outage.Engine) error
}{
	{"stopped",
		func(_ context.Context, e *outage.Engine) error { return e.Stop() },
		func(ctx context.Context, e *outage.Engine) error { return e.Start(ctx) }},
	{"killed",
		func(_ context.Context, e *outage.Engine) error { return e.Kill() },
		func(ctx context.Context, e *outage.Engine) error { return e.Start(ctx) }},
	{"hung",
		func(_ context.Context, e *outage.Engine) error { return e.Hang() },
		func(_ context.Context, e *outage.Engine) error { return e.Resume() }},
}

// An engine goes away while calls run, while warm containers wait and while images are
// pulled. Calls fail at their deadline at the latest, and say that it is the engine's
// fault; when it is back, so is all else.
func TestOutages(t *testing.T) {
	eachOwn(t, 0, func(t *testing.T, e *outage.Engine) {
		registry := newRegistry(t, "", "")
		for _, o := range outages {
			if o.name == "stopped" && os.Getenv("E2E_SOAK") == "" {
				continue // a kill is the harder case
			}
			t.Run(o.name, func(t *testing.T) {
				var users []*outageUser
				for i, v := range e.Variants {
					users = append(users, newOutageUser(t, v, registry, o.name))
					users[i].nap = fmt.Sprintf("%ds", 60+i)
				}
				registry.hold()
				defer registry.release()
				var calls []*outageCall
				for _, u := range users {
					calls = append(calls, u.running(t))
					if o.name != "stopped" { // Docker waits for its pulls before it ends
						calls = append(calls, u.pulling(t))
					}
				}
				for _, c := range calls {
					c.awaitBegin(t)
				}
				require.NoError(t, o.begin(t.Context(), e))
				for _, u := range users {
					calls = append(calls, u.creating(t), u.waiting(t))
				}
				for _, c := range calls {
					c.check(t, o.name)
				}
				require.NoError(t, o.end(t.Context(), e))
				registry.release()
				var wg sync.WaitGroup
				for _, u := range users {
					wg.Go(func() { u.recovers(t) })
				}
				wg.Wait()
				assert.NoError(t, noContainers(e.Variants[0], recovery))
			})
		}
	})
}

// outageUser is a program that uses an engine in all ways.
type outageUser struct {
	v                  engines.Variant
	registry           *testRegistry
	cold, warm, pulled *factory.Sandbox
	nap                string // of its running call, to tell it from another user's
}

func newOutageUser(t *testing.T, v engines.Variant, registry *testRegistry, name string) *outageUser {
	t.Helper()
	box := func(more map[string]any) *factory.Sandbox {
		cfg := config(v, more)
		// A Docker that comes back ends what runs, and gives it ten seconds to do so itself.
		cfg["extra_args"] = []any{"--stop-signal=KILL"}
		return newSandbox(t, cfg).(*factory.Sandbox)
	}
	u := &outageUser{v: v, registry: registry, cold: box(nil), warm: box(map[string]any{"warm": 2})}
	u.pulled = box(map[string]any{"image": registry.push(t, repository(v, name)), "pull": "missing"})
	require.NoError(t, spawn(t, u.cold, probe("echo")).Err)
	ctx, cancel := context.WithTimeout(t.Context(), recovery)
	defer cancel()
	require.NoError(t, u.warm.Prepare(ctx))
	return u
}

// outageCall is a call in the background.
type outageCall struct {
	name    string
	limit   time.Duration
	begun   func(context.Context) bool // it is where the outage is to meet it
	done    chan struct{}
	took    time.Duration
	err     error
	mayExit bool
}

func (u *outageUser) call(t *testing.T, name string, sb sandbox.Sandbox, req sandbox.Request) *outageCall {
	c := &outageCall{name: u.v.Name + ": " + name, limit: req.Timeout, done: make(chan struct{})}
	began := time.Now()
	go func() {
		defer close(c.done)
		resp, err := sb.Spawn(context.WithoutCancel(t.Context()), req)
		c.took, c.err = time.Since(began), errors.Join(err, resp.Err)
	}()
	return c
}

// running is a call whose command runs when the outage comes.
func (u *outageUser) running(t *testing.T) *outageCall {
	req := probe("sleep", u.nap)
	req.Timeout = 16 * time.Second
	c := u.call(t, "a running call", u.cold, req)
	c.mayExit = true
	c.begun = func(ctx context.Context) bool {
		out, err := u.v.Output(ctx, "ps", "--no-trunc", "--format", "{{.Command}}")
		return err == nil && strings.Contains(out, "sleep "+u.nap)
	}
	return c
}

// pulling is a call whose image is being pulled when the outage comes.
func (u *outageUser) pulling(t *testing.T) *outageCall {
	before := u.registry.requests()
	req := probe("echo")
	req.Timeout = 16 * time.Second
	c := u.call(t, "a pull", u.pulled, req)
	c.begun = func(context.Context) bool { return u.registry.requests() > before }
	return c
}

// creating is a call that comes during the outage.
func (u *outageUser) creating(t *testing.T) *outageCall {
	req := probe("echo")
	req.Timeout = 4 * time.Second
	return u.call(t, "a new call", u.cold, req)
}

// waiting is one for which containers wait.
func (u *outageUser) waiting(t *testing.T) *outageCall {
	req := probe("echo")
	req.Timeout = 4 * time.Second
	return u.call(t, "a call with warm containers", u.warm, req)
}

func (c *outageCall) awaitBegin(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return c.begun(t.Context()) }, c.limit-2*time.Second, 20*time.Millisecond, "%s did not begin", c.name)
}

// check waits for the call and looks at how it failed.
func (c *outageCall) check(t *testing.T, outage string) {
	t.Helper()
	<-c.done
	assert.Less(t, c.took, c.limit+slack(), "%s fails at its deadline", c.name)
	var exit *runtime.ExitError
	if outage == "stopped" && c.mayExit && errors.As(c.err, &exit) {
		assert.Contains(t, []int{2, 137, 143}, exit.ExitCode(), "%s: the engine ended its container, which the probe answers with 2", c.name)
		return
	}
	assert.ErrorIs(t, c.err, runtime.ErrUnavailable, c.name)
	if outage == "hung" {
		assert.ErrorIs(t, c.err, context.DeadlineExceeded, c.name)
	}
}

// recovers makes calls until each way works again, and looks for what is left.
func (u *outageUser) recovers(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), recovery)
	defer cancel()
	var wg sync.WaitGroup
	for name, sb := range map[string]*factory.Sandbox{"cold": u.cold, "warm": u.warm, "pulled": u.pulled} {
		wg.Go(func() {
			req := probe("echo")
			req.Stdin = []byte(name)
			for {
				resp, err := sb.Spawn(ctx, req)
				if err = errors.Join(err, resp.Err); err == nil {
					assert.Equal(t, name, string(resp.Stdout))
					return
				}
				if ctx.Err() != nil {
					assert.NoError(t, fmt.Errorf("%s: %s calls do not work again: %w", u.v.Name, name, err))
					return
				}
			}
		})
	}
	wg.Wait()
	assert.NoError(t, u.warm.Prepare(ctx), "%s: the pool refills", u.v.Name)
	for _, sb := range []*factory.Sandbox{u.cold, u.warm, u.pulled} {
		assert.NoError(t, sb.Close())
	}
}
