package factory

import (
	"context"
	"testing"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
)

// Cold and warm containers are equally strict.
func TestStrictSandbox(t *testing.T) {
	t.Parallel()
	for _, warm := range []int{0, 1} {
		fake := &runtimetest.Fake{
			Images:   map[string]runtime.Image{"img": {User: "root"}},
			Programs: map[string]runtimetest.Program{"/hook": func(context.Context, *runtimetest.Process) int { return 0 }},
		}
		sb := New(Config{Image: "img", Isolation: "strict", Backend: fake, Warm: Warm{Size: warm}, Memory: "1g"})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		require.NoError(t, sb.Prepare(ctx))
		resp, err := sb.Spawn(ctx, sandbox.Request{Command: "/hook"})
		require.NoError(t, err)
		require.NoError(t, resp.Err)
		require.NoError(t, sb.Close())
		require.NoError(t, fake.Close())

		calls := fake.Calls()
		require.NotEmpty(t, calls)
		for _, c := range calls {
			got := c.Spec
			assert.Equal(t, "none", got.Network)
			assert.Equal(t, []string{"ALL"}, got.CapDrop)
			assert.Equal(t, []string{"no-new-privileges"}, got.SecurityOpts)
			assert.Equal(t, "65532:65532", got.User)
			assert.Equal(t, "none", got.LogDriver)
			assert.True(t, got.ReadOnly)
			assert.EqualValues(t, 256, got.PidsLimit)
			assert.EqualValues(t, 1<<30, got.Memory, "a key of its own holds")
			assert.EqualValues(t, 1<<30, got.MemorySwap)
		}
	}
}

// What is refused is known when the sandbox is made, wherever it was said.
func TestStrictRefusesAtOnce(t *testing.T) {
	t.Parallel()
	for _, cfg := range []map[string]any{
		{"network": "bridge"}, {"extra_args": []any{"--network=bridge"}}, {"extra_args": []any{"--privileged"}},
		{"extra_args": []any{"--security-opt=seccomp=unconfined"}}, {"extra_args": []any{"--device-cgroup-rule=a *:* rwm"}},
		{"devices": "/dev/kvm"}, {"user": 0}, {"mounts": "/run/docker.sock:/s"}, {"log_driver": "json-file"},
	} {
		cfg["image"], cfg["isolation"] = "busybox", "strict"
		_, err := Factory("pii", cfg)
		require.ErrorIs(t, err, runtime.ErrInvalidSpec, "%v", cfg)
		assert.ErrorContains(t, err, "isolation strict takes that only with allow: [", "%v", cfg)
	}
}
