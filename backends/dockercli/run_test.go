package dockercli

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// result is what a call came to.
type result struct {
	status         runtime.Status
	err            error
	stdout, stderr string
	warnings       []string
}

func runSpec(t *testing.T, ctx context.Context, rt *Runtime, spec runtime.Spec, stdin io.ReadCloser) result {
	t.Helper()
	var r result
	var stdout, stderr bytes.Buffer
	ctx = runtime.WithTrace(ctx, &runtime.Trace{Warning: func(text string) { r.warnings = append(r.warnings, text) }})
	if spec.Image == "" {
		spec.Image = "img"
	}
	r.status, r.err = rt.Run(ctx, spec, runtime.Stdio{Stdin: stdin, Stdout: &stdout, Stderr: &stderr})
	r.stdout, r.stderr = stdout.String(), stderr.String()
	return r
}

func TestRunEchoes(t *testing.T) {
	t.Parallel()
	c := newFake(t, fake{Run: fakeRun{Echo: true, reply: reply{Stderr: "note\n"}}})
	payload := strings.Repeat("\x00\x10\x11\xff\n", 200_000)
	r := runSpec(t, t.Context(), c.runtime(), runtime.Spec{}, io.NopCloser(strings.NewReader(payload)))
	require.NoError(t, r.err)
	assert.Equal(t, runtime.Status{}, r.status)
	assert.True(t, r.stdout == payload, "stdout is stdin, byte for byte")
	assert.Equal(t, "note\n", r.stderr)
	assert.Zero(t, c.count("rm"), "--rm has removed it")
	assert.Zero(t, c.count("events"), "a status of 0 leaves no question")
}

// A command that does not read its input must not hold up the call, nor may a Read
// that never returns.
func TestRunIgnoredStdin(t *testing.T) {
	t.Parallel()
	c := newFake(t, fake{Run: fakeRun{reply: reply{Code: 3}}})
	stdin, feeder := io.Pipe()
	defer feeder.Close()
	r := runSpec(t, t.Context(), c.runtime(), runtime.Spec{}, stdin)
	require.NoError(t, r.err)
	assert.Equal(t, 3, r.status.Code)
	_, err := feeder.Write([]byte("x"))
	assert.ErrorIs(t, err, io.ErrClosedPipe, "stdin is closed")
}

func TestRunClosesStdinOnEveryPath(t *testing.T) {
	t.Parallel()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	closed := newFake(t, fake{}).runtime()
	require.NoError(t, closed.Close())
	for name, test := range map[string]struct {
		ctx  context.Context
		rt   *Runtime
		spec runtime.Spec
		kind error
	}{
		"canceled before": {canceled, newFake(t, fake{}).runtime(), runtime.Spec{Image: "i"}, runtime.ErrCanceled},
		"closed":          {t.Context(), closed, runtime.Spec{Image: "i"}, runtime.ErrClosed},
		"invalid":         {t.Context(), newFake(t, fake{}).runtime(), runtime.Spec{Image: "-i"}, runtime.ErrInvalidSpec},
		"unsupported": {t.Context(), newFake(t, fake{}).runtime(), runtime.Spec{Image: "i", Env: []string{"LD_PRELOAD=a\nb"}},
			runtime.ErrUnsupported},
		"no client": {t.Context(), &Runtime{opts: Options{Path: "/nosuch/docker"}}, runtime.Spec{Image: "i"}, runtime.ErrUnavailable},
		"too long": {t.Context(), newFake(t, fake{}).runtime(), runtime.Spec{Image: "i", Args: []string{strings.Repeat("x", 3<<20)}},
			runtime.ErrInvalidSpec},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdin, feeder := io.Pipe()
			r := runSpec(t, test.ctx, test.rt, test.spec, stdin)
			require.ErrorIs(t, r.err, test.kind)
			assert.False(t, runtime.Started(r.err))
			_, err := feeder.Write([]byte("x"))
			assert.ErrorIs(t, err, io.ErrClosedPipe)
		})
	}
}

func TestRunEnvStaysOutOfArgv(t *testing.T) {
	t.Parallel()
	c := newFake(t, fake{Run: fakeRun{PrintEnv: []string{"SECRET", "DOCKER_HOST", "GONE"}}})
	r := runSpec(t, t.Context(), c.runtime(), runtime.Spec{Env: []string{"SECRET=s3cr3t\nline 2", "DOCKER_HOST=tcp://hidden:1", "GONE"}}, nil)
	require.NoError(t, r.err)
	assert.Equal(t, "SECRET=\"s3cr3t\\nline 2\" true\nDOCKER_HOST=\"\" false\nGONE=\"\" false\nfile \"DOCKER_HOST=tcp://hidden:1\\n\" <nil>\n", r.stdout)
	for _, args := range c.calls() {
		assert.NotContains(t, strings.Join(args, " "), "s3cr3t")
		assert.NotContains(t, strings.Join(args, " "), "hidden")
	}
}

func TestRunStatuses(t *testing.T) {
	t.Parallel()
	log := func(actions ...string) reply {
		var b strings.Builder
		for _, a := range actions {
			action, code, _ := strings.Cut(a, " ")
			b.WriteString(`{"Action":"` + action + `","Actor":{"Attributes":{"exitCode":"` + code + `"}}}` + "\n")
		}
		return reply{Stdout: b.String()}
	}
	const waitLostLog = `time="2026-01-01T00:00:00Z" level=error msg="error waiting for container: unexpected EOF"` + "\n"
	const notFound = "docker: Error response from daemon: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"x\": executable file not found in $PATH: unknown\n\nRun 'docker run --help' for more information\n"
	for name, test := range map[string]struct {
		run     reply
		events  reply
		status  runtime.Status
		stderr  string
		kind    error
		started bool
		removes bool
	}{
		"own 125":              {run: reply{Code: 125}, events: log("create", "start", "die 125", "destroy"), status: runtime.Status{Code: 125}},
		"own 127, looks alike": {run: reply{Code: 127, Stderr: notFound}, events: log("create", "start", "die 127", "destroy"), status: runtime.Status{Code: 127}, stderr: notFound},
		"own 126, forgotten":   {run: reply{Code: 126, Stderr: "no\n"}, status: runtime.Status{Code: 126}, stderr: "no\n"},
		"docker's 127":         {run: reply{Code: 127, Stderr: notFound}, events: log("create", "attach", "destroy"), kind: runtime.ErrCommandNotFound},
		"docker's 127, left":   {run: reply{Code: 127, Stderr: notFound}, events: log("create", "attach"), kind: runtime.ErrCommandNotFound, removes: true},
		"docker's 127, forgot": {run: reply{Code: 127, Stderr: notFound}, kind: runtime.ErrCommandNotFound, removes: true},
		"no image":             {run: reply{Code: 125, Stderr: "docker: Error response from daemon: No such image: x.\nSee 'docker run --help'.\n"}, kind: runtime.ErrImageMissing},
		"no context":           {run: reply{Code: 1, Stderr: "Failed to initialize: unable to resolve docker endpoint: x\n"}, kind: runtime.ErrUnavailable},
		"own 1, looks alike":   {run: reply{Code: 1, Stderr: "Failed to initialize: x\n"}, events: log("create", "start", "die 1", "destroy"), status: runtime.Status{Code: 1}, stderr: "Failed to initialize: x\n"},
		"engine lost": {run: reply{Code: 125, Stderr: "hook's own\ntime=\"2026-01-01T00:00:00Z\" level=error msg=\"error waiting for container: unexpected EOF\"\n"},
			events: log("create", "start"), stderr: "hook's own\n", kind: runtime.ErrUnavailable, started: true, removes: true},
		"engine lost at start": {run: reply{Code: 125, Stderr: "docker: error during connect: Post \"http://%2Fvar%2Frun%2Fdocker.sock/v1.41/containers/c0/start\": EOF\n\nRun 'docker run --help' for more information\n"},
			kind: runtime.ErrUnavailable, started: true, removes: true},
		"engine lost in a line": {run: reply{Code: 125, Stderr: "half a line" + waitLostLog},
			stderr: "half a line" + waitLostLog, kind: runtime.ErrUnavailable, started: true, removes: true},
		"own 125, looks so": {run: reply{Code: 125, Stderr: "half a line" + waitLostLog}, events: log("create", "start", "die 125", "destroy"),
			status: runtime.Status{Code: 125}, stderr: "half a line" + waitLostLog},
		"engine lost at attach": {run: reply{Code: 1, Stderr: "read unix @->/run/docker.sock: read: connection reset by peer\n"},
			kind: runtime.ErrUnavailable, started: true, removes: true},
		"engine gone at attach": {run: reply{Code: 1, Stderr: "cannot connect to the Docker daemon. Is 'docker daemon' running on this host?: dial unix /s: connect: connection refused\n"},
			kind: runtime.ErrUnavailable, started: true, removes: true},
		"own 1, looks like that": {run: reply{Code: 1, Stderr: "cannot connect to the Docker daemon. Is 'docker daemon' running on this host?: x\n"},
			events: log("create", "start", "die 1", "destroy"), status: runtime.Status{Code: 1}, stderr: "cannot connect to the Docker daemon. Is 'docker daemon' running on this host?: x\n"},
		"own 1, looks so": {run: reply{Code: 1, Stderr: "read tcp 1.2.3.4:5: read: x\n"}, events: log("create", "start", "die 1", "destroy"),
			status: runtime.Status{Code: 1}, stderr: "read tcp 1.2.3.4:5: read: x\n"},
		"engine gone at start": {run: reply{Code: 125, Stderr: waitLostLog + "docker: Cannot connect to the Docker daemon at unix:///s. Is the docker daemon running?\n"},
			kind: runtime.ErrUnavailable, started: true, removes: true},
		"engine gone before": {run: reply{Code: 125, Stderr: "docker: Cannot connect to the Docker daemon at unix:///s. Is the docker daemon running?\n"},
			kind: runtime.ErrUnavailable},
		"killed":      {run: reply{Code: 137}, events: log("create", "start", "die 137", "destroy"), status: runtime.Status{Code: 137}},
		"oom":         {run: reply{Code: 137}, events: log("create", "start", "oom", "die 137", "destroy"), status: runtime.Status{Code: 137, OOMKilled: true}},
		"child's oom": {run: reply{Code: 3}, events: log("create", "start", "oom", "die 3", "destroy"), status: runtime.Status{Code: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newFake(t, fake{Run: fakeRun{reply: test.run}, Replies: map[string]reply{"events": test.events}})
			rt := c.runtime()
			r := runSpec(t, t.Context(), rt, runtime.Spec{}, nil)
			require.NoError(t, rt.Close())
			assert.Equal(t, test.status, r.status)
			assert.Equal(t, test.stderr, r.stderr)
			assert.Equal(t, test.removes, c.count("rm") > 0, "removes")
			if test.kind == nil {
				require.NoError(t, r.err)
				return
			}
			require.ErrorIs(t, r.err, test.kind)
			assert.Equal(t, test.started, runtime.Started(r.err))
		})
	}
}

// A helper of the command line may outlive it with the pipes in its hands.
func TestRunStraggler(t *testing.T) {
	t.Parallel()
	c := newFake(t, fake{Run: fakeRun{Straggler: true, reply: reply{Stdout: "all of it"}}})
	began := time.Now()
	r := runSpec(t, t.Context(), c.runtime(), runtime.Spec{}, nil)
	require.NoError(t, r.err)
	assert.Equal(t, "all of it", r.stdout)
	assert.Less(t, time.Since(began), 5*time.Second)
	pid, err := os.ReadFile(filepath.Join(c.dir, "straggler"))
	require.NoError(t, err)
	n, err := strconv.Atoi(string(pid))
	require.NoError(t, err)
	straggler, err := os.FindProcess(n)
	require.NoError(t, err)
	require.NoError(t, straggler.Kill())
}

// Slow reading of output that is complete is not mistaken for a straggler's.
func TestRunSlowReader(t *testing.T) {
	t.Parallel()
	want := strings.Repeat("0123456789", 10_000)
	c := newFake(t, fake{Run: fakeRun{reply: reply{Stdout: want}}})
	var got bytes.Buffer
	var once sync.Once
	_, err := c.runtime().Run(t.Context(), runtime.Spec{Image: "img"}, runtime.Stdio{Stdout: writerFunc(func(p []byte) (int, error) {
		once.Do(func() { time.Sleep(2 * pipeGrace) }) // the process has long ended then
		return got.Write(p)
	})})
	require.NoError(t, err)
	assert.True(t, got.String() == want)
}

func TestRunDiscardedLimit(t *testing.T) {
	t.Parallel()
	const warning = "WARNING: Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.\n"
	c := newFake(t, fake{Run: fakeRun{Hang: true, reply: reply{Stderr: warning}}})
	r := runSpec(t, t.Context(), c.runtime(), runtime.Spec{Resources: runtime.Resources{Memory: 1 << 20}}, nil)
	require.ErrorIs(t, r.err, runtime.ErrUnsupported)
	assert.ErrorContains(t, r.err, "memory")
	assert.Empty(t, r.stderr)

	c = newFake(t, fake{Run: fakeRun{reply: reply{Stderr: warning + "own\n"}}})
	r = runSpec(t, t.Context(), c.runtime(), runtime.Spec{}, nil)
	require.NoError(t, r.err, "it was not asked for")
	assert.Equal(t, "own\n", r.stderr)
	assert.Len(t, r.warnings, 1)
}

func TestRunLimits(t *testing.T) {
	t.Parallel()
	rootless := reply{Stdout: `{"host":{"cgroupVersion":"v1","security":{"rootless":true}}}`}
	spec := runtime.Spec{Resources: runtime.Resources{Memory: 1 << 20, PidsLimit: 5}}
	c := newFake(t, fake{Version: podman43, Replies: map[string]reply{"info": rootless}})
	rt := c.runtime()
	for range 2 {
		r := runSpec(t, t.Context(), rt, spec, nil)
		require.ErrorIs(t, r.err, runtime.ErrUnsupported)
		require.ErrorContains(t, r.err, "memory, pids-limit")
		assert.False(t, runtime.Started(r.err))
	}
	require.NoError(t, runSpec(t, t.Context(), rt, runtime.Spec{}, nil).err)
	assert.Equal(t, 1, c.count("info"), "it is asked once")
	assert.Equal(t, 1, c.count("run"), "and only what asks for none is run")

	for name, info := range map[string]reply{
		"enforced":       {Stdout: `{"ServerVersion":"1","MemoryLimit":true,"PidsLimit":true}`},
		"not answered":   {Code: 1, Stderr: "Cannot connect to the Docker daemon\n"},
		"not understood": {Stdout: `{}`},
	} {
		c := newFake(t, fake{Replies: map[string]reply{"info": info}})
		require.NoError(t, runSpec(t, t.Context(), c.runtime(), spec, nil).err, name)
	}
}

func (e *endless) Read(p []byte) (int, error) {
	e.late.Add(e.ended.Load())
	return len(p), nil
}
func (e *endless) Close() error { return nil }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
