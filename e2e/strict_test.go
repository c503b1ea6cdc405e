package e2e

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// strictConfig is a strict sandbox on v, which does without limits where v has none.
func strictConfig(v engines.Variant, more map[string]any) map[string]any {
	cfg := config(v, more)
	delete(cfg, "network")
	cfg["isolation"] = "strict"
	if v.Rootless() {
		cfg["allow"] = []any{"no-limits"}
	}
	return cfg
}

// inside looks at a container from within: a line for each thing.
const inside = `
echo "pid $$"
echo "id $(id -u):$(id -g) $(id -G)"
grep -E '^(CapPrm|CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\t'
echo "nofile $(ulimit -n)"
echo "core $(ulimit -c)"
echo "interfaces $(ls /sys/class/net)"
for f in /x /etc/x /mnt/x /vol/x /data/x; do if echo 2>/dev/null >$f; then echo "wrote $f"; fi; done
for d in /tmp /run /var/tmp /dev/shm; do if [ -w $d ]; then echo "may write $d"; fi; done
echo "tmp $(grep ' /tmp ' /proc/mounts | cut -d' ' -f3,4)"
echo "mount $(cat /mnt/file)"
echo "cgroup $(cut -d: -f3 /proc/self/cgroup | sort -u)"
cp /bin/busybox /tmp/b && echo copied; if /tmp/b true 2>/dev/null; then echo "ran /tmp/b"; fi
`

// What strict isolation sets is what the engine has on record, and what is found inside,
// cold and warm. docs/isolation.md is this as a table.
func TestStrictContainers(t *testing.T) {
	each(t, func(t *testing.T, v engines.Variant) {
		mount := privateMount(t, v)
		name := strings.TrimPrefix(runtime.NewName(), runtime.NamePrefix)
		cfg := strictConfig(v, map[string]any{"mounts": mount + ":/mnt", "labels": map[string]any{markLabel: name}})

		t.Run("record", func(t *testing.T) { checkStrictRecord(t, v, blocked(t, v, cfg, name)) })
		for _, how := range []string{"cold", "warm"} {
			t.Run(how, func(t *testing.T) {
				if how == "warm" {
					cfg["warm"] = 1
				}
				sb := newSandbox(t, cfg)
				if how == "warm" {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					require.NoError(t, sb.(*factory.Sandbox).Prepare(ctx))
				}
				resp := spawn(t, sb, sandbox.Request{Command: "/bin/sh", Args: []string{"-c", inside}, Timeout: time.Minute})
				require.NoError(t, resp.Err, "%s", resp.Stderr)
				checkInside(t, v, strings.Split(strings.TrimSpace(string(resp.Stdout)), "\n"), how == "warm")
			})
		}
	})
}

// privateMount is a directory with a file, both for the engine's user only.
func privateMount(t *testing.T, v engines.Variant) string {
	dir := sharedDir(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o644))
	require.NoError(t, os.Chmod(dir, 0o755))
	if v.Rootless() {
		u, err := user.Lookup(engines.RootlessUser)
		require.NoError(t, err)
		uid, err := strconv.Atoi(u.Uid)
		require.NoError(t, err)
		for name, mode := range map[string]os.FileMode{"file": 0o600, "": 0o700} {
			require.NoError(t, os.Chown(filepath.Join(dir, name), uid, uid))
			require.NoError(t, os.Chmod(filepath.Join(dir, name), mode))
		}
	}
	return dir
}

// blocked makes a call that waits to be killed, and gives the engine's record of its
// container.
func blocked(t *testing.T, v engines.Variant, cfg map[string]any, mark string) map[string]any {
	t.Helper()
	sb := newSandbox(t, cfg)
	ctx, end := context.WithTimeout(t.Context(), time.Minute)
	over := make(chan error, 1)
	go func() {
		resp, _ := sb.Spawn(ctx, sandbox.Request{Command: image.Probe, Args: []string{"block"}, Timeout: time.Minute})
		over <- resp.Err
	}()
	for {
		names, err := v.Output(ctx, "ps", "--filter", "label="+markLabel+"="+mark, "--format", "{{.Names}}")
		if names = strings.TrimSpace(names); err == nil && names != "" {
			record := inspect(t, v, names)
			end()
			require.ErrorIs(t, <-over, runtime.ErrCanceled)
			return record
		}
		select {
		case err := <-over:
			end()
			require.FailNow(t, "it must run until it is killed", "%v", err)
		case <-time.After(50 * time.Millisecond): // between two looks at the engine
		}
	}
}

func checkStrictRecord(t *testing.T, v engines.Variant, record map[string]any) {
	host, _ := record["HostConfig"].(map[string]any)
	own, _ := record["Config"].(map[string]any)
	require.NotNil(t, host)
	require.NotNil(t, own)

	want := map[string]any{
		"NetworkMode": "none", "PidMode": "", "UTSMode": "", "ReadonlyRootfs": true, "Privileged": false,
		"Memory": float64(512 << 20), "MemorySwap": float64(512 << 20), "PidsLimit": float64(256),
		"SecurityOpt": []any{"no-new-privileges"},
	}
	cgroup := "CgroupnsMode"
	if v.IsPodman() {
		cgroup = "CgroupMode"
		want["PidMode"], want["UTSMode"] = "private", "private"
	} else {
		want["IpcMode"] = "private" // Podman 4.3 has "shareable" on record for that, too
	}
	want[cgroup] = "private"
	if v.Rootless() {
		for _, limit := range []string{"Memory", "MemorySwap", "PidsLimit"} {
			want[limit] = float64(0)
		}
	}
	for key, value := range want {
		assert.Equal(t, value, host[key], key)
	}
	assert.Equal(t, "65532:65532", own["User"])
	assert.Equal(t, map[string]any{"Type": "none"}, only(host["LogConfig"], "Type"))
	assert.Empty(t, host["CapAdd"])
	assert.Empty(t, host["Devices"])
	if v.IsPodman() {
		assert.Empty(t, record["EffectiveCaps"])
		assert.Empty(t, record["BoundingCaps"])
	} else {
		assert.Equal(t, []any{"ALL"}, host["CapDrop"])
	}

	limits, _ := host["Ulimits"].([]any)
	assert.True(t, slices.ContainsFunc(limits, func(l any) bool {
		m, _ := l.(map[string]any)
		name, _ := m["Name"].(string)
		return strings.HasSuffix(strings.ToLower(name), "nofile") && m["Soft"] == float64(1024) && m["Hard"] == float64(1024)
	}), "%v", limits)

	tmpfs, _ := host["Tmpfs"].(map[string]any)
	dirs := []string{"/tmp"}
	if v.IsPodman() {
		dirs = []string{"/run", "/tmp", "/var/tmp"}
	}
	assert.Len(t, tmpfs, len(dirs))
	for _, dir := range dirs {
		options, _ := tmpfs[dir].(string)
		for _, option := range []string{"size=64m", "nosuid", "nodev", "noexec"} {
			assert.Contains(t, strings.Split(options, ","), option, dir)
		}
	}

	mounts, _ := record["Mounts"].([]any)
	bind := slices.DeleteFunc(slices.Clone(mounts), func(m any) bool { return m.(map[string]any)["Destination"] != "/mnt" })
	require.Len(t, bind, 1)
	assert.Equal(t, map[string]any{"RW": false}, only(bind[0], "RW"))
}

// only is a part of a record.
func only(of any, keys ...string) map[string]any {
	out := map[string]any{}
	m, _ := of.(map[string]any)
	for _, key := range keys {
		out[key] = m[key]
	}
	return out
}

func checkInside(t *testing.T, v engines.Variant, got []string, warm bool) {
	pid, got := got[0], got[1:]
	assert.Equal(t, warm, pid != "pid 1", "%s: a warm command is a child of the gate", pid)
	tmp := got[slices.IndexFunc(got, func(l string) bool { return strings.HasPrefix(l, "tmp ") })]
	got = slices.DeleteFunc(got, func(l string) bool { return strings.HasPrefix(l, "tmp ") })
	for _, option := range []string{"tmpfs", "noexec", "nosuid", "nodev", "size=65536k"} {
		assert.Contains(t, tmp, option)
	}

	want := []string{
		"id 65532:65532 65532",
		"CapPrm:0000000000000000", "CapEff:0000000000000000", "CapBnd:0000000000000000", "NoNewPrivs:1", "Seccomp:2",
		"nofile 1024", "core 0", "interfaces lo", "may write /tmp", "may write /dev/shm", "mount content", "cgroup /", "copied",
	}
	if v.IsPodman() {
		want = append(want, "may write /run", "may write /var/tmp")
	}
	assert.ElementsMatch(t, want, got)
}

// Where the engine can't hold containers to limits, strict says so and starts none.
func TestStrictWithoutLimits(t *testing.T) {
	each(t, func(t *testing.T, v engines.Variant) {
		cfg := strictConfig(v, nil)
		delete(cfg, "allow")
		resp := spawn(t, newSandbox(t, cfg), probe("echo"))
		if describe(t, v).LimitsEnforced {
			require.NoError(t, resp.Err)
			return
		}
		require.ErrorIs(t, resp.Err, runtime.ErrUnsupported)
		assert.ErrorContains(t, resp.Err, "memory, memory-swap, pids-limit")
		assert.ErrorContains(t, resp.Err, "allow: [no-limits]")
	})
}

// A digest is that of one content, on every runtime, and require_digest takes nothing less.
func TestDigest(t *testing.T) {
	r := newRegistry(t, "", "")
	each(t, func(t *testing.T, v engines.Variant) {
		tag := r.push(t, repository(v, "digest"))
		name, _, _ := strings.Cut(strings.TrimPrefix(tag, r.host+"/"), ":")
		pinned := fmt.Sprintf("%s/%s@%s", r.host, name, r.digest(t, tag))
		defer forget(t, v, pinned)
		call := func(ref string) error {
			cfg := strictConfig(v, map[string]any{"image": ref, "pull": "missing", "require_digest": true})
			return spawn(t, newSandbox(t, cfg), probe("echo")).Err
		}
		require.NoError(t, call(pinned))
		_, err := factory.Factory("box", config(v, map[string]any{"image": tag, "require_digest": true}))
		require.ErrorContains(t, err, "has no digest")

		other := strings.Replace(pinned, "@sha256:", "@sha256:"+strings.Repeat("0", 8), 1)
		require.ErrorIs(t, call(other[:len(other)-8]), runtime.ErrPullFailed, "not what the registry has under that name")
	})
}
