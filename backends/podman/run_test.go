package podman

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var echo = runtime.Spec{Image: "docker.io/library/alpine", Args: []string{"cat"}}

// stdin notes whether it was read and closed.
type stdin struct {
	io.Reader
	mu           sync.Mutex
	read, closed bool
}

func (s *stdin) Read(p []byte) (int, error) {
	s.mu.Lock()
	s.read = true
	s.mu.Unlock()
	return s.Reader.Read(p)
}

func (s *stdin) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func TestRunOrder(t *testing.T) {
	t.Parallel()
	fake := newFake(t, func(in io.Reader, out, errOut io.Writer, _ <-chan struct{}) int {
		_, _ = io.Copy(out, in)
		_, _ = io.WriteString(errOut, "done")
		return 7
	})
	rt := fake.runtime()
	var events []string
	ctx := runtime.WithTrace(t.Context(), &runtime.Trace{
		Created: func(id string) { events = append(events, "created "+id) },
		Started: func() { events = append(events, "started") },
		Exited:  func(runtime.Status) { events = append(events, "exited") },
	})
	// The bytes of the default detach keys are in it.
	payload := bytes.Repeat([]byte("\x10\x11\x00abc"), 200_000)
	in := &stdin{Reader: bytes.NewReader(payload)}
	var out, errOut bytes.Buffer
	status, err := rt.Run(ctx, echo, runtime.Stdio{Stdin: in, Stdout: &out, Stderr: &errOut})
	require.NoError(t, err)
	require.NoError(t, rt.Close())
	assert.Equal(t, runtime.Status{Code: 7}, status)
	assert.True(t, bytes.Equal(payload, out.Bytes()), "the output differs")
	assert.Equal(t, "done", errOut.String())
	assert.True(t, in.closed)
	assert.Equal(t, []string{"create", "attach-out", "attach-in", "start", "inspect", "remove"}, fake.operations())
	assert.Equal(t, []string{"created id0", "started", "exited"}, events)
	assert.Equal(t, "detachKeys=&logs=false&stderr=true&stdin=false&stdout=true&stream=true", fake.queries["attach-out"])
	assert.Equal(t, "detachKeys=&logs=false&stderr=false&stdin=true&stdout=false&stream=true", fake.queries["attach-in"])
	assert.Equal(t, "force=true&timeout=0&volumes=true", fake.queries["remove"])
	req := fake.requests[0]
	assert.False(t, req.Remove, "auto-remove loses exit statuses")
	assert.True(t, strings.HasPrefix(req.Name, runtime.NamePrefix))
	assert.Contains(t, req.Labels, runtime.LabelOwner)
	assert.Zero(t, fake.left())
}

func TestRunNoStdin(t *testing.T) {
	t.Parallel()
	rt := newFake(t, cat).runtime()
	status, err := rt.Run(t.Context(), echo, runtime.Stdio{})
	require.NoError(t, err)
	assert.Zero(t, status)
}

func TestRunCommandIgnoresStdin(t *testing.T) {
	t.Parallel()
	rt := newFake(t, func(_ io.Reader, out, _ io.Writer, _ <-chan struct{}) int {
		_, _ = io.WriteString(out, "all of it")
		return 0
	}).runtime()
	blocked, w := io.Pipe() // a Read of it never returns by itself
	defer w.Close()
	var out bytes.Buffer
	_, err := rt.Run(t.Context(), echo, runtime.Stdio{Stdin: blocked, Stdout: &out})
	require.NoError(t, err)
	assert.Equal(t, "all of it", out.String())
}

func TestRunStatus(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		code  int
		oom   bool
		until time.Duration // the deadline; zero: none
		want  runtime.Status
		kind  error
	}{
		{name: "killed for memory", code: 137, oom: true, want: runtime.Status{Code: 137, OOMKilled: true}},
		{name: "137 by itself", code: 137, want: runtime.Status{Code: 137}},
		{name: "a child was killed for memory", code: 3, oom: true, want: runtime.Status{Code: 3}},
		{name: "the engine's timeout", code: -1, until: -time.Second, kind: runtime.ErrTimeout},
		{name: "no status before the deadline", code: -1, until: time.Hour, kind: runtime.ErrStatusLost},
		{name: "no status and no deadline", code: -1, kind: runtime.ErrStatusLost},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			fake := newFake(t, cat)
			fake.exitCode, fake.oomKilled = &tc.code, tc.oom
			spec := echo
			if tc.until != 0 {
				spec.Deadline = time.Now().Add(tc.until)
			}
			status, err := fake.runtime().Run(t.Context(), spec, runtime.Stdio{})
			if tc.kind != nil {
				require.ErrorIs(t, err, tc.kind)
				assert.Equal(t, tc.kind == runtime.ErrTimeout, errors.Is(err, context.DeadlineExceeded))
				assert.True(t, runtime.Started(err))
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, status)
		})
	}
}

// failOn fails every request of one kind.
func failOn(op string, status int, cause, message string) func(http.ResponseWriter, *http.Request, string) bool {
	return func(w http.ResponseWriter, _ *http.Request, got string) bool {
		if got == op {
			fail(w, status, cause, message)
		}
		return got == op
	}
}

func TestRunFailures(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		op, cause, message string
		kind               error
	}{
		{"create", "image not known", "no such image", runtime.ErrImageMissing},
		{"attach-out", "OCI runtime attempted to invoke a command that was not found", `runc: exec: "x": executable file not found in $PATH`, runtime.ErrCommandNotFound},
		{"attach-in", "OCI permission denied", `runc: exec: "/etc": permission denied`, runtime.ErrNotExecutable},
		{"start", "boom", "boom", runtime.ErrEngine},
	} {
		t.Run(tc.op, func(t *testing.T) {
			t.Parallel()
			fake := newFake(t, cat)
			fake.intercept = failOn(tc.op, 500, tc.cause, tc.message)
			rt := fake.runtime()
			in := &stdin{Reader: strings.NewReader("secret")}
			_, err := rt.Run(t.Context(), echo, runtime.Stdio{Stdin: in})
			require.ErrorIs(t, err, tc.kind)
			assert.False(t, runtime.Started(err))
			assert.False(t, in.read, "stdin was read though nothing had started")
			assert.True(t, in.closed)
			require.NoError(t, rt.Close())
			assert.Zero(t, fake.left())
			assert.Equal(t, 1, count(fake.operations(), tc.op), "it was repeated")
		})
	}
}

func count(list []string, want string) (n int) {
	for _, s := range list {
		if s == want {
			n++
		}
	}
	return n
}

func TestRunInspectFails(t *testing.T) {
	t.Parallel()
	fake := newFake(t, cat)
	fake.intercept = failOn("inspect", 500, "boom", "boom")
	_, err := fake.runtime().Run(t.Context(), echo, runtime.Stdio{})
	require.ErrorIs(t, err, runtime.ErrEngine)
	assert.True(t, runtime.Started(err))
}

func TestRunRemovalIsRetried(t *testing.T) {
	t.Parallel()
	fake := newFake(t, cat)
	var mu sync.Mutex
	tries := 0
	fake.intercept = func(w http.ResponseWriter, _ *http.Request, op string) bool {
		if op != "remove" {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		if tries++; tries < 4 {
			fail(w, 500, "container state improper", "cannot remove container: container state improper")
			return true
		}
		return false
	}
	rt := fake.runtime()
	removed := make(chan error, 1)
	ctx := runtime.WithTrace(t.Context(), &runtime.Trace{Removed: func(err error) { removed <- err }})
	_, err := rt.Run(ctx, echo, runtime.Stdio{})
	require.NoError(t, err)
	require.NoError(t, rt.Close())
	require.NoError(t, <-removed)
	assert.Zero(t, fake.left())
}

func TestRunContextEnds(t *testing.T) {
	t.Parallel()
	cause := errors.New("the user has gone")
	fake := newFake(t, forever)
	rt := fake.runtime()
	ctx, cancel := context.WithCancelCause(t.Context())
	ctx = runtime.WithTrace(ctx, &runtime.Trace{Started: func() { cancel(cause) }})
	_, err := rt.Run(ctx, echo, runtime.Stdio{})
	require.ErrorIs(t, err, runtime.ErrCanceled)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, cause)
	assert.True(t, runtime.Started(err))
	require.NoError(t, rt.Close())
	assert.Zero(t, fake.left(), "the container outlived the call")
}

func TestRunContextEndsDuringCreate(t *testing.T) {
	t.Parallel()
	fake := newFake(t, forever)
	ctx, cancel := context.WithCancel(t.Context())
	goOn := make(chan struct{})
	fake.intercept = func(_ http.ResponseWriter, _ *http.Request, op string) bool {
		if op == "create" {
			cancel()
			<-goOn
		}
		return false
	}
	rt := fake.runtime()
	_, err := rt.Run(ctx, echo, runtime.Stdio{})
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, runtime.Started(err))
	close(goOn) // and now the container is made
	require.NoError(t, rt.Close())
	assert.Equal(t, []string{"create", "remove"}, fake.operations())
	assert.Zero(t, fake.left())
}

// A create that succeeded, with an answer that does not say what was made.
func TestRunCreateWithoutID(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"empty": "", "empty object": "{}", "cut": `{"Id":"i`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := newFake(t, cat)
			fake.intercept = func(w http.ResponseWriter, r *http.Request, op string) bool {
				if op != "create" {
					return false
				}
				fake.create(httptest.NewRecorder(), r)
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, body)
				return true
			}
			rt := fake.runtime()
			in := &stdin{Reader: strings.NewReader("secret")}
			_, err := rt.Run(t.Context(), echo, runtime.Stdio{Stdin: in})
			require.ErrorIs(t, err, runtime.ErrUnavailable)
			assert.False(t, runtime.Started(err))
			assert.False(t, in.read)
			require.NoError(t, rt.Close())
			assert.Zero(t, fake.left(), "the container was left behind")
		})
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestRunWriteFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk full")
	fake := newFake(t, func(_ io.Reader, out, _ io.Writer, killed <-chan struct{}) int {
		_, _ = io.WriteString(out, "x")
		<-killed
		return 137
	})
	rt := fake.runtime()
	_, err := rt.Run(t.Context(), echo, runtime.Stdio{Stdout: brokenWriter{broken}})
	require.ErrorIs(t, err, broken)
	require.NoError(t, rt.Close())
	assert.Zero(t, fake.left())
}

func TestRunOutputHeldOpen(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	fake := newFake(t, nil)
	fake.process = func(_ io.Reader, out, _ io.Writer, _ <-chan struct{}) int {
		_, _ = io.WriteString(out, "mine")
		fake.mu.Lock() // ended, and somebody else holds the pipes
		for _, c := range fake.containers {
			c.exited, c.code = true, 5
		}
		fake.mu.Unlock()
		<-release
		return 5
	}
	rt := fake.runtime()
	var out bytes.Buffer
	begin := time.Now()
	status, err := rt.Run(t.Context(), echo, runtime.Stdio{Stdout: &out})
	close(release)
	require.NoError(t, err)
	assert.Equal(t, 5, status.Code)
	assert.Equal(t, "mine", out.String())
	assert.Less(t, time.Since(begin), 5*time.Second)
}

func TestRunWarnings(t *testing.T) {
	t.Parallel()
	limited := echo
	limited.Memory, limited.PidsLimit = 64<<20, 20
	fake := newFake(t, cat)
	fake.warnings = []string{"Resource limits are not supported and ignored on cgroups V1 rootless systems"}
	rt := fake.runtime()
	_, err := rt.Run(t.Context(), limited, runtime.Stdio{})
	require.ErrorIs(t, err, runtime.ErrUnsupported)
	assert.ErrorContains(t, err, "memory, pids-limit")
	assert.False(t, runtime.Started(err))

	var warned []string
	ctx := runtime.WithTrace(t.Context(), &runtime.Trace{Warning: func(w string) { warned = append(warned, w) }})
	_, err = rt.Run(ctx, echo, runtime.Stdio{})
	require.NoError(t, err, "nothing was asked for that is not there")
	assert.Equal(t, fake.warnings, warned)
	require.NoError(t, rt.Close())
	assert.Zero(t, fake.left())
}

func TestRunOCIRuntime(t *testing.T) {
	t.Parallel()
	fake := newFake(t, cat)
	fake.intercept = func(w http.ResponseWriter, _ *http.Request, op string) bool {
		if op == "info" {
			answer(w, 200, map[string]any{"host": map[string]any{"ociRuntime": map[string]any{"name": "crun", "path": "/usr/bin/crun"}}})
		}
		return op == "info"
	}
	rt := fake.runtime()
	spec := echo
	spec.OCIRuntime = "crun"
	for range 2 {
		_, err := rt.Run(t.Context(), spec, runtime.Stdio{})
		require.NoError(t, err)
	}
	assert.Equal(t, 1, count(fake.operations(), "info"), "asked more than once")
	spec.OCIRuntime = "runsc"
	_, err := rt.Run(t.Context(), spec, runtime.Stdio{})
	require.ErrorIs(t, err, runtime.ErrUnsupported)
	assert.ErrorContains(t, err, `"runsc"`)
}

func TestRunMany(t *testing.T) {
	t.Parallel()
	fake := newFake(t, cat)
	rt := fake.runtime()
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			payload := strings.Repeat(string(rune('a'+i%26)), 50_000+i)
			var out bytes.Buffer
			_, err := rt.Run(t.Context(), echo, runtime.Stdio{Stdin: io.NopCloser(strings.NewReader(payload)), Stdout: &out})
			assert.NoError(t, err)
			assert.Equal(t, payload, out.String())
		})
	}
	wg.Wait()
	require.NoError(t, rt.Close())
	assert.Zero(t, fake.left())
}

func TestRunClosed(t *testing.T) {
	t.Parallel()
	rt := newFake(t, cat).runtime()
	require.NoError(t, rt.Close())
	require.NoError(t, rt.Close())
	in := &stdin{Reader: strings.NewReader("")}
	_, err := rt.Run(t.Context(), echo, runtime.Stdio{Stdin: in})
	require.ErrorIs(t, err, runtime.ErrClosed)
	assert.True(t, in.closed)
}
