package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/evals"
	"github.com/AltairaLabs/PromptKit/runtime/evals/handlers"
	"github.com/AltairaLabs/PromptKit/runtime/tools"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// shim is how PromptKit is told to start a command through dockerrun exec.
type shim struct {
	v     engines.Variant
	bin   string
	file  string
	label string // of all its containers
}

func newShim(t *testing.T, v engines.Variant, bin string) *shim {
	t.Helper()
	s := &shim{v: v, bin: bin, file: filepath.Join(t.TempDir(), "runtime.yaml"), label: runtime.NewName()}
	data, err := yaml.Marshal(map[string]any{
		"apiVersion": "promptkit.altairalabs.ai/v1alpha1", "kind": "RuntimeConfig",
		"spec": map[string]any{"sandboxes": map[string]any{"box": config(v, map[string]any{
			"mode": "docker_run", "timeout": "60s", "labels": map[string]string{"e2e-exec": s.label},
		})}},
	})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.file, data, 0o600))
	return s
}

func (s *shim) args(command ...string) []string {
	return append([]string{"exec", "--config", s.file, "--sandbox", "box", "--env", "E2E_KEY", "--"}, command...)
}

// containers are those of the shim that are there.
func (s *shim) containers(ctx context.Context) ([]string, error) {
	out, err := s.v.Output(ctx, "ps", "--all", "--filter", "label=e2e-exec="+s.label, "--format", "{{.Names}}")
	return strings.Fields(out), err
}

// await waits until there is a container, or none.
func (s *shim) await(ctx context.Context, want bool, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		there, err := s.containers(ctx)
		if err == nil && len(there) > 0 == want {
			return nil
		}
		if ctx.Err() != nil {
			return errors.Join(errors.New("containers: "+strings.Join(there, " ")), ctx.Err(), err)
		}
		time.Sleep(50 * time.Millisecond) // between two looks at the engine
	}
}

func (s *shim) tool(command ...string) *tools.ToolDescriptor {
	return &tools.ToolDescriptor{Name: "search", Mode: "exec", ExecConfig: &tools.ExecConfig{
		Command: s.bin, Args: s.args(command...), Env: []string{"E2E_KEY"},
	}}
}

// answer says where it runs, what it was asked, and what it knows of the environment.
const answer = `read -r request; printf '{"result":{"request":%s,"key":"%s","secret":"%s","probe":"%s"}}' ` +
	`"$request" "$E2E_KEY" "$E2E_SECRET" "$(ls /probe)"`

// PromptKit's own exec tool runs in the sandbox, and leaves nothing when it is killed.
func TestPromptKitExecTool(t *testing.T) {
	t.Setenv("E2E_KEY", "of the tool")
	t.Setenv("E2E_SECRET", "of the host")
	bin := buildDockerrun(t)
	each(t, func(t *testing.T, v engines.Variant) {
		s := newShim(t, v, bin)
		executor := &tools.ExecExecutor{}

		out, err := executor.Execute(t.Context(), s.tool("/bin/sh", "-c", answer), json.RawMessage(`{"q":"x"}`))
		require.NoError(t, err)
		assert.JSONEq(t, `{"request":{"args":{"q":"x"}},"key":"of the tool","secret":"","probe":"/probe"}`, string(out))

		_, err = executor.Execute(t.Context(), s.tool("/bin/sh", "-c", "echo no luck >&2; exit 3"), json.RawMessage(`{}`))
		require.ErrorContains(t, err, "exit status 3 (stderr: no luck)")

		// PromptKit ends a tool by SIGKILL, when its container is up.
		ctx, cancel := context.WithCancel(t.Context())
		var began time.Time
		up := make(chan error, 1)
		go func() {
			err := s.await(ctx, true, 30*time.Second)
			began = time.Now()
			up <- err
			cancel()
		}()
		_, err = executor.Execute(ctx, s.tool(image.Probe, "block"), json.RawMessage(`{}`))
		require.ErrorContains(t, err, "signal: killed")
		require.NoError(t, <-up)
		assert.Less(t, time.Since(began), 10*time.Second, "the caller does not wait for the removal")
		require.NoError(t, s.await(t.Context(), false, 30*time.Second), "the container goes although its launcher was killed")
		t.Logf("the container was gone %s after the kill", time.Since(began).Round(10*time.Millisecond))
	})
}

func TestPromptKitExecEval(t *testing.T) {
	t.Setenv("E2E_KEY", "of the eval")
	bin := buildDockerrun(t)
	each(t, func(t *testing.T, v engines.Variant) {
		s := newShim(t, v, bin)
		eval := func(timeout time.Duration, command ...string) *evals.EvalResult {
			h := handlers.NewExecEvalHandler(&handlers.ExecEvalConfig{
				TypeName: "polite", Command: s.bin, Args: s.args(command...), Env: []string{"E2E_KEY"}, TimeoutMs: int(timeout.Milliseconds()),
			})
			result, err := h.Eval(t.Context(), &evals.EvalContext{CurrentOutput: "thank you"}, nil)
			require.NoError(t, err)
			return result
		}
		result := eval(time.Minute, "/bin/sh", "-c", `read -r r; case "$r" in *"thank you"*) printf '{"score":0.5,"detail":"%s"}' "$E2E_KEY";; esac`)
		require.NotNil(t, result.Score)
		assert.Equal(t, 0.5, *result.Score)
		assert.Equal(t, "of the eval", result.Explanation)

		result = eval(2*time.Second, image.Probe, "block")
		assert.Contains(t, result.Explanation, "signal: killed")
		require.NoError(t, s.await(t.Context(), false, 30*time.Second))
	})
}
