package runtimeconfig

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Call is what an entry has run in a sandbox of the file.
type Call struct {
	Sandbox   string
	SandboxAt Position
	Command   string
	CommandAt Position
	Args, Env []string // Env as PromptKit takes it: NAME or NAME=value
}

// Call tells what the entry has run in a sandbox: the command itself of a hook or a
// selector that names one, and what `dockerrun exec` is given when that is the command.
func (f *File) Call(b *Binding) (Call, bool) {
	if b.Section == Hooks || b.Section == Selectors {
		return Call{
			Sandbox: b.Sandbox, SandboxAt: b.At("sandbox"),
			Command: b.Command, CommandAt: b.At("command"), Args: b.Args, Env: b.Env,
		}, b.Sandbox != ""
	}
	name := strings.TrimSuffix(filepath.Base(b.Command), ".exe")
	if name != "dockerrun" || len(b.Args) == 0 || b.Args[0] != "exec" {
		return Call{}, false
	}
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.SetInterspersed(false)
	fs.ParseErrorsAllowlist.UnknownFlags = true
	config, sandbox := fs.String("config", "", ""), fs.String("sandbox", "", "")
	env := fs.StringArray("env", nil, "")
	_ = fs.String("timeout", "", "")
	// The file is known by its name alone: where it is when the tool runs is another matter.
	if err := fs.Parse(b.Args[1:]); err != nil || *sandbox == "" || fs.NArg() == 0 || filepath.Base(*config) != filepath.Base(f.Name) {
		return Call{}, false
	}
	at := slices.IndexFunc(b.Args, func(arg string) bool { return strings.HasPrefix(arg, "--sandbox") })
	if b.Args[at] == "--sandbox" {
		at++
	}
	return Call{
		Sandbox: *sandbox, SandboxAt: b.At(fmt.Sprintf("args[%d]", at)),
		Command: fs.Arg(0), CommandAt: b.At(fmt.Sprintf("args[%d]", len(b.Args)-fs.NArg())), Args: fs.Args()[1:], Env: *env,
	}, true
}
