package e2e

import (
	"bytes"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/evals"
	"github.com/AltairaLabs/PromptKit/runtime/hooks"
	"github.com/AltairaLabs/PromptKit/runtime/hooks/execconfig"
	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/AltairaLabs/PromptKit/runtime/selection"
	"github.com/AltairaLabs/PromptKit/runtime/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	_ "embed"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
	"github.com/AltairaLabs/dockerrun/factory"
)

//go:embed testdata/runtimeconfig.yaml
var runtimeConfig string

// kit is what PromptKit makes of testdata/runtimeconfig.yaml.
type kit struct {
	box      sandbox.Sandbox
	provider map[string]hooks.ProviderHook
	tool     map[string]hooks.ToolHook
	session  map[string]hooks.SessionHook
	out      string // what hooks see as /out
}

// newKit goes the way of a RuntimeConfig through PromptKit's own code. Only what v says
// of the runtime differs between the engines.
func newKit(t *testing.T, v engines.Variant) kit {
	t.Helper()
	require.NoError(t, factory.Register())
	require.NoError(t, factory.Register(), "a second time is harmless")

	k := kit{
		out:      sharedDir(t),
		provider: map[string]hooks.ProviderHook{},
		tool:     map[string]hooks.ToolHook{},
		session:  map[string]hooks.SessionHook{},
	}
	var text bytes.Buffer
	require.NoError(t, template.Must(template.New("").Parse(runtimeConfig)).Execute(&text, map[string]any{
		"Runtime": v.Config(), "Image": image.Ref, "Out": k.out,
	}))
	var config struct {
		Spec struct {
			Sandboxes map[string]*execconfig.SandboxConfig `yaml:"sandboxes"`
			Hooks     map[string]*execconfig.ExecHook      `yaml:"hooks"`
		} `yaml:"spec"`
	}
	require.NoError(t, yaml.Unmarshal(text.Bytes(), &config))

	sandboxes, err := hooks.ResolveSandboxes(config.Spec.Sandboxes)
	require.NoError(t, err)
	for _, sb := range sandboxes {
		closeSandbox(t, sb)
	}
	k.box = sandboxes["box"]
	provider, tool, session, err := hooks.BuildExecHooks(config.Spec.Hooks, sandboxes)
	require.NoError(t, err)
	for _, h := range provider {
		k.provider[h.Name()] = h
	}
	for _, h := range tool {
		k.tool[h.Name()] = h
	}
	for _, h := range session {
		k.session[h.Name()] = h
	}
	return k
}

// said is a provider call about a text.
func said(text string) *hooks.ProviderRequest {
	return &hooks.ProviderRequest{ProviderID: "openai", Model: "m", Messages: []types.Message{{Role: "user", Content: text}}}
}

func answered(text string) *hooks.ProviderResponse {
	return &hooks.ProviderResponse{ProviderID: "openai", Model: "m", Message: types.Message{Role: "assistant", Content: text}}
}

const (
	clean = "what is the weather like?"
	dirty = "write to jane.doe@example.com, please"
)

func TestPromptKitProviderHooks(t *testing.T) {
	t.Setenv("E2E_FROM_HOST", "from the host")
	each(t, func(t *testing.T, v engines.Variant) {
		k := newKit(t, v)
		ctx := t.Context()

		t.Run("filter allows", func(t *testing.T) {
			assert.Equal(t, hooks.Allow, k.provider["deny"].BeforeCall(ctx, said(clean)))
		})
		t.Run("filter denies", func(t *testing.T) {
			d := k.provider["deny"].BeforeCall(ctx, said(dirty))
			assert.Equal(t, hooks.Decision{
				Reason:   "provider before_call holds 1 e-mail address(es)",
				Metadata: map[string]any{"emails": 1.0, "phase": "before_call"},
			}, d)
		})
		t.Run("a phase that is not listed is not asked", func(t *testing.T) {
			assert.Equal(t, hooks.Allow, k.provider["deny"].AfterCall(ctx, said(dirty), answered(dirty)))
		})
		t.Run("filter redacts", func(t *testing.T) {
			d := k.provider["redact"].AfterCall(ctx, said(clean), answered(dirty))
			assert.True(t, d.Enforced)
			assert.False(t, d.Allow)
			assert.Equal(t, "write to [e-mail], please", d.Metadata["replacement"])
		})
		t.Run("a hook that fails denies, with its own words only", func(t *testing.T) {
			d := k.provider["fail"].BeforeCall(ctx, said(dirty))
			assert.Equal(t, hooks.Deny(`exec hook "fail" failed: exit status 3 (stderr: provider hook refused: 1 e-mail address(es) in before_call)`), d)
		})
		t.Run("a hook that writes no JSON denies", func(t *testing.T) {
			d := k.provider["garbage"].BeforeCall(ctx, said(clean))
			assert.False(t, d.Allow)
			assert.Contains(t, d.Reason, "invalid response JSON")
		})
		t.Run("a command that is not in the image denies", func(t *testing.T) {
			d := k.provider["absent"].BeforeCall(ctx, said(clean))
			assert.False(t, d.Allow)
			assert.Contains(t, d.Reason, "command not found in the image")
			assert.NotContains(t, d.Reason, "stderr", "the engine's words are in the error")
		})
		t.Run("a hook that is too slow denies at its deadline", func(t *testing.T) {
			start := time.Now()
			d := k.provider["slow"].BeforeCall(ctx, said(clean))
			took := time.Since(start)
			assert.False(t, d.Allow)
			assert.Contains(t, d.Reason, "timeout")
			assert.GreaterOrEqual(t, took, 2*time.Second)
			assert.Less(t, took, 2*time.Second+slack())
		})
		t.Run("observe allows, and has seen it", func(t *testing.T) {
			assert.Equal(t, hooks.Allow, k.provider["observe-provider"].BeforeCall(ctx, said(dirty)))
			assert.Equal(t, hooks.Allow, k.provider["observe-provider"].AfterCall(ctx, said(clean), answered(dirty)))
			seen := lines(t, k.out, "provider")
			require.Len(t, seen, 2)
			assert.Contains(t, seen[0], `"phase":"before_call"`)
			assert.Contains(t, seen[1], `"phase":"after_call"`)
			assert.Contains(t, seen[1], "jane.doe@example.com")
		})
		t.Run("env of the hook reaches the container, that of the host does not", func(t *testing.T) {
			resp := spawn(t, k.box, sandbox.Request{
				Command: image.Probe, Args: []string{"env"}, Timeout: 30 * time.Second,
				Env: []string{"E2E_FROM_HOST", "E2E_NOT_SET", "GIVEN=a=b\nc"},
			})
			require.NoError(t, resp.Err)
			var env []string
			require.NoError(t, yaml.Unmarshal(resp.Stdout, &env))
			assert.Contains(t, env, "E2E_FROM_HOST=from the host")
			assert.Contains(t, env, "GIVEN=a=b\nc")
			assert.Contains(t, env, "FROM_CONFIG=yes")
			for _, entry := range env {
				name, _, _ := strings.Cut(entry, "=")
				assert.Contains(t, []string{"PATH", "HOME", "HOSTNAME", "TERM", "container", "E2E_FROM_HOST", "GIVEN", "FROM_CONFIG"}, name)
			}
		})
	})
}

func TestPromptKitToolHooks(t *testing.T) {
	each(t, func(t *testing.T, v engines.Variant) {
		k := newKit(t, v)
		ctx := t.Context()
		call := func(text string) hooks.ToolRequest {
			return hooks.ToolRequest{Name: "mail", Args: []byte(`{"to":"` + text + `"}`), CallID: "1"}
		}
		assert.Equal(t, hooks.Allow, k.tool["tool"].BeforeExecution(ctx, call("nobody")))
		assert.Equal(t, "tool before_execution holds 1 e-mail address(es)", k.tool["tool"].BeforeExecution(ctx, call("a@b.org")).Reason)

		d := k.tool["tool"].AfterExecution(ctx, call("nobody"), hooks.ToolResponse{Name: "mail", CallID: "1", Content: dirty})
		assert.Equal(t, "tool after_execution holds 1 e-mail address(es)", d.Reason)

		assert.Equal(t, hooks.Allow, k.tool["observe-tool"].BeforeExecution(ctx, call("a@b.org")))
		seen := lines(t, k.out, "tool")
		require.Len(t, seen, 1)
		assert.Contains(t, seen[0], "a@b.org")
	})
}

func TestPromptKitSessionHooks(t *testing.T) {
	each(t, func(t *testing.T, v engines.Variant) {
		k := newKit(t, v)
		ctx := t.Context()
		event := func(text string) hooks.SessionEvent {
			return hooks.SessionEvent{SessionID: "s", Messages: []types.Message{{Role: "user", Content: text}}}
		}
		require.NoError(t, k.session["session"].OnSessionStart(ctx, event(clean)))
		require.NoError(t, k.session["session"].OnSessionEnd(ctx, event(clean)))

		err := k.session["session"].OnSessionUpdate(ctx, event(dirty))
		var exit interface{ ExitCode() int }
		require.ErrorAs(t, err, &exit)
		assert.Equal(t, 3, exit.ExitCode())

		require.NoError(t, k.session["observe-session"].OnSessionStart(ctx, event(dirty)))
		assert.Len(t, lines(t, k.out, "session"), 1)
	})
}

func TestPromptKitEvalHook(t *testing.T) {
	each(t, func(t *testing.T, v engines.Variant) {
		k := newKit(t, v)
		hook := evals.NewExecEvalHook(&evals.ExecEvalHookConfig{
			Name: "eval", Command: image.Probe, Args: []string{"eval", "/out/eval"}, Sandbox: k.box, TimeoutMs: 30_000,
		})
		hook.OnEvalResult(t.Context(), nil, nil, &evals.EvalResult{EvalID: "tone", Type: "llm_judge", Explanation: "polite"})
		seen := lines(t, k.out, "eval")
		require.Len(t, seen, 1)
		assert.Contains(t, seen[0], `"eval_id":"tone"`)
	})
}

func TestPromptKitSelector(t *testing.T) {
	each(t, func(t *testing.T, v engines.Variant) {
		k := newKit(t, v)
		client := selection.NewExecClient(selection.ExecClientConfig{
			Name: "words", Command: image.Probe, Args: []string{"select"}, Sandbox: k.box, TimeoutMs: 30_000,
		})
		got, err := client.Select(t.Context(), selection.Query{Text: "send mail", Kind: "tool", K: 2}, []selection.Candidate{
			{ID: "mail", Name: "mail", Description: "send a message"},
			{ID: "rain", Name: "weather", Description: "tomorrow"},
			{ID: "fax", Name: "fax", Description: "send paper"},
			{ID: "post", Name: "post", Description: "send a parcel"},
		})
		require.NoError(t, err)
		assert.Equal(t, []string{"mail", "fax"}, got)

		broken := selection.NewExecClient(selection.ExecClientConfig{
			Name: "broken", Command: image.Probe, Args: []string{"exit", "4"}, Sandbox: k.box, TimeoutMs: 30_000,
		})
		_, err = broken.Select(t.Context(), selection.Query{Text: "x"}, nil)
		var exit interface{ ExitCode() int }
		require.ErrorAs(t, err, &exit)
		assert.Equal(t, 4, exit.ExitCode())
	})
}
