package factory

import (
	"testing"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// The one test that changes the process-wide registry.
func TestRegister(t *testing.T) {
	require.NoError(t, Register())
	require.NoError(t, Register(), "twice is harmless")
	f, err := sandbox.LookupFactory(ModeName)
	require.NoError(t, err)
	sb, err := f("x", map[string]any{"image": "busybox"})
	require.NoError(t, err)
	assert.IsType(t, &Sandbox{}, sb)

	require.NoError(t, sandbox.ReplaceFactory(ModeName, NewFactory()))
	assert.ErrorContains(t, Register(), `another factory has the mode "docker_run"`)
	require.NoError(t, sandbox.ReplaceFactory(ModeName, Factory))
	require.NoError(t, Register(), "who registered it does not matter")
}

func TestWithRuntime(t *testing.T) {
	t.Parallel()
	mine, fake := &recorder{}, &recorder{}
	f := NewFactory(WithRuntime("mine", mine), WithRuntime(RuntimeDockerCLI, fake))

	sb, err := f("a", map[string]any{"image": "busybox", "runtime": "mine"})
	require.NoError(t, err)
	spawn(t, sb, request)
	mine.last(t)

	sb, err = f("b", map[string]any{"image": "busybox", "docker_path": "podman"})
	require.NoError(t, err)
	spawn(t, sb, request)
	fake.last(t)
	require.NoError(t, sb.(*Sandbox).Close())
	_, _, closes := fake.counts()
	assert.Zero(t, closes, "it is its owner's")

	_, err = f("c", map[string]any{"image": "busybox", "runtime": "yours"})
	assert.EqualError(t, err, `sandbox "c": runtime: "yours": it takes one of auto, docker-api, docker-cli, mine, podman`)
	_, err = f("d", map[string]any{"image": "busybox", "runtime": "mine", "host": "tcp://h:1"})
	assert.ErrorContains(t, err, "host: can't be combined")

	for _, bad := range []Option{WithRuntime("", mine), WithRuntime("x", nil), WithRuntime("x", (*recorder)(nil))} {
		_, err = NewFactory(bad)("e", map[string]any{"image": "busybox"})
		assert.ErrorContains(t, err, `sandbox "e": WithRuntime: `)
	}
	assert.ErrorContains(t, spawnError(t, t.Context(), New(Config{Image: "x", Backend: (*recorder)(nil)}), request), "Backend: is a nil pointer")
}

// What a program written for the reference package does, and the containers that its
// argv made.
func TestReferencePackage(t *testing.T) {
	t.Parallel()
	var _ func(Config) *Sandbox = New
	var _ func(string, Config) *Sandbox = NewNamed
	var _ func(string, map[string]any) (sandbox.Sandbox, error) = Factory
	assert.Equal(t, "docker_run", ModeName)
	assert.Equal(t, ModeName, New(Config{Image: "x"}).Name())
	assert.Equal(t, "custom", NewNamed("custom", Config{Image: "x"}).Name())

	for _, c := range []struct {
		name string
		cfg  Config
		want []string // flags of its argv
	}{
		{"minimal", Config{Image: "python:3.12-slim"}, nil},
		{"network and mounts", Config{
			Image: "python:3.12-slim", Network: "none", Mounts: []string{"/usr:/hooks:ro", "/tmp:/scratch"},
		}, []string{"--network=none", "-v", "/usr:/hooks:ro", "-v", "/tmp:/scratch"}},
		{"extra args", Config{Image: "python:3.12-slim", ExtraArgs: []string{"--memory=256m", "--cpus=0.5"}},
			[]string{"--memory=256m", "--cpus=0.5"}},
		{"extra args override", Config{Image: "python:3.12-slim", Network: "none", ExtraArgs: []string{"--network", "host", "-e", "A=1"}},
			[]string{"--network=none", "--network", "host", "-e", "A=1"}},
	} {
		rt := &recorder{}
		c.cfg.Backend = rt
		spawn(t, New(c.cfg), sandbox.Request{Command: "/hooks/pii.py", Args: []string{"--strict"}})
		got := rt.last(t)

		want := runtime.Spec{Image: "python:3.12-slim", Args: []string{"/hooks/pii.py", "--strict"}, Deadline: got.Deadline}
		require.NoError(t, runtime.SetFlags(&want, c.want))
		assert.Equal(t, want, got, c.name)
	}
}

func TestReferenceFactory(t *testing.T) {
	t.Parallel()
	sb, err := Factory("my_docker", map[string]any{
		"image":       "python:3.12-slim",
		"network":     "none",
		"mounts":      []any{"./a:/a", "./b:/b:ro"},
		"extra_args":  []string{"--memory=256m"},
		"docker_path": "/usr/local/bin/docker",
	})
	require.NoError(t, err, "paths need not exist when a sandbox is made")
	assert.Equal(t, "my_docker", sb.Name())
	require.NoError(t, sb.(*Sandbox).Close())
}

func BenchmarkFactory(b *testing.B) {
	f := NewFactory(WithRuntime("fake", &recorder{}))
	for _, c := range []struct {
		name string
		cfg  map[string]any
	}{
		{"minimal", map[string]any{"image": "busybox", "runtime": "fake"}},
		{"full", map[string]any{
			"image": "busybox", "runtime": "fake", "network": "none", "memory": "256m", "cpus": 0.5, "pids_limit": 64,
			"mounts": []any{"./a:/a", "./b:/b:ro"}, "cap_drop": []any{"ALL"}, "read_only": true, "user": 1000,
			"env": map[string]any{"A": "1", "B": nil}, "labels": map[string]any{"a": "b"}, "timeout": "5s",
			"extra_args": []any{"--ipc=none", "--sysctl=net.core.somaxconn=64"},
		}},
		{"shared client", map[string]any{"image": "busybox", "runtime": RuntimeDockerAPI}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := f("pii", c.cfg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
