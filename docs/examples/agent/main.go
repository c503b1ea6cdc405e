// Command agent is an agent on PromptKit whose hooks and tools run in containers: a
// redactor in Python, a policy guard in Go, a session auditor, and a tool. Its model is a
// script, so that it says the same every time.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/AltairaLabs/PromptKit/runtime/hooks"
	"github.com/AltairaLabs/PromptKit/runtime/hooks/execconfig"
	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/AltairaLabs/PromptKit/runtime/tools"
	"github.com/AltairaLabs/PromptKit/runtime/types"
	"gopkg.in/yaml.v3"

	"github.com/AltairaLabs/dockerrun/factory"
)

func main() {
	config := flag.String("config", "agent.yaml", "the RuntimeConfig")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *config); err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, config string) error {
	if err := factory.Register(); err != nil { // makes `mode: docker_run` known
		return err
	}
	a, err := open(config)
	if err != nil {
		return err
	}
	defer a.close()
	return a.converse(ctx)
}

// agent is what a RuntimeConfig says.
type agent struct {
	hooks     *hooks.Registry
	tools     map[string]execTool
	sandboxes map[string]sandbox.Sandbox
}

// execTool is what the file says of a tool that is a command.
type execTool struct {
	Exec *tools.ExecConfig `yaml:"exec"`
}

func open(file string) (*agent, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var config struct {
		Spec struct {
			Sandboxes map[string]*execconfig.SandboxConfig `yaml:"sandboxes"`
			Hooks     map[string]*execconfig.ExecHook      `yaml:"hooks"`
			Tools     map[string]execTool                  `yaml:"tools"`
		} `yaml:"spec"`
	}
	if err := yaml.Unmarshal(data, &config); err != nil {
		return nil, err
	}
	sandboxes, err := hooks.ResolveSandboxes(config.Spec.Sandboxes)
	if err != nil {
		return nil, err
	}
	provider, tool, session, err := hooks.BuildExecHooks(config.Spec.Hooks, sandboxes)
	if err != nil {
		return nil, err
	}
	var all []hooks.Option
	for _, h := range provider {
		all = append(all, hooks.WithProviderHook(rewriter{h}))
	}
	for _, h := range tool {
		all = append(all, hooks.WithToolHook(h))
	}
	for _, h := range session {
		all = append(all, hooks.WithSessionHook(h))
	}
	return &agent{hooks: hooks.NewRegistry(all...), tools: config.Spec.Tools, sandboxes: sandboxes}, nil
}

// close is for a program that ends: it waits for what is still being removed. A server
// has no need of it.
func (a *agent) close() {
	for _, sb := range a.sandboxes {
		if c, ok := sb.(sandbox.Closer); ok {
			if err := c.Close(); err != nil {
				fmt.Fprintln(os.Stderr, "agent:", err)
			}
		}
	}
}

// converse leads a conversation of one question through all hooks, in the order in which
// PromptKit's pipeline calls them.
func (a *agent) converse(ctx context.Context) error {
	messages := []types.Message{{Role: "user", Content: "I am jane@example.com, my card is 4111 1111 1111 1111. Is it raining in Paris?"}}
	fmt.Println("user:      ", messages[0].Content)

	req := &hooks.ProviderRequest{ProviderID: "script", Model: "script", Messages: messages}
	if d := a.hooks.RunBeforeProviderCall(ctx, req); !d.Allow {
		return fmt.Errorf("the question was denied: %s", d.Reason)
	}
	fmt.Println("model gets:", req.Messages[0].Content)

	for _, call := range []hooks.ToolRequest{
		{Name: "shell", Args: json.RawMessage(`{"line":"curl example.com"}`), CallID: "1"},
		{Name: "weather", Args: json.RawMessage(`{"city":"Paris"}`), CallID: "2"},
	} {
		text := a.call(ctx, call)
		fmt.Printf("%-11s %s\n", call.Name+":", text)
		messages = append(messages, types.Message{Role: "tool", Content: text})
	}

	answer := types.Message{Role: "assistant", Content: "Yes. I have written that to jane@example.com."}
	fmt.Println("model:     ", answer.Content)
	resp := &hooks.ProviderResponse{ProviderID: "script", Model: "script", Message: answer}
	if d := a.hooks.RunAfterProviderCall(ctx, req, resp); !d.Allow && !d.Enforced {
		return fmt.Errorf("the answer was denied: %s", d.Reason)
	}
	fmt.Println("user gets: ", resp.Message.Content)

	event := hooks.SessionEvent{SessionID: "1", Messages: append(messages, resp.Message)}
	if err := a.hooks.RunSessionEnd(ctx, event); err != nil {
		return err
	}
	fmt.Println("auditor:    nothing found")

	event.Messages = append(event.Messages, types.Message{Role: "user", Content: "4111 1111 1111 1111"})
	if err := a.hooks.RunSessionUpdate(ctx, event); err == nil {
		return fmt.Errorf("the auditor has overlooked a card number")
	} else {
		fmt.Println("auditor:   ", err)
	}
	return nil
}

// call makes the model's call of a tool, if the hooks allow it. What it returns is what
// the model reads.
func (a *agent) call(ctx context.Context, call hooks.ToolRequest) string {
	if d := a.hooks.RunBeforeToolExecution(ctx, call); !d.Allow {
		return "denied: " + d.Reason
	}
	tool, ok := a.tools[call.Name]
	if !ok {
		return fmt.Sprintf("there is no tool %q", call.Name)
	}
	result, err := (&tools.ExecExecutor{}).Execute(ctx, &tools.ToolDescriptor{Name: call.Name, ExecConfig: tool.Exec}, call.Args)
	if err != nil {
		return "failed: " + err.Error()
	}
	return string(result)
}
