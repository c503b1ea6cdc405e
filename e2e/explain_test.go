package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
	"github.com/AltairaLabs/dockerrun/factory"
)

// writeRuntimeConfig writes a file as a user of PromptKit does.
func writeRuntimeConfig(t *testing.T, dir string, spec map[string]any) string {
	t.Helper()
	text, err := yaml.Marshal(map[string]any{"apiVersion": "promptkit.altairalabs.ai/v1alpha1", "kind": "RuntimeConfig", "spec": spec})
	require.NoError(t, err)
	name := filepath.Join(dir, "agent.runtime.yaml")
	require.NoError(t, os.WriteFile(name, text, 0o644))
	return name
}

// viaExplain makes the container of a case by the line that explain gives for it, in a
// shell.
func viaExplain(t *testing.T, bin string, v engines.Variant) way {
	return func(ctx context.Context, c inspectCase, mark string) error {
		cfg := config(v, map[string]any{"image": c.image, "mode": factory.ModeName})
		maps.Copy(cfg, c.config)
		cfg["extra_args"] = []string{"--label=" + markLabel + "=" + mark}
		file := writeRuntimeConfig(t, t.TempDir(), map[string]any{
			"sandboxes": map[string]any{"inspect": cfg},
			"hooks":     map[string]any{"it": map[string]any{"hook": "eval", "sandbox": "inspect", "command": c.req.Command, "args": c.req.Args, "env": c.req.Env}},
		})
		out, err := exec.CommandContext(ctx, bin, "explain", "--json", "--show-env", file).Output()
		if err != nil {
			return err
		}
		var all []struct{ Docker, Podman struct{ Line string } }
		if err := json.Unmarshal(out, &all); err != nil || len(all) != 1 {
			return fmt.Errorf("%s: %w", out, err)
		}
		line := all[0].Docker.Line
		if v.IsPodman() {
			line = all[0].Podman.Line
		}
		sh := exec.CommandContext(ctx, "sh", "-c", "exec "+line)
		sh.Cancel = func() error { // a command line that is killed would leave its container
			found, err := v.Output(context.WithoutCancel(ctx), "ps", "--all", "--quiet", "--filter", "label="+markLabel+"="+mark)
			if ids := strings.Fields(found); err == nil && len(ids) > 0 {
				_, _ = v.Output(context.WithoutCancel(ctx), append([]string{"rm", "-f", "-v"}, ids...)...)
			}
			return nil
		}
		sh.WaitDelay = 20 * time.Second
		if out, err := sh.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", line, err, out)
		}
		return nil
	}
}

// A line of explain makes the container that a sandbox makes, by the engine's record.
func TestExplain(t *testing.T) {
	bin := buildDockerrun(t)
	t.Setenv("E2E_FROM_HOST", "the host's 'own'")
	for _, engine := range []string{engines.Docker, engines.Podman, engines.PodmanRootless} {
		t.Run(engine, func(t *testing.T) {
			variants := variantsOf(t, engine)
			v := variants[max(0, slices.IndexFunc(variants, func(v engines.Variant) bool { return v.Key != factory.RuntimeDockerCLI }))]
			p := newPlace(t, v)
			dir := p.Replace("{dir}")
			require.NoError(t, os.Mkdir(filepath.Join(dir, "my $hooks"), 0o755))
			c := inspectCase{
				image: image.Ref,
				config: map[string]any{
					"mounts": []any{dir + "/my $hooks:/hooks dir:ro"}, "tmpfs": []any{"/tmp:size=1m,mode=1777"}, "read_only": true,
					"cap_drop": []any{"ALL"}, "cap_add": []any{"CHOWN"}, "security_opt": []any{"no-new-privileges"}, "user": "1000:1000",
					"env": map[string]any{"WORDS": `two "words" & more`, "E2E_FROM_HOST": nil}, "hostname": "box", "workdir": "/tmp",
					"labels": map[string]any{"note": "it's `here`"}, "entrypoint": image.Probe,
				},
				req: sandbox.Request{Command: "block", Args: []string{"*", "$(id)"}, Env: []string{"WORDS=of the hook", "MORE=a\nb"}, Timeout: time.Minute},
			}
			if !v.Rootless() {
				maps.Copy(c.config, map[string]any{"memory": "64m", "pids_limit": 50, "cpus": 0.5})
			}
			if !v.IsPodman() { // Podman's command line sets others beside it, which may take more rights than it has
				c.config["ulimits"] = []any{"nofile=100:200"}
			}
			strict := inspectCase{
				image: image.Ref, req: sandbox.Request{Command: image.Probe, Args: []string{"block"}, Timeout: time.Minute},
				config: map[string]any{"isolation": "strict", "mounts": []any{dir + "/sub:/hooks"}},
			}
			if v.Rootless() {
				strict.config["allow"] = []any{"no-limits"} // where cgroup v1 holds none
			}
			for name, c := range map[string]inspectCase{"much": c, "strict": strict} {
				t.Run(name, func(t *testing.T) {
					want := p.record(t, v, viaExplain(t, bin, v), c)
					require.NoError(t, want.err)
					assert.NoError(t, p.compare(t, v, c, want))
				})
			}
		})
	}
}
