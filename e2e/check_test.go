package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
	"github.com/AltairaLabs/dockerrun/factory"
)

// What check says of commands is what becomes of them, on each engine; the same in an image
// without a shell, for which an image stands whose shell can't be executed.
func TestCheckCommand(t *testing.T) {
	bin := buildDockerrun(t)
	each(t, func(t *testing.T, v engines.Variant) {
		dir := sharedDir(t)
		for name, file := range map[string]struct {
			content string
			mode    os.FileMode
		}{
			"script": {"#!" + image.Probe + " echo\n", 0o755}, "noexec": {"#!" + image.Probe + "\n", 0o644},
			"lacks": {"#!/no/such/python\n", 0o755}, "text": {"hello\n", 0o755},
		} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(file.content), file.mode))
		}
		box := func(more ...any) map[string]any {
			return config(v, map[string]any{"mode": factory.ModeName, "mounts": append([]any{dir + ":/hooks:ro"}, more...), "read_only": true, "user": "1000:1000"})
		}
		strict := box()
		strict["isolation"] = "strict"
		if v.Rootless() {
			strict["allow"] = []any{"no-limits"} // where cgroup v1 holds none
		}
		hooks := map[string]any{}
		for _, sb := range []string{"shell", "bare"} {
			for name, command := range map[string]string{
				"probe": image.Probe, "script": "/hooks/script", "noexec": "/hooks/noexec", "lacks": "/hooks/lacks", "text": "/hooks/text", "absent": "absent",
			} {
				hooks[sb+" "+name] = map[string]any{"hook": "eval", "sandbox": sb, "command": command}
			}
		}
		file := writeRuntimeConfig(t, dir, map[string]any{
			"sandboxes": map[string]any{"shell": strict, "bare": box(dir + "/noexec:/bin/sh:ro")}, "hooks": hooks,
		})
		stdout, stderr, status := dockerrun(t, exec.CommandContext(t.Context(), bin, "check", "--json", "--timeout=60s", file))
		require.Equal(t, 1, status, stderr)
		var report struct {
			Sandboxes, Bindings int
			Findings            []struct{ Severity, Code, Hook, Message string }
		}
		require.NoError(t, json.Unmarshal([]byte(stdout), &report))
		assert.Equal(t, 2, report.Sandboxes)
		assert.Equal(t, 12, report.Bindings)
		said := map[string]string{}
		for _, f := range report.Findings {
			if f.Severity != "warning" {
				assert.Equal(t, "error command", f.Severity+" "+f.Code, f.Message)
				said[f.Hook] = f.Message
			}
		}
		for _, sb := range []string{"shell", "bare"} {
			for hook, want := range map[string]string{
				"noexec": "may not execute it", "lacks": `interpreter "/no/such/python"`, "text": "neither a program nor a script", "absent": "neither in the image nor in its mounts",
			} {
				assert.Contains(t, said[sb+" "+hook], want)
			}
		}
		assert.Len(t, said, 8, "the rest can be started: %s", stdout)
	})
}
