package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/AltairaLabs/dockerrun/internal/runtimeconfig"
)

// phases are those of each kind of hook; an eval hook has none.
var phases = map[string][]string{
	"provider": {"before_call", "after_call"},
	"tool":     {"before_execution", "after_execution"},
	"session":  {"session_start", "session_update", "session_end"},
	"eval":     nil,
}

var hookKinds = []string{"provider", "tool", "session", "eval"}

// bindingKeys are what an entry of each section takes.
var bindingKeys = map[string][]string{
	runtimeconfig.Hooks:     {"hook", "command", "args", "env", "phases", "mode", "timeout_ms", "sandbox", "runtime"},
	runtimeconfig.Selectors: {"command", "args", "env", "timeout_ms", "sandbox"},
}

// binding looks at what the file says of an entry that runs a command.
func (c *checker) binding(b *runtimeconfig.Binding) {
	call, ok := c.file.Call(b)
	if ok {
		if c.Bindings++; c.file.Sandbox(call.Sandbox) == nil {
			c.sayAt(call.SandboxAt, b, Error, "sandbox", fmt.Sprintf("%q is not declared in spec.sandboxes%s", call.Sandbox, suggest(call.Sandbox, c.file.Names())))
		}
	}
	if b.Section != runtimeconfig.Hooks && b.Section != runtimeconfig.Selectors {
		if b.Sandbox != "" && !ok {
			c.say(b, Warning, "sandbox", "ignored", fmt.Sprintf("PromptKit ignores sandbox in spec.%s: this runs on the host; "+
				"to have it in the sandbox, let its command be dockerrun, with the args exec --config FILE --sandbox %s -- COMMAND", b.Section, b.Sandbox))
		}
		return
	}
	if b.Command == "" {
		c.say(b, Error, "command", "hook", "it has no command")
	}
	if !ok {
		c.say(b, Warning, "", "unsandboxed", "it names no sandbox, so it runs on the host")
	}
	if b.TimeoutMs < 0 {
		c.say(b, Warning, "timeout_ms", "timeout", "it is negative, which PromptKit takes for its default")
	}
	for _, key := range b.Keys() {
		if known := bindingKeys[b.Section]; !slices.Contains(known, key) {
			c.say(b, Warning, key, "ignored", fmt.Sprintf("PromptKit ignores the key %s%s", key, suggest(key, known)))
		}
	}
	if b.Section == runtimeconfig.Hooks {
		c.hook(b)
	}
}

// hook looks at what only hooks have.
func (c *checker) hook(b *runtimeconfig.Binding) {
	known, ok := phases[b.Hook]
	switch {
	case !ok:
		c.say(b, Error, "hook", "hook", fmt.Sprintf("hook: got %q; it takes %s%s", b.Hook, strings.Join(hookKinds, ", "), suggest(b.Hook, hookKinds)))
		return
	case b.Hook == "eval":
		for _, key := range []string{"phases", "mode"} {
			if b.Has(key) {
				c.say(b, Warning, key, "ignored", "an eval hook has no "+key+": it runs once for each eval result")
			}
		}
		return
	case len(b.Phases) == 0:
		c.say(b, Error, "phases", "never", fmt.Sprintf("it never runs, for want of phases: a %s hook takes %s", b.Hook, strings.Join(known, ", ")))
	}
	for i, phase := range b.Phases {
		if !slices.Contains(known, phase) {
			c.say(b, Error, "phases["+strconv.Itoa(i)+"]", "never",
				fmt.Sprintf("a %s hook never runs at %q: it takes %s%s", b.Hook, phase, strings.Join(known, ", "), suggest(phase, known)))
		}
	}
	if b.Mode != "" && b.Mode != "filter" && b.Mode != "observe" {
		c.say(b, Warning, "mode", "mode", fmt.Sprintf("PromptKit takes %q for filter; the modes are filter and observe", b.Mode))
	}
}

// say records what was found at a key of an entry.
func (c *checker) say(b *runtimeconfig.Binding, severity Severity, key, code, message string) {
	c.sayAt(b.At(key), b, severity, code, message)
}

func (c *checker) sayAt(at runtimeconfig.Position, b *runtimeconfig.Binding, severity Severity, code, message string) {
	kind := strings.TrimSuffix(b.Section, "s")
	call, _ := c.file.Call(b)
	c.add(at, Finding{Severity: severity, Code: code, Sandbox: call.Sandbox, Hook: b.Name, Message: fmt.Sprintf("%s %q: %s", kind, b.Name, message)})
}

// suggest is what a word was probably meant to be, for the end of a message.
func suggest(word string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		n := levenshtein.ComputeDistance(word, k)
		if len(word) > 2 && strings.HasPrefix(k, word) {
			n = 1
		}
		if n < distance && n < len(word) {
			best, distance = k, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}
