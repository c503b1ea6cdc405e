package factory

import (
	"testing"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Each fault tells the very place that it is about, for whoever has the file.
func TestFaultKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		cfg  map[string]any
		want []string
	}{
		{"wrong type", map[string]any{"memory": true}, []string{"memory"}},
		{"entry of a list", map[string]any{"mounts": []any{"./a:/a", 7.5, map[string]any{}}}, []string{"mounts[2]"}},
		{"value of an entry", map[string]any{"mounts": []any{"./a:/a", "./b:b"}}, []string{"mounts[1]"}},
		{"value of a map", map[string]any{"env": map[string]any{"A": "x", "B": []any{}}}, []string{"env.B"}},
		{"part of warm", map[string]any{"warm": map[string]any{"start": "early"}}, []string{"warm.start"}},
		{"docker's name of a key", map[string]any{"memory": "64m", "memory_swap": "32m"}, []string{"memory_swap"}},
		{"two mounts at one place", map[string]any{"mounts": []any{"./a:/a", "./b:/b", "./c:/a/"}}, []string{"mounts[2]"}},
		{"an index that can't be trusted", map[string]any{"mounts": []any{"x:y:z:w", "./a:/a", "./b:/a"}}, []string{"mounts[0]", "mounts"}},
		{"all that Validate finds", map[string]any{"workdir": "x", "memory_swap": "1g", "cpus": -1}, []string{"workdir", "cpus", "memory_swap"}},
		{"unknown", map[string]any{"memry": "64m"}, []string{"memry"}},
		{"each extra argument", map[string]any{"extra_args": []any{"-m", "64m", "busybox", "sh", "--ipc=none", "--name=x", "--cpus", "y"}},
			[]string{"extra_args[2]", "extra_args[5]", "extra_args[6]"}},
		{"the runtime's", map[string]any{"runtime": "docker-api", "extra_args": []any{"--blkio-weight=10"}}, []string{""}},
		{"the runtime's, of a field", map[string]any{"runtime": "docker-api", "userns": "keep-id"}, []string{"userns"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.cfg["image"] == nil {
				c.cfg["image"] = "busybox"
			}
			_, err := Factory("pii", c.cfg)
			var all *ConfigError
			require.ErrorAs(t, err, &all)
			assert.Equal(t, "pii", all.Sandbox)
			var keys []string
			for _, f := range all.Faults {
				keys = append(keys, f.Key)
				assert.ErrorIs(t, err, f.Err)
			}
			assert.Equal(t, c.want, keys, "%v", err)
		})
	}
}

func TestParseConfig(t *testing.T) {
	t.Parallel()
	c, err := ParseConfig("pii", map[string]any{"mode": "docker_run", "image": "busybox", "memory": true, "runtime": "auto"})
	assert.EqualError(t, err, `sandbox "pii": memory: got true; it takes a size such as 256m, or a number of bytes`)
	assert.Equal(t, Config{Image: "busybox", Runtime: RuntimeAuto}, c)
	assert.Equal(t, []string{RuntimeDockerAPI, RuntimePodman, RuntimeDockerCLI}, c.Runtimes())
	assert.Equal(t, []string{RuntimeDockerCLI}, (&Config{}).Runtimes())
	assert.Equal(t, []string{RuntimePodman}, (&Config{Runtime: RuntimePodman}).Runtimes())
}

func TestSandboxSpec(t *testing.T) {
	t.Setenv("FROM_HOST", "yes")
	sb := NewNamed("pii", Config{Image: "busybox", Mounts: []string{"./a:/a"}, BaseDir: "/srv", Env: []string{"A=1", "FROM_HOST"}, Backend: &recorder{}})
	spec, err := sb.Spec(sandbox.Request{Command: "/hook", Args: []string{"x"}, Env: []string{"A=2"}})
	require.NoError(t, err)
	assert.Equal(t, []string{"/hook", "x"}, spec.Args)
	assert.Equal(t, []string{"A=1", "FROM_HOST=yes", "A=2"}, spec.Env)
	assert.Equal(t, []runtime.Mount{{Type: runtime.MountBind, Source: "/srv/a", Target: "/a"}}, spec.Mounts)

	_, err = New(Config{}).Spec(request)
	assert.ErrorContains(t, err, "image: ")
	_, err = new(Sandbox).Spec(request)
	assert.ErrorIs(t, err, errNotMade)
}

// Maps have no order; what is wrong with them has one.
func TestFaultsHaveAnOrder(t *testing.T) {
	t.Parallel()
	cfg := map[string]any{"image": "x", "warm": map[string]any{"size": "x", "nope": 1, "start": 2, "refill": -1}, "env": map[string]any{"A": []any{}, "B": []any{}, "C": []any{}}}
	_, first := ParseConfig("box", cfg)
	require.Error(t, first)
	for range 20 {
		_, err := ParseConfig("box", cfg)
		require.Equal(t, first, err)
	}
	c := Config{Image: "x", Warm: Warm{Size: -1, Refill: -1, IdleTTL: -1, MaxAge: -1}}
	want := New(c).err.Error()
	for range 20 {
		require.EqualError(t, New(c).err, want)
	}
}
