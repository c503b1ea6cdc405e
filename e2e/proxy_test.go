package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/backends/dockercli"
	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/outage"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// behindProxy runs f on each API, reached through a proxy; on the rootless Podman, which
// has the same one, only in a soak. A command line's connections are its own.
func behindProxy(t *testing.T, f func(t *testing.T, v engines.Variant, p *outage.Proxy)) {
	apis := slices.DeleteFunc(slices.Clone(machine.variants), func(v engines.Variant) bool {
		return v.Key == dockercli.Key || v.Rootless() && os.Getenv("E2E_SOAK") == ""
	})
	eachOf(t, apis, func(t *testing.T, v engines.Variant) { f(t, v, newProxy(t, v)) })
}

func newProxy(t *testing.T, v engines.Variant) *outage.Proxy {
	t.Helper()
	p, err := outage.NewProxy(v.Host)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	return p
}

// through is v reached by way of p.
func through(v engines.Variant, p *outage.Proxy) engines.Variant {
	v.Host = p.Host
	return v
}

// seeded gives a source of chance whose seed is in the output; E2E_SEED repeats it.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("E2E_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		require.NoError(t, err, "E2E_SEED is a number")
	}
	t.Logf("E2E_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// The output of a command is spoiled on its way, after any of its bytes: the call gives
// the right answer or fails, and never hangs. A stream that ends or stalls in good order
// between two frames is the one thing that a cold call can't tell from the real end (see
// docs/reliability.md); a warm one can.
func TestSpoiledOutput(t *testing.T) {
	chance := seeded(t)
	behindProxy(t, func(t *testing.T, v engines.Variant, p *outage.Proxy) {
		for _, tt := range []struct {
			name string
			warm any
			size int
		}{{"short", nil, 9}, {"long", nil, 300_000}, {"warm", 1, 9}} {
			t.Run(tt.name, func(t *testing.T) {
				p.Set(outage.Fault{})
				more := map[string]any{}
				if tt.warm != nil {
					more["warm"] = tt.warm
				}
				payload := bytes.Repeat([]byte("x"), tt.size)
				call := func(fault outage.Fault, limit time.Duration) (string, error) {
					p.Set(fault)
					defer p.Set(outage.Fault{})
					// Of its own, as its containers are attached to before its call.
					sb := newSandbox(t, config(through(v, p), more))
					req := probe("echo")
					req.Stdin, req.Timeout = payload, limit
					resp := spawn(t, sb, req)
					return string(resp.Stdout), resp.Err
				}
				_, err := call(outage.Fault{}, 30*time.Second)
				require.NoError(t, err)
				whole := measure(t, v, p, more, payload)
				spoiled := 0
				for _, how := range []outage.Spoiling{outage.End, outage.Reset, outage.Stall} {
					for _, after := range positions(chance, whole, how, tt.size > 100) {
						limit := 30 * time.Second
						if how == outage.Stall {
							limit = 2 * time.Second
						}
						what := fmt.Sprintf("%s after %d of %d bytes", how, after, whole)
						spoiled++
						began := time.Now()
						out, err := call(outage.Fault{Spoils: true, After: after, How: how}, limit)
						assert.Less(t, time.Since(began), limit+5*time.Second, what)
						switch {
						case err != nil:
							kind := errors.Is(err, runtime.ErrUnavailable) || how == outage.Stall && errors.Is(err, runtime.ErrTimeout)
							assert.True(t, kind, "%s: %v", what, err)
						case out != string(payload):
							// Of a warm container nothing was heard then, and the call started cold.
							between := how != outage.Reset && strings.HasPrefix(string(payload), out) && (tt.size > 100 || after == 0)
							assert.True(t, between, "%s: a wrong answer of %d bytes", what, len(out))
						}
					}
				}
				t.Logf("spoiled %d streams of %d bytes", spoiled, whole)
			})
		}
		assert.NoError(t, noContainers(v, recovery))
	})
}

// measure is how many bytes the output of such a call has on its way.
func measure(t *testing.T, v engines.Variant, p *outage.Proxy, more map[string]any, payload []byte) int {
	t.Helper()
	p.Set(outage.Fault{})
	req := probe("echo")
	req.Stdin = payload
	require.NoError(t, spawn(t, newSandbox(t, config(through(v, p), more)), req).Err)
	var n int
	require.Eventually(t, func() bool { n = p.Output(); return n > 0 }, 10*time.Second, 10*time.Millisecond, "the stream ends")
	return n
}

// positions are where a stream of so many bytes is spoiled: everywhere in a soak if it is
// short, else at some.
func positions(chance *rand.Rand, whole int, how outage.Spoiling, long bool) []int {
	if os.Getenv("E2E_SOAK") != "" && !long {
		all := make([]int, whole)
		for i := range all {
			all[i] = i
		}
		return all
	}
	n := 2
	switch {
	case os.Getenv("E2E_SOAK") != "":
		n = 20
	case how == outage.Stall:
		n = 1
	}
	some := make([]int, n)
	for i := range some {
		some[i] = chance.IntN(whole)
	}
	return some
}

// Each kind of request is answered with 500 in turn.
func TestEngineFails(t *testing.T) {
	requests := []struct{ name, method, path string }{
		{"create", http.MethodPost, "/containers/create"}, {"attach", http.MethodPost, "/attach"}, {"start", http.MethodPost, "/start"},
	}
	behindProxy(t, func(t *testing.T, v engines.Variant, p *outage.Proxy) {
		sb := newSandbox(t, config(through(v, p), nil))
		for _, r := range requests {
			p.Set(outage.Fault{Fails: func(req *http.Request) bool {
				return req.Method == r.method && strings.HasSuffix(req.URL.Path, r.path)
			}})
			resp := spawn(t, sb, probe("echo"))
			require.ErrorIs(t, resp.Err, runtime.ErrEngine, r.name)
			assert.Contains(t, resp.Err.Error(), "the proxy's doing", r.name)
			p.Set(outage.Fault{})
			require.NoError(t, spawn(t, sb, probe("echo")).Err, "after a failed %s", r.name)
		}
		assert.NoError(t, noContainers(v, recovery))
	})
}

// An engine that takes its time makes calls slow, and wrong only when they run out of
// time.
func TestSlowEngine(t *testing.T) {
	behindProxy(t, func(t *testing.T, v engines.Variant, p *outage.Proxy) {
		sb := newSandbox(t, config(through(v, p), nil))
		p.Set(outage.Fault{Delay: 300 * time.Millisecond})
		req := probe("echo")
		req.Stdin = []byte("slow")
		resp := spawn(t, sb, req)
		require.NoError(t, resp.Err)
		assert.Equal(t, "slow", string(resp.Stdout))

		p.Set(outage.Fault{Delay: 3 * time.Second})
		req.Timeout = 2 * time.Second
		began := time.Now()
		resp = spawn(t, sb, req)
		assert.Less(t, time.Since(began), 15*time.Second)
		require.ErrorIs(t, resp.Err, runtime.ErrUnavailable, "a ping takes as long")

		p.Set(outage.Fault{})
		require.NoError(t, spawn(t, sb, probe("echo")).Err)
		assert.NoError(t, noContainers(v, recovery))
	})
}
