package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
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
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
	"github.com/AltairaLabs/dockerrun/runtime/warm"
)

// onWarm is a Runtime that makes each call on a warm container, if that is possible at
// all, and keeps none afterwards, as the suite counts containers.
type onWarm struct {
	runtime.Runtime
	key   string
	start warm.Start
	pools sync.WaitGroup
}

func (w *onWarm) Unwrap() runtime.Runtime { return w.Runtime }

func (w *onWarm) Run(ctx context.Context, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
	pool := warm.New(w.Runtime, warm.Options{Start: w.start, Size: 1, RuntimeKey: w.key, Logger: slog.New(slog.DiscardHandler)})
	closePool := sync.OnceFunc(func() { w.pools.Go(func() { _ = pool.Close() }) })
	defer closePool()
	if ctx.Err() == nil {
		_ = pool.Prepare(context.WithoutCancel(ctx), spec) // or the call is a cold one
	}
	stdio.Stdin = &onRead{stdio.Stdin, closePool} // before a container is started for the next call
	return pool.Run(ctx, spec, stdio)
}

func (w *onWarm) Close() error {
	w.pools.Wait()
	return w.Runtime.Close()
}

// onRead says when reading begins; what it wraps may be nil.
type onRead struct {
	io.ReadCloser
	begins func()
}

func (r *onRead) Read(p []byte) (int, error) {
	r.begins()
	if r.ReadCloser == nil {
		return 0, io.EOF
	}
	return r.ReadCloser.Read(p)
}

func (r *onRead) Close() error {
	if r.ReadCloser == nil {
		return nil
	}
	return r.ReadCloser.Close()
}

// The contract holds for calls on warm containers. One runtime of each engine does; the
// others differ in what the suite checks without a pool.
func TestWarmConformance(t *testing.T) {
	each(t, func(t *testing.T, v engines.Variant) {
		tries := tries(t, v)
		if !soaking() {
			if v.Key == dockercli.Key || v.Rootless() {
				t.Skip("another runtime has the suite, and the pool is the same on all of them; make soak runs it here, too")
			}
			tries = 1
		}
		lacks := lacks(t, v)
		lacks[runtimetest.LacksLateStdin] = "input follows the header, before it is known whether there is a command"
		runtimetest.Conformance(t, runtimetest.Config{
			New:        func(t testing.TB) runtime.Runtime { return &onWarm{Runtime: open(t, v), key: v.Key} },
			Image:      image.Ref,
			Variant:    image.VariantRef,
			Containers: func(ctx context.Context, label string) ([]string, error) { return labelled(ctx, v, label) },
			Lacks:      lacks,
			Tries:      tries,
			Parallel:   16,
		})
	})
}

// Hostile arguments, environments and inputs give the same bytes cold and warm, in both
// ways of being warm.
func TestWarmIsAsCold(t *testing.T) {
	args := []string{"", " ", "'", `"`, `\`, `\'`, "line\nbreak", "\n", "$HOME", "$(id)", "`id`", "*", "-n", "--", "!", "é☃", "\u0081\u0088", "end\n"}
	env := []string{"PLAIN=x", "EMPTY=", "QUOTE=it's", "LINES=a\nb\n", "CONTROL=\u0081\u0088\x01\x7f", "CODE=$(id)`id`$PATH", "LONG=" + strings.Repeat("0123456789abcdef", 6400)}
	look := "payload\x00 dockerrun gate 1\ndockerrun-ABC 0\n" + strings.Repeat("\x01\xff", 40_000)
	calls := []sandbox.Request{
		probe(append([]string{"args"}, args...)...),
		{Command: image.Probe, Args: []string{"env"}, Env: env, Timeout: 30 * time.Second},
		{Command: image.Probe, Args: []string{"echo"}, Stdin: []byte(look), Timeout: 30 * time.Second},
		{Command: "cat", Stdin: []byte(look), Timeout: 30 * time.Second},
		probe("exit", "42"), probe("exit", "127"), probe("exit", "255"), probe("kill", "9"),
		probe("both", "200000", "100000", "3"),
		{Command: "/no/such/program", Timeout: 30 * time.Second}, {Command: "no-such-program", Timeout: 30 * time.Second},
		{Command: image.NotExecutable, Timeout: 30 * time.Second}, {Command: "exit", Args: []string{"3"}, Timeout: 30 * time.Second},
		{Command: "/bin/sh", Args: []string{"-c", "echo out; echo err >&2; exit 3"}, Timeout: 30 * time.Second},
	}
	each(t, func(t *testing.T, v engines.Variant) {
		cold := newSandbox(t, config(v, map[string]any{"hostname": "box"}))
		gate := newSandbox(t, config(v, map[string]any{"hostname": "box", "warm": 2}))
		eager := newSandbox(t, config(v, map[string]any{"hostname": "box", "warm": map[string]any{"size": 1, "start": "eager"}}))
		for _, req := range calls {
			want := spawn(t, cold, req)
			what := fmt.Sprintf("%s %.40q", req.Command, req.Args)
			ways := map[string]sandbox.Sandbox{"gate": gate}
			if req.Command == "cat" || len(req.Args) > 0 && (req.Args[0] == "echo" || req.Args[0] == "env") {
				ways["eager"] = eager
				require.NoError(t, eager.(*factory.Sandbox).Prepare(t.Context(), req))
			}
			for way, sb := range ways {
				got := spawn(t, sb, req)
				if len(req.Env) > 0 { // which has no order
					want.Stdout, got.Stdout = sortedList(t, want.Stdout), sortedList(t, got.Stdout)
				}
				assert.True(t, bytes.Equal(want.Stdout, got.Stdout), "%s: stdout of %s: %.200q, want %.200q", way, what, got.Stdout, want.Stdout)
				assert.Equal(t, string(want.Stderr), string(got.Stderr), "%s: stderr of %s", way, what)
				assert.Equal(t, outcomeOf(want.Err), outcomeOf(got.Err), "%s: %s: %v", way, what, got.Err)
			}
		}
	})
}

func sortedList(t *testing.T, text []byte) []byte {
	t.Helper()
	var list []string
	require.NoError(t, json.Unmarshal(text, &list))
	slices.Sort(list)
	out, err := json.Marshal(list)
	require.NoError(t, err)
	return out
}

// outcomeOf is what a caller can tell about an error.
func outcomeOf(err error) string {
	if exit := (*runtime.ExitError)(nil); errors.As(err, &exit) {
		return fmt.Sprintf("%+v", exit.Status)
	}
	if e, ok := errors.AsType[*runtime.Error](err); ok {
		return fmt.Sprintf("%v, started: %t", e.Kind, e.Started)
	}
	return fmt.Sprint(err)
}

// A warm sandbox is quick, gives each call a container of its own, and leaves nothing.
func TestWarmSandbox(t *testing.T) {
	each(t, func(t *testing.T, v engines.Variant) {
		sb := newSandbox(t, config(v, map[string]any{"warm": 3})).(*factory.Sandbox)
		require.NoError(t, sb.Prepare(t.Context()))
		before, err := v.Containers(t.Context(), os.Getpid())
		require.NoError(t, err)
		assert.Len(t, before, 3)

		hosts := map[string]bool{}
		for range 3 {
			resp := spawn(t, sb, probe("cat", "/proc/sys/kernel/hostname"))
			require.NoError(t, resp.Err)
			hosts[string(resp.Stdout)] = true
			resp = spawn(t, sb, sandbox.Request{Command: "/bin/sh", Args: []string{"-c", "[ -e /data/mark ] && echo there; echo >/data/mark"}, Timeout: 30 * time.Second})
			require.NoError(t, resp.Err)
			assert.Empty(t, string(resp.Stdout), "another call's file is there")
		}
		assert.Len(t, hosts, 3, "each call has its own container")

		var wg sync.WaitGroup
		errs := make([]error, 12)
		for i := range errs {
			wg.Go(func() {
				in := bytes.Repeat(fmt.Appendf(nil, "call %d;", i), 10_000)
				req := probe("echo")
				req.Stdin, req.Timeout = in, time.Minute
				resp, err := sb.Spawn(t.Context(), req)
				if errs[i] = errors.Join(err, resp.Err); errs[i] == nil && !bytes.Equal(resp.Stdout, in) {
					errs[i] = fmt.Errorf("call %d got %d bytes of %d, or another call's", i, len(resp.Stdout), len(in))
				}
			})
		}
		wg.Wait()
		require.NoError(t, errors.Join(errs...), "more calls at once than there are containers")
		require.NoError(t, sb.Close())
		require.NoError(t, noContainers(v, 30*time.Second))
	})
}

// A container that somebody ended while it waited costs no call its answer.
func TestWarmContainersEndedFromOutside(t *testing.T) {
	each(t, func(t *testing.T, v engines.Variant) {
		sb := newSandbox(t, config(v, map[string]any{"warm": 2})).(*factory.Sandbox)
		for range 3 {
			require.NoError(t, sb.Prepare(t.Context()))
			names, err := v.Containers(t.Context(), os.Getpid())
			require.NoError(t, err)
			require.NotEmpty(t, names)
			_, _ = v.Output(t.Context(), append([]string{"kill"}, names...)...) // one may be on its way out
			req := probe("echo")
			req.Stdin = []byte("answer me")
			resp := spawn(t, sb, req)
			require.NoError(t, resp.Err)
			assert.Equal(t, "answer me", string(resp.Stdout))
		}
	})
}

func TestWarmDeadlines(t *testing.T) {
	each(t, func(t *testing.T, v engines.Variant) {
		sb := newSandbox(t, config(v, map[string]any{"warm": 1})).(*factory.Sandbox)
		require.NoError(t, sb.Prepare(t.Context()))
		req := probe("block")
		req.Timeout = time.Second
		began := time.Now()
		resp := spawn(t, sb, req)
		require.ErrorIs(t, resp.Err, runtime.ErrTimeout)
		require.ErrorIs(t, resp.Err, context.DeadlineExceeded)
		assert.Less(t, time.Since(began), time.Second+slack(), "it returns at its end")
		assert.Equal(t, "ready\n", string(resp.Stdout))
		require.NoError(t, sb.Close())
		require.NoError(t, noContainers(v, 30*time.Second))
	})
}

func TestWarmOutOfMemory(t *testing.T) {
	each(t, func(t *testing.T, v engines.Variant) {
		sb := newSandbox(t, config(v, map[string]any{"memory": "32m", "memory_swap": "32m", "warm": 1})).(*factory.Sandbox)
		if err := sb.Prepare(t.Context()); errors.Is(err, runtime.ErrUnsupported) {
			assert.True(t, v.Rootless(), "only a rootless engine may have no limits: %v", err)
			return
		}
		resp := spawn(t, sb, probe("oom"))
		var exit *runtime.ExitError
		require.ErrorAs(t, resp.Err, &exit)
		assert.Equal(t, 137, exit.Status.Code)
		assert.Empty(t, string(resp.Stderr), "no word of the shell")
		if !v.IsPodman() { // Podman 4.3 records no OOM kill on cgroup v1
			for tries := 1; tries < 3 && !errors.Is(resp.Err, runtime.ErrOutOfMemory); tries++ {
				resp = spawn(t, sb, probe("oom")) // see TestSandboxOutOfMemory
			}
			require.ErrorIs(t, resp.Err, runtime.ErrOutOfMemory)
		}
	})
}
