package runtimeconfig_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/internal/runtimeconfig"
)

const header = "apiVersion: promptkit.altairalabs.ai/v1alpha1\nkind: RuntimeConfig\n"

const example = header + `x: &limits
  memory: 64m
  pids_limit: 10
spec:
  sandboxes:
    box:
      <<: *limits
      mode: docker_run
      image: &image busybox
      mounts: ["./a:/a",
        "./b:/b"]
      env: {A.B: x, A: y}
      warm:
        size: 2
    same: {mode: docker_run, image: *image}
    none:
  selectors:
    rank: {command: /rank, sandbox: box}
  hooks:
    pii:
      hook: provider
      command: /pii
      args: [a, b]
      phases: [before_call]
      sandbox: box
  evals:
    score:
      command: ./score
      timeout_ms: 100
  tools:
    search: {mode: live, http: {url: "http://x"}}
    local:
      mode: exec
      exec: {command: /tool, sandbox: box}
`

func TestParse(t *testing.T) {
	t.Parallel()
	f := runtimeconfig.Parse("rc.yaml", []byte(example))
	require.Empty(t, f.Faults)
	require.NoError(t, f.Err())
	assert.Equal(t, []string{"box", "same"}, f.Names(), "a null is no sandbox")
	require.Len(t, f.Sandboxes, 3)
	assert.True(t, f.Sandboxes[2].Null)

	box := f.Sandbox("box")
	require.NotNil(t, box)
	assert.Equal(t, "docker_run", box.Mode)
	assert.Equal(t, map[string]any{
		"image": "busybox", "memory": "64m", "pids_limit": 10, "mounts": []any{"./a:/a", "./b:/b"},
		"env": map[string]any{"A.B": "x", "A": "y"}, "warm": map[string]any{"size": 2},
	}, box.Config)
	assert.Equal(t, "busybox", f.Sandbox("same").Config["image"])
	assert.Nil(t, f.Sandbox("none"))
	assert.Nil(t, f.Sandbox("ghost"))

	var got []string
	for _, b := range f.Bindings {
		got = append(got, strings.Join([]string{b.Section, b.Name, b.Command, b.Sandbox, b.Hook}, " "))
	}
	assert.Equal(t, []string{"hooks pii /pii box provider", "selectors rank /rank box ", "evals score ./score  ", "tools local /tool box "}, got)
	assert.Equal(t, []string{"before_call"}, f.Bindings[0].Phases)
	assert.Equal(t, []string{"hook", "command", "args", "phases", "sandbox"}, f.Bindings[0].Keys())
	assert.Equal(t, 100, f.Bindings[2].TimeoutMs)
}

func TestAt(t *testing.T) {
	t.Parallel()
	f := runtimeconfig.Parse("rc.yaml", []byte(example))
	box := f.Sandbox("box")
	for _, c := range []struct {
		key  string
		want string // what stands there
	}{
		{"", "box:"},
		{"image", "image:"},
		{"mounts", "mounts:"},
		{"mounts[0]", `"./a:/a"`},
		{"mounts[1]", `"./b:/b"]`},
		{"mounts[2]", "mounts:"},
		{"mounts[x]", "mounts:"},
		{"env.A", "A: y"},
		{"env.A.B", "A.B: x"},
		{"env.C", "env:"},
		{"env[0]", "env:"},
		{"warm.size", "size: 2"},
		{"warm.start", "warm:"},
		{"image[0]", "image:"},
		{"network", "box:"},
		{"memory", "memory: 64m"}, // where it is merged from
	} {
		at := box.At(c.key)
		line := strings.Split(example, "\n")[at.Line-1]
		assert.True(t, strings.HasPrefix(line[at.Column-1:], c.want), "%s: %s: %q", c.key, at.In("f"), line)
	}
	assert.True(t, box.Has("memory"))
	assert.False(t, box.Has("network"))
	assert.Equal(t, "rc.yaml:8:5", box.At("").In(f.Name))
	assert.Equal(t, "rc.yaml:7", runtimeconfig.Position{Line: 7}.In(f.Name))
	assert.Equal(t, runtimeconfig.Position{}, runtimeconfig.Entry{}.At("x"))
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "1: the file is empty"},
		{"syntax", header + "spec: [", "3: did not find expected node content"},
		{"no map", "- a", "1:1: this is no map, and so no RuntimeConfig"},
		{"header", "apiVersion: v1\nkind: Config\n", `1:1: apiVersion: got "v1"; it takes promptkit.altairalabs.ai/v1alpha1` + "\n" +
			`2:1: kind: got "Config"; it takes RuntimeConfig`},
		{"no header", "spec: {}", `1:1: apiVersion: got ""; it takes promptkit.altairalabs.ai/v1alpha1` + "\n" + `1:1: kind: got ""; it takes RuntimeConfig`},
		{"section", header + "spec:\n  hooks: [a]", "4:3: spec.hooks: it takes a map of names"},
		{"type", header + "spec:\n  hooks:\n    a:\n      command: /a\n      timeout_ms: soon\n", "7: cannot unmarshal !!str `soon` into int"},
		{"twice", header + "spec:\n  sandboxes:\n    a: {mode: x}\n    a: {mode: y}", "6:5: a: the key stands here a second time (first in line 5)"},
		{"twice, deeper", header + "spec:\n  sandboxes:\n    a: {mode: x, mode: y}", "5:18: mode: the key stands here a second time (first in line 5)"},
		{"an anchor that holds itself", header + "spec: &a\n  <<: *a\n  hooks: {}", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := runtimeconfig.Parse("f", []byte(c.text))
			var got []string
			for _, fault := range f.Faults {
				got = append(got, strings.TrimPrefix(fault.In("")+": "+fault.Message, ":"))
			}
			assert.Equal(t, c.want, strings.Join(got, "\n"))
			if c.want != "" {
				assert.EqualError(t, f.Err(), "f:"+got[0])
			}
		})
	}
}

func TestUnseen(t *testing.T) {
	t.Parallel()
	f := runtimeconfig.Parse("f", []byte(header+"spec:\n  tools: {t: {command: x}, u: {exec: {command: x}}}"))
	assert.NoError(t, f.Err())
	assert.Equal(t, []runtimeconfig.Fault{{
		Position: runtimeconfig.Position{Line: 4, Column: 15},
		Message:  `tool "t": its command, args and env belong below exec: PromptKit does not see them here`,
	}}, f.Unseen)
}

func TestRead(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "rc.yaml")
	_, err := runtimeconfig.Read(name)
	assert.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(name, []byte(example), 0o600))
	f, err := runtimeconfig.Read(name)
	require.NoError(t, err)
	assert.Equal(t, name, f.Name)
	assert.NoError(t, f.Err())
}
