package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// Calls that take without end, never listen or will not go are ended at their limits, and
// nothing of them is left on the host.
func TestHostileCalls(t *testing.T) {
	eachHostile(t, func(t *testing.T, v engines.Variant) {
		limits := describe(t, v).LimitsEnforced
		for _, way := range hostileWays(v)[:2] { // eager differs only before the call
			t.Run(way.name, func(t *testing.T) {
				sb := strict(t, v, map[string]any{"warm": way.warm, "max_output": "1m"})
				for _, tt := range []struct {
					name    string
					args    []string
					stdin   []byte
					timeout time.Duration
					check   func(t *testing.T, stdout string, err error)
				}{
					{name: "forks without end", args: []string{"fork-bomb", "400"}, check: func(t *testing.T, stdout string, err error) {
						require.NoError(t, err)
						checkForks(t, stdout, limits)
					}},
					{name: "takes memory without end", args: []string{"memory-bomb", "600"}, check: func(t *testing.T, stdout string, err error) {
						if !limits { // strict says so, and must be allowed it
							require.NoError(t, err)
							assert.Equal(t, "took 600 MiB", stdout)
							return
						}
						var exit *runtime.ExitError
						require.ErrorAs(t, err, &exit)
						assert.Equal(t, 137, exit.Status.Code)
					}},
					{name: "writes without end", args: []string{"flood"}, check: func(t *testing.T, stdout string, err error) {
						require.ErrorIs(t, err, runtime.ErrOutputLimit)
						assert.LessOrEqual(t, len(stdout), 1<<20)
					}},
					{name: "never reads its input", args: []string{"deaf"}, stdin: make([]byte, 8<<20), check: func(t *testing.T, stdout string, err error) {
						require.NoError(t, err)
						assert.Equal(t, "deaf", stdout)
					}},
					{name: "ignores signals", args: []string{"stubborn"}, timeout: 4 * time.Second, check: func(t *testing.T, stdout string, err error) {
						require.ErrorIs(t, err, runtime.ErrTimeout)
						assert.Equal(t, "ready\n", stdout)
					}},
					{name: "leaves a grandchild", args: []string{"outlive"}, check: func(t *testing.T, stdout string, err error) {
						require.NoError(t, err)
					}},
				} {
					t.Run(tt.name, func(t *testing.T) {
						mark := rand.Text()
						req := hostile(append(tt.args, mark)...)
						req.Stdin = tt.stdin
						if tt.timeout > 0 {
							req.Timeout = tt.timeout
						}
						resp := spawn(t, sb, req)
						tt.check(t, string(resp.Stdout), resp.Err)
						goneFromHost(t, mark)
					})
				}
				require.NoError(t, sb.Close())
				require.NoError(t, noContainers(v, 15*time.Second))
			})
		}
	})
}

// checkForks demands that the limit of processes held.
func checkForks(t *testing.T, stdout string, limits bool) {
	t.Helper()
	var a attempted
	require.NoError(t, json.Unmarshal([]byte(stdout), &a))
	made, err := strconv.Atoi(a.Detail)
	require.NoError(t, err)
	if !limits { // the user's own limit, 4096 processes, is far
		assert.Equal(t, "ok", a.Outcome)
		return
	}
	assert.Equal(t, "EAGAIN", a.Outcome)
	assert.Less(t, made, 256)
	assert.Greater(t, made, 100, "it is this limit that held")
}

// goneFromHost waits until no process of the host has mark on its command line.
func goneFromHost(t *testing.T, mark string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, p := range hostProcesses(t) {
			if strings.Contains(p.cmdline, mark) {
				return false
			}
		}
		return true
	}, 15*time.Second, 50*time.Millisecond, "processes of the call are left on the host")
}

// A hook that has read the gate's token out of its memory can end its own call, with a
// status that it could have ended with anyway. What it goes on to say is heard by nobody:
// not by the call, which is over, and not by another one, which has another container.
func TestHostileForgery(t *testing.T) {
	eachHostile(t, func(t *testing.T, v engines.Variant) {
		warm := hostileWays(v)[1:]
		if os.Getenv("E2E_SOAK") == "" {
			warm = warm[:1] // the same code reads the trailer
		}
		for _, way := range warm {
			t.Run(way.name, func(t *testing.T) {
				sb := strict(t, v, map[string]any{"warm": way.warm})
				mark := rand.Text()
				for _, tt := range []struct {
					stdout, stderr string
					status         int
				}{
					{"0", "0", 0},
					{"3", "3", 3},
					{"3", "0", 3}, // what stdout says holds
				} {
					req := hostile("forge", tt.stdout, tt.stderr, mark)
					require.NoError(t, sb.Prepare(t.Context(), req))
					resp := spawn(t, sb, req)
					if tt.status == 0 {
						require.NoError(t, resp.Err)
					} else {
						var exit *runtime.ExitError
						require.ErrorAs(t, resp.Err, &exit)
						assert.Equal(t, runtime.Status{Code: tt.status}, exit.Status)
					}
					assert.Equal(t, "before", string(resp.Stdout))
					assert.Empty(t, string(resp.Stderr))
					answersItself(t, sb)
				}
				// A trailer that the gate would never write breaks the call off, and it alone.
				req := hostile("forge", "256", "256", mark)
				require.NoError(t, sb.Prepare(t.Context(), req))
				resp := spawn(t, sb, req)
				require.ErrorIs(t, resp.Err, runtime.ErrEngine)
				answersItself(t, sb)
				require.NoError(t, sb.Close()) // or eager would start more of them
				goneFromHost(t, mark)
			})
		}
	})
}

// answersItself makes calls that each get their own answer, and all of it.
func answersItself(t *testing.T, sb *factory.Sandbox) {
	t.Helper()
	for i := range 3 {
		req := hostile("answer")
		req.Stdin = bytes.Repeat(fmt.Appendf(nil, "call %d;", i), 1000)
		resp := spawn(t, sb, req)
		require.NoError(t, resp.Err)
		assert.True(t, bytes.Equal(req.Stdin, resp.Stdout), "got %d bytes: %.100q", len(resp.Stdout), resp.Stdout)
		assert.Empty(t, string(resp.Stderr))
	}
}

// A hook that may write to a mount can make a symlink there of what another sandbox
// mounts. Where that leads is looked at before each call.
func TestHostileMountSource(t *testing.T) {
	eachHostile(t, func(t *testing.T, v engines.Variant) {
		dir := sharedDir(t)
		writer := strict(t, v, map[string]any{"mounts": []any{dir + ":/mnt:rw"}, "allow": allowed(t, v, "rw-mounts")})
		resp := spawn(t, writer, hostile("symlink", "/etc", "/mnt/sub"))
		require.NoError(t, resp.Err, "stderr: %s", resp.Stderr)

		reader := strict(t, v, map[string]any{"mounts": []any{filepath.Join(dir, "sub") + ":/mnt"}})
		resp = spawn(t, reader, hostile("deaf"))
		require.ErrorIs(t, resp.Err, runtime.ErrInvalidSpec)
		assert.Contains(t, resp.Err.Error(), "/etc")
		assert.Contains(t, resp.Err.Error(), "host-paths")
		assert.Empty(t, string(resp.Stdout), "it was not started")
	})
}
