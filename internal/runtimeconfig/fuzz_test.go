package runtimeconfig_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/internal/runtimeconfig"
)

// FuzzParse: whatever is in the file, it has faults or what PromptKit would read, and
// every place that is given is one in the file.
func FuzzParse(f *testing.F) {
	sample, err := os.ReadFile("../../e2e/testdata/runtimeconfig.yaml")
	require.NoError(f, err)
	f.Add(sample)
	for _, seed := range []string{
		"", "[]", "a: *a", "a: &a [*a]", "spec: {sandboxes: {x: null, x: {mode: docker_run}}}", "spec: {hooks: {h: {env: [A], command: 3}}}",
		"spec: &s {sandboxes: &b {x: {<<: *b}}}", "spec:\n  sandboxes: &a\n    x: *a\n", "? [a]\n: b", "spec: {tools: {t: {exec: {command: x}}, u: 3}}", "a: b\n---\nc: d",
		"spec: {<<: [{sandboxes: {a: {mode: x}}}]}", "\xff", "a: !!int x", "spec: {<<: 3}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file := runtimeconfig.Parse("f.yaml", data)
		// YAML has more line ends than one, and the end of the file can be a line of its own.
		lines := 2 + strings.Count(strings.NewReplacer("\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(string(data)), "\n")
		if bytes.HasPrefix(data, []byte("\xfe\xff")) || bytes.HasPrefix(data, []byte("\xff\xfe")) {
			lines = len(data) // UTF-16, in which these are other bytes
		}
		place := func(p runtimeconfig.Position) {
			t.Helper()
			require.True(t, p.Line >= 1 && p.Line <= lines, "line %d of %d", p.Line, lines)
			require.GreaterOrEqual(t, p.Column, 0)
		}
		for _, fault := range file.Faults {
			place(fault.Position)
			require.NotEmpty(t, fault.Message)
		}
		for _, sb := range file.Sandboxes {
			place(sb.At(""))
			for _, key := range sb.Keys() {
				place(sb.At(key))
			}
			place(sb.At("mounts[0]"))
			place(sb.At("env.A"))
		}
		for _, b := range file.Bindings {
			place(b.At(""))
			place(b.At("command"))
			place(b.At("phases[99999999999999999999]"))
		}
	})
}
