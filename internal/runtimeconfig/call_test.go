package runtimeconfig_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/internal/runtimeconfig"
)

func TestCall(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, entry string
		want        *runtimeconfig.Call // nil: nothing runs in a sandbox
	}{
		{"hook", "hooks: {a: {hook: tool, command: /a, args: [x], env: [E], sandbox: box}}", &runtimeconfig.Call{
			Sandbox: "box", SandboxAt: runtimeconfig.Position{Line: 4, Column: 61}, Command: "/a", CommandAt: runtimeconfig.Position{Line: 4, Column: 27}, Args: []string{"x"}, Env: []string{"E"}}},
		{"hook on the host", "hooks: {a: {hook: tool, command: /a}}", nil},
		{"eval on the host", "evals: {a: {command: /a, sandbox: box}}", nil},
		{"eval", "evals: {a: {command: ./dockerrun, args: [exec, --config=/etc/f.yaml, --sandbox=box, /a, --sandbox, x]}}", &runtimeconfig.Call{
			Sandbox: "box", SandboxAt: runtimeconfig.Position{Line: 4, Column: 72}, Command: "/a", CommandAt: runtimeconfig.Position{Line: 4, Column: 87}, Args: []string{"--sandbox", "x"}}},
		{"tool", "tools: {a: {mode: exec, exec: {command: dockerrun.exe, args: [exec, --env, KEY, --timeout, 5s, --config, f.yaml, --sandbox, box, --, /a, b]}}}", &runtimeconfig.Call{
			Sandbox: "box", SandboxAt: runtimeconfig.Position{Line: 4, Column: 127}, Command: "/a", CommandAt: runtimeconfig.Position{Line: 4, Column: 136}, Args: []string{"b"}, Env: []string{"KEY"}}},
		{"another file", "evals: {a: {command: dockerrun, args: [exec, --config=g.yaml, --sandbox=box, /a]}}", nil},
		{"another command of ours", "evals: {a: {command: dockerrun, args: [run, --config=f.yaml, --sandbox=box, /a]}}", nil},
		{"no command", "evals: {a: {command: dockerrun, args: [exec, --config=f.yaml, --sandbox=box]}}", nil},
		{"no sandbox", "evals: {a: {command: dockerrun, args: [exec, --config=f.yaml, /a]}}", nil},
		{"no arguments", "evals: {a: {command: dockerrun}}", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := runtimeconfig.Parse("dir/f.yaml", []byte(header+"spec:\n  "+c.entry))
			require.NoError(t, f.Err())
			require.Len(t, f.Bindings, 1)
			got, ok := f.Call(&f.Bindings[0])
			require.Equal(t, c.want != nil, ok)
			if ok {
				assert.Equal(t, *c.want, got)
			}
		})
	}
}
