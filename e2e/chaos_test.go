package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/backends/dockercli"
	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/outage"
	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// TestChaos calls on all runtimes at once, cold and warm, while calls are canceled, run out
// of time, lose their containers, and the engines are killed, stopped and hung. E2E_CHAOS
// says for how long; without it, briefly. Whatever happens, no answer is wrong, and at the
// end nothing is left: no container, goroutine or descriptor.
func TestChaos(t *testing.T) {
	span := 10 * time.Second
	if s := os.Getenv("E2E_CHAOS"); s != "" {
		var err error
		span, err = time.ParseDuration(s)
		require.NoError(t, err, "E2E_CHAOS is a time: 30m")
	}
	kinds := ownEngines()
	if len(kinds) == 0 {
		t.Skip("there is no engine; e2e/engines.sh up sets them up")
	}
	chance := seeded(t)
	goroutines, files, children := goruntime.NumGoroutine(), openFiles(t), len(childProcesses(t))
	c := &chaos{counts: map[string]int{}, calm: 6 * time.Second}
	if span >= time.Minute {
		c.calm = 20 * time.Second // most of a long one is load, and some of a short one
	}
	var own []*outage.Engine
	var users []*chaosUser
	for _, start := range kinds {
		e := startOwn(t, start, 0)
		own = append(own, e)
		for _, v := range e.Variants {
			users = append(users, newChaosUser(t, v, nil), newChaosUser(t, v, map[string]any{"warm": 2}))
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), span)
	defer cancel()
	var wg sync.WaitGroup
	for _, u := range users {
		for range 2 {
			fate := rand.New(rand.NewPCG(chance.Uint64(), 0))
			wg.Go(func() {
				for ctx.Err() == nil {
					if c.call(u, fate) == runtime.ErrUnavailable.Error() {
						pause(ctx, 100*time.Millisecond) // else refusals would be most of what is counted
					}
				}
			})
		}
	}
	for _, e := range own {
		fate := rand.New(rand.NewPCG(chance.Uint64(), 0))
		wg.Go(func() { c.hurt(t, ctx, e, fate) })
	}
	wg.Wait()
	t.Log(c.String())
	require.NoError(t, errors.Join(c.wrong...), "wrong answers")
	if span >= time.Minute { // a short one may be spent on engines that come back
		assert.Positive(t, c.counts["right"])
	}

	for _, u := range users {
		u.works(t)
	}
	for _, u := range users {
		assert.NoError(t, u.sb.Close())
	}
	for _, u := range users {
		assert.NoError(t, noContainers(u.v, recovery))
	}
	for _, e := range own {
		require.NoError(t, e.Stop())
	}
	// Not with Eventually, which has goroutines of its own.
	for end := time.Now().Add(recovery); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if goruntime.NumGoroutine() <= goroutines && openFiles(t) <= files && len(childProcesses(t)) <= children {
			break
		}
	}
	assert.LessOrEqual(t, goruntime.NumGoroutine(), goroutines, "goroutines are left")
	assert.LessOrEqual(t, openFiles(t), files, "descriptors are left")
	assert.LessOrEqual(t, len(childProcesses(t)), children, "processes are left")
	t.Logf("goroutines %d before and %d after, descriptors %d and %d, child processes %d and %d",
		goroutines, goruntime.NumGoroutine(), files, openFiles(t), children, len(childProcesses(t)))
}

// chaosUser is a sandbox and the engine that it is on.
type chaosUser struct {
	v    engines.Variant
	sb   *factory.Sandbox
	cold bool
}

func newChaosUser(t *testing.T, v engines.Variant, more map[string]any) *chaosUser {
	t.Helper()
	cfg := config(v, more)
	cfg["extra_args"] = []any{"--stop-signal=KILL"} // see newOutageUser
	return &chaosUser{v: v, sb: newSandbox(t, cfg).(*factory.Sandbox), cold: more == nil}
}

// works makes calls until one works.
func (u *chaosUser) works(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), recovery)
	defer cancel()
	for {
		resp, err := u.sb.Spawn(ctx, probe("echo"))
		if err = errors.Join(err, resp.Err); err == nil {
			return
		}
		if ctx.Err() != nil {
			assert.NoError(t, err, "%s does not work again", u.v.Name)
			return
		}
	}
}

// chaos counts what calls came to.
type chaos struct {
	calm time.Duration // the most between two things that are done to an engine

	mu     sync.Mutex
	counts map[string]int
	wrong  []error
}

func (c *chaos) count(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[what]++
}

func (c *chaos) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("%v, wrong %d", c.counts, len(c.wrong))
}

// call makes one call of a random kind, with a random end, and returns what it came to:
// as what it was counted, or nothing if the answer was wrong.
func (c *chaos) call(u *chaosUser, fate *rand.Rand) string {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	req, code := c.request(fate)
	switch fate.IntN(8) {
	case 0:
		defer time.AfterFunc(time.Duration(fate.IntN(600))*time.Millisecond, cancel).Stop()
	case 1:
		req.Timeout = time.Duration(1+fate.IntN(600)) * time.Millisecond
	}
	began := time.Now()
	resp, err := u.sb.Spawn(ctx, req)
	took := time.Since(began)
	what, wrong := judge(u, req, code, resp, err)
	if limit := req.Timeout + 10*time.Second; wrong == nil && took > limit {
		wrong = fmt.Errorf("took %v, with a timeout of %v: %w", took, req.Timeout, resp.Err)
	}
	c.count("calls")
	if wrong != nil {
		c.mu.Lock()
		c.wrong = append(c.wrong, fmt.Errorf("%s, cold %t: %w", u.v.Name, u.cold, wrong))
		c.mu.Unlock()
		return ""
	}
	c.count(what)
	return what
}

// pause lasts between half the time and all of it, but not longer than ctx.
func pause(ctx context.Context, most time.Duration) {
	select {
	case <-time.After(most/2 + rand.N(most/2)):
	case <-ctx.Done():
	}
}

// request is a call, and the exit status that its command will have.
func (c *chaos) request(fate *rand.Rand) (sandbox.Request, int) {
	if fate.IntN(6) == 0 {
		code := 10 + fate.IntN(80)
		req := probe("exit", strconv.Itoa(code))
		req.Timeout = 8 * time.Second
		return req, code
	}
	req := probe("echo")
	req.Timeout = 8 * time.Second
	req.Stdin = bytes.Repeat(fmt.Appendf(nil, "%d;", fate.Uint64()), 1+fate.IntN(4000))
	return req, 0
}

// judge says what a call came to, or why that is wrong.
func judge(u *chaosUser, req sandbox.Request, code int, resp sandbox.Response, err error) (string, error) {
	var exit *runtime.ExitError
	switch {
	case err != nil:
		return "", err
	case resp.Err == nil && code == 0 && bytes.Equal(resp.Stdout, req.Stdin):
		return "right", nil
	case resp.Err == nil && code == 0 && u.cold && u.v.Key == dockercli.Key && bytes.HasPrefix(req.Stdin, resp.Stdout):
		return "cut by the command line", nil // see docs/reliability.md, "What can't be told"
	case resp.Err == nil:
		return "", fmt.Errorf("status 0 for %d, %d bytes for %d", code, len(resp.Stdout), len(req.Stdin))
	case errors.As(resp.Err, &exit):
		switch exit.ExitCode() {
		case code:
			return "right", nil
		case 2, 137, 143: // the engine, or chaos, ended its container
			return "container killed", nil
		}
		return "", fmt.Errorf("%w for %d: %q", resp.Err, code, resp.Stderr)
	}
	for _, kind := range []error{runtime.ErrUnavailable, runtime.ErrTimeout, runtime.ErrCanceled, runtime.ErrEngine} {
		if errors.Is(resp.Err, kind) {
			return kind.Error(), nil
		}
	}
	return "", fmt.Errorf("an unexpected kind: %w", resp.Err)
}

// hurt does something to an engine every now and then.
func (c *chaos) hurt(t *testing.T, ctx context.Context, e *outage.Engine, fate *rand.Rand) {
	lasting := context.WithoutCancel(ctx) // whatever happens, it is up at the end
	for pause(ctx, 3*time.Second); ctx.Err() == nil; pause(ctx, c.calm) {
		var err error
		switch deed := fate.IntN(5); deed {
		case 0, 1:
			c.count("engine killed")
			err = errors.Join(e.Kill(), e.Start(lasting))
		case 2:
			c.count("engine stopped")
			err = errors.Join(e.Stop(), e.Start(lasting))
		case 3:
			c.count("engine hung")
			err = e.Hang()
			pause(ctx, 4*time.Second)
			err = errors.Join(err, e.Resume())
		case 4:
			c.count("container removed")
			v := e.Variants[0]
			out, _ := v.Output(lasting, "ps", "--quiet", "--no-trunc")
			if ids := strings.Fields(out); len(ids) > 0 {
				_, _ = v.Output(lasting, "rm", "--force", ids[fate.IntN(len(ids))]) // it may be gone
			}
		}
		assert.NoError(t, err)
	}
}
