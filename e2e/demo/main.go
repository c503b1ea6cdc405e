// Command demo shows what the launcher is for: two PromptKit hooks from a
// RuntimeConfig, one that denies and one that redacts, each call in a container of its
// own, on every engine of this machine. From one engine to the next only the
// configuration's runtime changes.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/hooks"
	"github.com/AltairaLabs/PromptKit/runtime/hooks/execconfig"
	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/AltairaLabs/PromptKit/runtime/types"
	"gopkg.in/yaml.v3"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
	"github.com/AltairaLabs/dockerrun/factory"
)

//go:embed runtimeconfig.yaml
var config string

const (
	harmless = "What is the weather like in Paris?"
	address  = "Write to jane.doe@example.com that I am late."
	repeats  = 5
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := demo(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1)
	}
}

func demo(ctx context.Context) error {
	if err := factory.Register(); err != nil {
		return err
	}
	files, err := image.ReadFiles(ctx, "")
	if err != nil {
		return err
	}
	fmt.Printf("%s\nQuestion 1: %s\nQuestion 2: %s\nAnswer:     %s\n\n", config, harmless, address, address)

	var (
		table  strings.Builder
		w      = tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
		failed []error
		worked int
	)
	fmt.Fprintf(w, "RUNTIME\tQUESTION 1\tQUESTION 2\tANSWER, REDACTED\tFIRST CALL\tMEDIAN OF %d\tTHE SAME, WARM\n", repeats)
	for _, v := range engines.Find(ctx) {
		if v.Err != nil {
			fmt.Fprintf(w, "%s\tnot here\n", v.Name)
			continue
		}
		fmt.Fprintf(os.Stderr, "%s ...\n", v.Name)
		r, err := show(ctx, v, files)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", v.Name, err))
			continue
		}
		worked++
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			v.Name, r.first, r.second, r.answer, ms(r.times[0]), ms(median(r.times[1:])), ms(median(r.warm)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Printf("\n%s", table.String())
	if worked == 0 && len(failed) == 0 {
		return errors.New("there is no engine on this machine; e2e/engines.sh up sets some up")
	}
	return errors.Join(failed...)
}

// result is what the hooks said on one engine.
type result struct {
	first, second, answer string
	times, warm           []time.Duration
}

// show asks the hooks on one engine, as PromptKit does.
func show(ctx context.Context, v engines.Variant, files image.Files) (result, error) {
	if err := image.LoadAll(ctx, v.CLI, files); err != nil {
		return result{}, err
	}
	deny, redact, _, done, err := build(v, nil)
	if err != nil {
		return result{}, err
	}
	defer done()
	var r result
	ask := func(deny hooks.ProviderHook) (time.Duration, error) {
		start := time.Now()
		d := deny.BeforeCall(ctx, question(harmless))
		took := time.Since(start)
		if r.first = verdict(d); !d.Allow {
			return took, fmt.Errorf("question 1 was not allowed: %s", d.Reason)
		}
		return took, nil
	}
	for range 1 + repeats {
		took, err := ask(deny)
		if err != nil {
			return r, err
		}
		r.times = append(r.times, took)
	}
	if r.warm, err = showWarm(ctx, v, ask); err != nil {
		return r, err
	}
	d := deny.BeforeCall(ctx, question(address))
	if r.second = verdict(d); d.Allow || len(d.Metadata) == 0 {
		return r, fmt.Errorf("question 2 got no verdict of the hook: %s", r.second)
	}
	d = redact.AfterCall(ctx, question(harmless), &hooks.ProviderResponse{Message: types.Message{Role: "assistant", Content: address}})
	text, ok := d.Metadata["replacement"].(string)
	if r.answer = text; !ok || !d.Enforced {
		return r, fmt.Errorf("the answer was not redacted: %s", verdict(d))
	}
	return r, nil
}

func question(text string) *hooks.ProviderRequest {
	return &hooks.ProviderRequest{Model: "any", Messages: []types.Message{{Role: "user", Content: text}}}
}

// showWarm asks question 1 of hooks whose containers are started ahead: only the key
// warm is new.
func showWarm(ctx context.Context, v engines.Variant, ask func(hooks.ProviderHook) (time.Duration, error)) ([]time.Duration, error) {
	deny, _, box, done, err := build(v, map[string]any{"warm": repeats})
	if err != nil {
		return nil, err
	}
	defer done()
	if err := box.Prepare(ctx); err != nil {
		return nil, err
	}
	var times []time.Duration
	for range repeats {
		took, err := ask(deny)
		if err != nil {
			return nil, err
		}
		times = append(times, took)
	}
	return times, nil
}

// build makes the hooks of the configuration, with the runtime of v and more keys, and
// their sandbox.
func build(v engines.Variant, more map[string]any) (deny, redact hooks.ProviderHook, box *factory.Sandbox, done func(), err error) {
	var parsed struct {
		Spec struct {
			Sandboxes map[string]*execconfig.SandboxConfig `yaml:"sandboxes"`
			Hooks     map[string]*execconfig.ExecHook      `yaml:"hooks"`
		} `yaml:"spec"`
	}
	if err := yaml.Unmarshal([]byte(config), &parsed); err != nil {
		return nil, nil, nil, nil, err
	}
	for _, keys := range []map[string]any{v.Config(), more} {
		maps.Copy(parsed.Spec.Sandboxes["box"].Config, keys)
	}
	sandboxes, err := hooks.ResolveSandboxes(parsed.Spec.Sandboxes)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	box, _ = sandboxes["box"].(*factory.Sandbox)
	provider, _, _, err := hooks.BuildExecHooks(parsed.Spec.Hooks, sandboxes)
	for _, h := range provider {
		switch h.Name() {
		case "deny-addresses":
			deny = h
		case "redact-addresses":
			redact = h
		}
	}
	done = func() {
		for _, sb := range sandboxes {
			if c, ok := sb.(sandbox.Closer); ok {
				_ = c.Close() // waits for what is still being removed
			}
		}
	}
	return deny, redact, box, done, err
}

func verdict(d hooks.Decision) string {
	if d.Allow {
		return "allowed"
	}
	return "denied: " + d.Reason
}

func ms(d time.Duration) string {
	return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}
