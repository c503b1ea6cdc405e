package e2e

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/backends/dockercli"
	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// eachHostile runs f on every runtime, with the image of the hostile program; on a second
// client of an engine only in a soak, as what keeps a hook in is the engine.
func eachHostile(t *testing.T, f func(t *testing.T, v engines.Variant)) {
	eachOf(t, slices.DeleteFunc(slices.Clone(machine.variants), func(v engines.Variant) bool {
		return v.Again && os.Getenv("E2E_SOAK") == ""
	}), func(t *testing.T, v engines.Variant) {
		require.NoError(t, machine.hostile[v.Engine]())
		f(t, v)
	})
}

// strict is a sandbox of the hostile image with `isolation: strict`, and what more says.
func strict(t *testing.T, v engines.Variant, more map[string]any) *factory.Sandbox {
	t.Helper()
	cfg := config(v, map[string]any{"image": image.HostileRef, "isolation": "strict"})
	delete(cfg, "network") // that is strict's own
	if !describe(t, v).LimitsEnforced {
		resp := spawn(t, newSandbox(t, cfg), hostile("deaf"))
		require.ErrorIs(t, resp.Err, runtime.ErrUnsupported, "an engine without limits must say so before it is allowed to have none")
		assert.True(t, v.Rootless(), "only a rootless engine may have none")
	}
	cfg["allow"] = allowed(t, v)
	maps.Copy(cfg, more)
	return newSandbox(t, cfg).(*factory.Sandbox)
}

// allowed are names for `allow`, with what the engine needs.
func allowed(t *testing.T, v engines.Variant, names ...string) []any {
	t.Helper()
	list := []any{}
	for _, name := range names {
		list = append(list, name)
	}
	if !describe(t, v).LimitsEnforced {
		list = append(list, "no-limits")
	}
	return list
}

// hostileWay is how a call can be made, with what `warm` says.
type hostileWay struct {
	name string
	warm any
}

// hostileWays are all of them. What differs in eager is the pool's, so that one client of an
// engine tries it; in a soak, all do.
func hostileWays(v engines.Variant) []hostileWay {
	all := []hostileWay{{"cold", 0}, {"gate", map[string]any{"size": 2}}}
	if v.Key != dockercli.Key || os.Getenv("E2E_SOAK") != "" {
		all = append(all, hostileWay{"eager", map[string]any{"size": 1, "start": "eager"}})
	}
	return all
}

// bait is what the hostile program gets to attack; see e2e/hostile.
type bait struct {
	HostAddrs []string `json:"host_addrs"`
	Loopback  string   `json:"loopback"`
	Abstract  string   `json:"abstract"`
	HostPID   int      `json:"host_pid"`
	HostFile  string   `json:"host_file"`
	Symlink   string   `json:"symlink"`
	Mounted   string   `json:"mounted"`
	Secret    string   `json:"secret"`
}

// newBait listens on all of the host's addresses and puts a file where hooks must not
// get at it; touched counts who came. The directory is one to mount at /mounted.
func newBait(t *testing.T, secret string) (b bait, dir string, touched *atomic.Int64) {
	t.Helper()
	touched = &atomic.Int64{}
	all, err := net.Listen("tcp", "0.0.0.0:0")
	require.NoError(t, err)
	b.Abstract = fmt.Sprintf("dockerrun-hostile-%d-%s", os.Getpid(), secret[:8])
	abstract, err := net.Listen("unix", "@"+b.Abstract)
	require.NoError(t, err)
	for _, l := range []net.Listener{all, abstract} {
		t.Cleanup(func() { assert.NoError(t, l.Close()) })
		go func() {
			for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
				touched.Add(1)
				_ = conn.Close()
			}
		}()
	}
	_, port, err := net.SplitHostPort(all.Addr().String())
	require.NoError(t, err)
	addrs, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, addr := range addrs {
		if ip := addr.(*net.IPNet).IP; ip.To4() != nil && !ip.IsLoopback() {
			b.HostAddrs = append(b.HostAddrs, net.JoinHostPort(ip.String(), port))
		}
	}
	// Where rootless Podman's containers see their host, if they have a network.
	b.HostAddrs = append(b.HostAddrs, net.JoinHostPort("10.0.2.2", port))
	b.Loopback = net.JoinHostPort("127.0.0.1", port)
	b.HostPID = os.Getpid()

	host := sharedDir(t)
	b.HostFile = filepath.Join(host, "of-the-host")
	require.NoError(t, os.WriteFile(b.HostFile, []byte("not for hooks"), 0o644))
	dir = filepath.Join(host, "mounted")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.Chmod(dir, 0o777))
	require.NoError(t, os.Symlink(b.HostFile, filepath.Join(dir, "link")))
	b.Mounted, b.Symlink = "/mounted", "/mounted/link"
	b.Secret = reversed(secret)
	return b, dir, touched
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// hostile is a call of the hostile program, with time enough for a busy machine.
func hostile(args ...string) sandbox.Request {
	return sandbox.Request{Command: image.Probe, Args: args, Timeout: time.Minute}
}

// A hostile hook makes all of its attempts beside another call that has a secret: on each
// engine, cold and warm.
func TestHostileAttempts(t *testing.T) {
	eachHostile(t, func(t *testing.T, v engines.Variant) {
		for _, way := range hostileWays(v) {
			t.Run(way.name, func(t *testing.T) {
				victim := newVictim(t)
				b, dir, touched := newBait(t, victim.secret)
				sb := strict(t, v, map[string]any{"warm": way.warm, "mounts": []any{dir + ":/mounted"}})
				victim.start(t, sb)

				req := hostile("attempts")
				req.Stdin, _ = json.Marshal(b)
				require.NoError(t, sb.Prepare(t.Context(), req))
				resp := spawn(t, sb, req)
				require.NoError(t, resp.Err, "stderr: %s", resp.Stderr)
				checkAttempts(t, v, resp.Stdout)
				assert.Zero(t, touched.Load(), "something of the host was reached")
				victim.isSafe(t, v, way.warm == 0)
			})
		}
	})
}

// victim is another call, which holds a secret for as long as the test takes.
type victim struct{ secret string }

func newVictim(t *testing.T) victim {
	t.Helper()
	return victim{secret: rand.Text()}
}

// start makes the call, and returns when the secret is in all the places.
func (c victim) start(t *testing.T, sb *factory.Sandbox) {
	t.Helper()
	req := hostile("hold")
	req.Env, req.Timeout = []string{"SECRET=" + c.secret}, 5*time.Minute
	require.NoError(t, sb.Prepare(t.Context(), req))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() {
		resp, _ := sb.Spawn(ctx, req)
		done <- resp.Err
	}()
	t.Cleanup(func() { cancel(); <-done })
	for {
		select {
		case err := <-done:
			done <- err
			require.NoError(t, err, "it ended before it was ended")
		case <-time.After(20 * time.Millisecond):
		}
		if slices.ContainsFunc(hostProcesses(t), func(p hostProcess) bool {
			return strings.Contains(p.environ, c.secret) && strings.HasSuffix(p.cmdline, "hold\x00ready\x00")
		}) {
			return
		}
	}
}

// isSafe looks where the host could show the secret. That a cold container's environment
// is in the engine's record of it is no secret: it is why there is `warm`.
func (c victim) isSafe(t *testing.T, v engines.Variant, cold bool) {
	t.Helper()
	names, err := v.Containers(t.Context(), os.Getpid())
	require.NoError(t, err)
	inspected := false
	for _, name := range names {
		if record, err := v.Output(t.Context(), "container", "inspect", name); err == nil { // or it has gone meanwhile
			inspected = inspected || strings.Contains(record, c.secret)
		}
		log, err := v.Output(t.Context(), "logs", name)
		assert.NotContains(t, log+fmt.Sprint(err), c.secret, "the engine keeps what a hook wrote")
	}
	assert.Equal(t, cold, inspected, "a cold container's environment is in the engine's record, and a warm one's is not")

	own, err := os.Readlink("/proc/self/ns/pid")
	require.NoError(t, err)
	for _, p := range hostProcesses(t) {
		assert.NotContains(t, p.cmdline, c.secret, "everybody on the host can see it")
		if strings.Contains(p.environ, c.secret) {
			assert.Equal(t, os.FileMode(0o400), p.mode, "others can read the environment of %q", p.cmdline)
			// docker-cli gives it to the docker command by its environment.
			assert.True(t, p.pidNS != own || cold && v.Key == dockercli.Key, "a process outside of the container has it: %q", p.cmdline)
		}
	}
}

// hostProcess is what the host shows of a process, to root.
type hostProcess struct {
	cmdline, environ, pidNS string
	mode                    os.FileMode // of environ
}

func hostProcesses(t *testing.T) []hostProcess {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	var out []hostProcess
	for _, dir := range dirs { // each may go away meanwhile
		var p hostProcess
		cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		p.cmdline, p.environ = string(cmdline), string(environ)
		p.pidNS, _ = os.Readlink(filepath.Join(dir, "ns/pid"))
		if info, err := os.Stat(filepath.Join(dir, "environ")); err == nil {
			p.mode = info.Mode().Perm()
		}
		out = append(out, p)
	}
	return out
}
