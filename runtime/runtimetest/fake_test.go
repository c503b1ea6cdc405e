package runtimetest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
)

// probeFake is a Fake whose images hold the probe.
func probeFake() *runtimetest.Fake {
	return &runtimetest.Fake{Programs: map[string]runtimetest.Program{"/probe": runtimetest.Probe}}
}

func probeSpec(args ...string) runtime.Spec {
	return runtime.Spec{Image: "img", Args: append([]string{"/probe"}, args...)}
}

func TestFakeZeroValue(t *testing.T) {
	t.Parallel()
	var rt runtimetest.Fake
	_, err := rt.Run(t.Context(), probeSpec("echo"), runtime.Stdio{})
	require.ErrorIs(t, err, runtime.ErrCommandNotFound)
	_, err = rt.Run(t.Context(), runtime.Spec{Image: "img"}, runtime.Stdio{})
	require.ErrorIs(t, err, runtime.ErrInvalidSpec)
	_, err = rt.Image(t.Context(), runtime.ImageRequest{Ref: "img", Pull: runtime.PullAlways})
	require.ErrorIs(t, err, runtime.ErrPullFailed)
	assert.Empty(t, rt.Containers())
	require.NoError(t, rt.Close())
}

func TestFakeImages(t *testing.T) {
	t.Parallel()
	rt := probeFake()
	rt.Programs["/etc/notexec"] = nil
	rt.Images = map[string]runtime.Image{
		"docker.io/library/hooks:latest": {
			ID: "sha256:" + strings.Repeat("ab", 32), Entrypoint: []string{"/probe"}, Cmd: []string{"args", "from cmd"},
			Env: []string{"PATH=/etc", "A=image", "B=image"}, User: "12:34", WorkingDir: "/srv",
		},
	}
	id := "sha256:" + strings.Repeat("ab", 32)
	t.Cleanup(func() { assert.NoError(t, rt.Close()) })
	for name, tc := range map[string]struct {
		spec runtime.Spec
		want string
		kind error
	}{
		"command of the image":  {spec: runtime.Spec{Image: "hooks"}, want: `["from cmd"]`},
		"by id":                 {spec: runtime.Spec{Image: id}, want: `["from cmd"]`},
		"own arguments":         {spec: runtime.Spec{Image: "hooks", Args: []string{"args"}}, want: `[]`},
		"entrypoint drops cmd":  {spec: runtime.Spec{Image: "hooks", Entrypoint: []string{"/probe"}}, kind: nil, want: "probe: it takes a command"},
		"entrypoint cleared":    {spec: runtime.Spec{Image: "hooks", Entrypoint: []string{""}, Args: []string{"/probe", "args", "x"}}, want: `["x"]`},
		"PATH of the image":     {spec: runtime.Spec{Image: "hooks", Entrypoint: []string{"notexec"}}, kind: runtime.ErrNotExecutable},
		"PATH of the spec":      {spec: runtime.Spec{Image: "hooks", Entrypoint: []string{"probe"}, Args: []string{"args"}, Env: []string{"PATH=/x:/"}}, want: `[]`},
		"not in PATH":           {spec: runtime.Spec{Image: "hooks", Entrypoint: []string{"probe"}}, kind: runtime.ErrCommandNotFound},
		"missing":               {spec: runtime.Spec{Image: "hooks:2"}, kind: runtime.ErrImageMissing},
		"a flag of docker only": {spec: runtime.Spec{Image: "hooks", Passthrough: []string{"--x=y"}}, kind: runtime.ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			_, err := rt.Run(t.Context(), tc.spec, runtime.Stdio{Stdout: &out, Stderr: &out})
			require.ErrorIs(t, err, tc.kind)
			assert.Equal(t, tc.want, strings.TrimSpace(out.String()))
		})
	}

	var out bytes.Buffer
	_, err := rt.Run(t.Context(), runtime.Spec{Image: "hooks", Args: []string{"env"}, Hostname: "h", Env: []string{"A=spec", "B"}}, runtime.Stdio{Stdout: &out})
	require.NoError(t, err)
	assert.JSONEq(t, `["HOME=/root","HOSTNAME=h","PATH=/etc","A=spec"]`, out.String())
}

func TestFakeFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in"), []byte("of the host"), 0o600))
	rt := probeFake()
	t.Cleanup(func() { assert.NoError(t, rt.Close()) })
	run := func(args string, change func(*runtime.Spec)) string {
		spec := probeSpec(strings.Fields(args)...)
		change(&spec)
		var out bytes.Buffer
		_, err := rt.Run(t.Context(), spec, runtime.Stdio{Stdout: &out, Stderr: &out})
		require.NoError(t, err)
		return out.String()
	}
	bind := func(options ...string) func(*runtime.Spec) {
		return func(s *runtime.Spec) {
			s.Mounts = []runtime.Mount{{Type: runtime.MountBind, Source: dir, Target: "/mnt", Options: options}}
		}
	}
	assert.Equal(t, "of the host", run("cat /mnt/in", bind("ro")))
	assert.Equal(t, "probe: write: open /mnt/out: read-only file system\n", run("write /mnt/out x", bind("ro")))
	assert.Empty(t, run("append /mnt/in more", bind()))
	assert.Equal(t, "of the hostmore", run("cat /mnt/../mnt/in", bind()))
	assert.Equal(t, "probe: cat: open /mntx: file does not exist\n", run("cat /mntx", bind()))
	readOnly := func(s *runtime.Spec) { s.ReadOnly, s.Tmpfs = true, []runtime.Tmpfs{{Target: "/tmp"}} }
	assert.Equal(t, "probe: write: open /x: read-only file system\n", run("write x y", readOnly))
	assert.Empty(t, run("write /tmp/x y", readOnly))
}

func TestFakeFaults(t *testing.T) {
	t.Parallel()
	rt := probeFake()
	boom := errors.New("boom")
	rt.FailNext(boom, &runtime.Error{Kind: runtime.ErrUnavailable, Runtime: "fake"})
	_, err := rt.Run(t.Context(), probeSpec("exit", "0"), runtime.Stdio{})
	require.ErrorIs(t, err, boom)
	require.ErrorIs(t, err, runtime.ErrEngine)
	assert.False(t, runtime.Started(err))
	_, err = rt.Run(t.Context(), probeSpec("exit", "0"), runtime.Stdio{})
	require.ErrorIs(t, err, runtime.ErrUnavailable)
	status, err := rt.Run(t.Context(), probeSpec("exit", "7"), runtime.Stdio{})
	require.NoError(t, err)
	assert.Equal(t, 7, status.Code)

	calls := rt.Calls()
	require.Len(t, calls, 3)
	assert.True(t, strings.HasPrefix(calls[2].Spec.Name, runtime.NamePrefix))
	assert.Equal(t, 7, calls[2].Status.Code)
	assert.ErrorIs(t, calls[0].Err, boom)
	require.NoError(t, rt.Close())
}

func TestFakeBeforeIsASlowEngine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := probeFake()
		rt.Before = func(ctx context.Context, _ runtime.Spec) error {
			<-ctx.Done()
			return ctx.Err()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := rt.Run(ctx, probeSpec("exit", "0"), runtime.Stdio{})
		require.ErrorIs(t, err, runtime.ErrTimeout)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.False(t, runtime.Started(err))
		require.NoError(t, rt.Close())
	})
}

// A program that is slow to die keeps its container, and Close waits for it.
func TestFakeCloseWaitsForPrograms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		rt := &runtimetest.Fake{Programs: map[string]runtimetest.Program{
			"/slow": func(context.Context, *runtimetest.Process) int {
				time.Sleep(time.Hour)
				return 0
			},
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := rt.Run(ctx, runtime.Spec{Image: "img", Args: []string{"/slow"}}, runtime.Stdio{})
		require.ErrorIs(t, err, runtime.ErrTimeout)
		assert.Equal(t, time.Second, time.Since(begun))
		assert.Len(t, rt.Containers(), 1)
		require.NoError(t, rt.Close())
		assert.Equal(t, time.Hour, time.Since(begun))
		assert.Empty(t, rt.Containers())
	})
}

func TestFakeInfo(t *testing.T) {
	t.Parallel()
	rt := probeFake()
	rt.Key = "other"
	info, err := rt.Info(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "other", info.Runtime)
	down := errors.New("down")
	rt.Describe = func(context.Context) (runtime.Info, error) { return runtime.Info{}, down }
	_, err = rt.Info(t.Context())
	require.ErrorIs(t, err, down)
	require.NoError(t, rt.Close())
	_, err = rt.Info(t.Context())
	require.ErrorIs(t, err, runtime.ErrClosed)
}

func TestHost(t *testing.T) {
	t.Parallel()
	rt := &runtimetest.Fake{Programs: map[string]runtimetest.Program{
		"/bin/sh": runtimetest.Host("/bin/sh"), "/none": runtimetest.Host("/no/such/program"),
	}}
	t.Cleanup(func() { assert.NoError(t, rt.Close()) })
	var out, errs bytes.Buffer
	status, err := rt.Run(t.Context(), runtime.Spec{Image: "img", Args: []string{"sh", "-c", `read x; echo "$x $A"; echo err >&2; exit 3`}, Env: []string{"A=env"}},
		runtime.Stdio{Stdin: io.NopCloser(strings.NewReader("in\n")), Stdout: &out, Stderr: &errs})
	require.NoError(t, err)
	assert.Equal(t, 3, status.Code)
	assert.Equal(t, "in env\n", out.String())
	assert.Equal(t, "err\n", errs.String())

	status, err = rt.Run(t.Context(), runtime.Spec{Image: "img", Args: []string{"sh", "-c", "kill -9 $$"}}, runtime.Stdio{})
	require.NoError(t, err)
	assert.Equal(t, 137, status.Code)

	status, err = rt.Run(t.Context(), runtime.Spec{Image: "img", Args: []string{"/none"}}, runtime.Stdio{})
	require.NoError(t, err)
	assert.Equal(t, 126, status.Code)

	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	go func() {
		_, _ = io.ReadFull(r, make([]byte, 3))
		cancel()
	}()
	_, err = rt.Run(ctx, runtime.Spec{Image: "img", Args: []string{"sh", "-c", "echo up; exec sleep 1000"}}, runtime.Stdio{Stdout: w})
	require.ErrorIs(t, err, context.Canceled)
}
