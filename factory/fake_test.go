package factory

import (
	"context"
	"io"
	"sync"
	"testing"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// recorder is a Runtime that keeps the specs it was given, and does what run says.
type recorder struct {
	run     func(ctx context.Context, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error)
	info    func(context.Context) error
	check   func(runtime.Spec) error
	onClose func()

	mu    sync.Mutex
	specs []runtime.Spec
	infos int
	close int
}

func (r *recorder) Run(ctx context.Context, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
	defer func() { _ = stdio.Stdin.Close() }()
	if _, err := spec.Resolve(ctx, "fake"); err != nil {
		return runtime.Status{}, err
	}
	r.mu.Lock()
	r.specs = append(r.specs, spec)
	r.mu.Unlock()
	if r.run != nil {
		return r.run(ctx, spec, stdio)
	}
	_, err := io.Copy(stdio.Stdout, stdio.Stdin)
	return runtime.Status{}, err
}

func (r *recorder) Info(ctx context.Context) (runtime.Info, error) {
	r.mu.Lock()
	r.infos++
	r.mu.Unlock()
	if r.info != nil {
		return runtime.Info{}, r.info(ctx)
	}
	return runtime.Info{Runtime: "fake"}, nil
}

func (r *recorder) Close() error {
	r.mu.Lock()
	r.close++
	r.mu.Unlock()
	if r.onClose != nil {
		r.onClose()
	}
	return nil
}

func (r *recorder) CheckSpec(spec runtime.Spec) error {
	if r.check != nil {
		return r.check(spec)
	}
	return nil
}

func (r *recorder) last(t *testing.T) runtime.Spec {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	require.NotEmpty(t, r.specs, "no container was run")
	return r.specs[len(r.specs)-1]
}

func (r *recorder) counts() (runs, infos, closes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.specs), r.infos, r.close
}

// sandboxOn makes a sandbox from a configuration map on rt, whatever runtime it names.
func sandboxOn(t *testing.T, rt runtime.Runtime, cfg map[string]any) (sandbox.Sandbox, error) {
	t.Helper()
	return NewFactory(
		WithRuntime(RuntimeDockerCLI, rt), WithRuntime(RuntimeDockerAPI, rt), WithRuntime(RuntimePodman, rt),
	)("pii", cfg)
}

// specOf is the container that a configuration makes of a call of /hook.
func specOf(t *testing.T, cfg map[string]any) runtime.Spec {
	t.Helper()
	rt := &recorder{}
	sb, err := sandboxOn(t, rt, cfg)
	require.NoError(t, err)
	spawn(t, sb, sandbox.Request{Command: "/hook"})
	return rt.last(t)
}

// spawn is a call that must work.
func spawn(t *testing.T, sb sandbox.Sandbox, req sandbox.Request) sandbox.Response {
	t.Helper()
	resp, err := sb.Spawn(t.Context(), req)
	require.NoError(t, err)
	require.NoError(t, resp.Err)
	return resp
}

// spawnError is the Response.Err of a call that must fail.
func spawnError(t *testing.T, ctx context.Context, sb sandbox.Sandbox, req sandbox.Request) error {
	t.Helper()
	resp, err := sb.Spawn(ctx, req)
	require.NoError(t, err, "Spawn's own error stays nil")
	require.Error(t, resp.Err)
	return resp.Err
}
