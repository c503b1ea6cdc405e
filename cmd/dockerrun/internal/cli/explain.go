package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/spf13/cobra"

	"github.com/AltairaLabs/dockerrun/backends/dockercli"
	"github.com/AltairaLabs/dockerrun/backends/podman"
	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/cmdline"
	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/internal/runtimeconfig"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// explained is a call, as the command lines that make the same container.
type explained struct {
	Sandbox string   `json:"sandbox,omitempty"`
	Line    int      `json:"line,omitempty"` // of the sandbox in the file
	Column  int      `json:"column,omitempty"`
	Runtime string   `json:"runtime"`
	Hook    string   `json:"hook,omitempty"` // or another entry of the file that runs it
	Command []string `json:"command"`
	Docker  cmdLine  `json:"docker"`
	Podman  cmdLine  `json:"podman"`
	Notes   []string `json:"notes,omitempty"` // what the lines don't say
}

type cmdLine struct {
	Argv []string `json:"argv"`
	Line string   `json:"line"` // for a shell
}

// explainFlags is what the flags of explain say.
type explainFlags struct {
	run     runFlags
	sandbox string
	asJSON  bool
	showEnv bool
}

func newExplain(sys System, args []string) *cobra.Command {
	f := &explainFlags{run: runFlags{target: Target{Key: DefaultKey}}}
	cmd := &cobra.Command{
		Use:   "explain FILE [--sandbox NAME] | explain [docker-run flags] IMAGE [COMMAND [ARG...]]",
		Short: "Say what a sandbox becomes: the docker run and podman run lines of the same container",
		Long: `Print, for each command that runs in a sandbox of a RuntimeConfig, the docker run and the podman
run that make the same container; or the same for flags as run takes them. FILE ends in .yaml or
.yml, or begins with /, ./ or ../; anything else is an image. No engine is asked.

The output is a script for sh: what is not a command is a comment. Values of the environment are
left out, so that a line takes those of the shell that it runs in, unless --show-env has them shown.

Exit statuses: 0; 1 when the configuration is wrong (see check); 2 when the file can't be read or
the flags are wrong.`,
		Example: `  dockerrun explain agent.runtime.yaml
  dockerrun explain agent.runtime.yaml --sandbox pii --json
  dockerrun explain --memory=64m --network=none -v ./hooks:/hooks:ro alpine wc -c`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var all []explained
			var err error
			if isConfigFile(args[0]) {
				// Flags may stand behind the file, but not behind an image.
				if err = cmd.Flags().Parse(args[1:]); err != nil {
					return err
				}
				if rest := cmd.Flags().Args(); len(rest) > 0 {
					return fmt.Errorf("%s: a file is explained alone", strings.Join(rest, " "))
				}
				all, err = f.file(args[0])
			} else {
				all, err = f.flags(args)
			}
			if err != nil {
				return err
			}
			return writeExplained(sys.Stdout, all, f.asJSON)
		},
		ValidArgsFunction: yamlFiles,
	}
	fs := cmd.Flags()
	fs.SetInterspersed(false)
	fs.SortFlags = false
	fs.StringVar(&f.sandbox, "sandbox", "", "of a file, this sandbox only")
	fs.BoolVar(&f.asJSON, "json", false, "write JSON")
	fs.BoolVar(&f.showEnv, "show-env", false, "show values of the environment that the file or the flags set")
	fs.Bool("help", false, "help for explain")
	addTarget(cmd, &f.run.target, sys, "what would run the container")
	f.run.addSpec(fs, args)
	return cmd
}

// isConfigFile tells a file from an image by its name alone, so that the same line means
// the same everywhere.
func isConfigFile(arg string) bool {
	switch filepath.Ext(arg) {
	case ".yaml", ".yml":
		return true
	}
	return filepath.IsAbs(arg) || strings.HasPrefix(arg, "./") || strings.HasPrefix(arg, "../")
}

// flags explains a command line of run.
func (f *explainFlags) flags(args []string) ([]explained, error) {
	if f.sandbox != "" {
		return nil, errors.New("--sandbox: it takes a file, and " + args[0] + " is an image")
	}
	spec := f.run.spec
	spec.Image, spec.Args = args[0], args[1:]
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if err := spec.AbsMounts(""); err != nil {
		return nil, err
	}
	e := explained{Runtime: f.run.target.Key, Command: spec.Args}
	e.lines(spec, f.run.target, func(string) bool { return f.showEnv })
	return []explained{e}, nil
}

// file explains the sandboxes of a file.
func (f *explainFlags) file(name string) ([]explained, error) {
	file, err := runtimeconfig.Read(name)
	if err != nil {
		return nil, err
	}
	if err := file.Err(); err != nil {
		return nil, wrongConfig(err)
	}
	if f.sandbox != "" && file.Sandbox(f.sandbox) == nil {
		return nil, wrongConfig(fmt.Errorf("%s has no sandbox %q; it has %s", name, f.sandbox, strings.Join(file.Names(), ", ")))
	}
	var all []explained
	for i := range file.Sandboxes {
		entry := &file.Sandboxes[i]
		if entry.Mode != factory.ModeName || f.sandbox != "" && entry.Name != f.sandbox {
			continue
		}
		calls, err := f.calls(file, entry)
		if err != nil {
			return nil, wrongConfig(err)
		}
		all = append(all, calls...)
	}
	if len(all) == 0 {
		return nil, wrongConfig(fmt.Errorf("%s: there is no sandbox of mode %s to explain", name, factory.ModeName))
	}
	return all, nil
}

// calls are those of what runs in a sandbox, or one that stands for any.
func (f *explainFlags) calls(file *runtimeconfig.File, entry *runtimeconfig.Sandbox) ([]explained, error) {
	config, err := factory.ParseConfig(entry.Name, entry.Config)
	if err != nil {
		return nil, err
	}
	made, err := factory.Factory(entry.Name, entry.Config)
	if err != nil {
		return nil, err
	}
	sb := made.(*factory.Sandbox)
	defer func() { _ = sb.Close() }() // it has made no call
	type user struct {
		hook string
		req  sandbox.Request
	}
	var users []user
	for i := range file.Bindings {
		if b := &file.Bindings[i]; b.Sandbox == entry.Name && b.Command != "" && (b.Section == runtimeconfig.Hooks || b.Section == runtimeconfig.Selectors) {
			users = append(users, user{b.Name, sandbox.Request{Command: b.Command, Args: b.Args, Env: b.Env}})
		}
	}
	if len(users) == 0 {
		users = []user{{req: sandbox.Request{Command: "COMMAND"}}}
	}
	var all []explained
	at := entry.At("")
	for _, u := range users {
		spec, err := sb.Spec(u.req)
		if err != nil {
			return nil, err
		}
		e := explained{
			Sandbox: entry.Name, Line: at.Line, Column: at.Column, Hook: u.hook, Command: spec.Args,
			Runtime: strings.Join(config.Runtimes(), " or "),
		}
		if w := config.Warm.Size; w > 0 {
			e.Notes = append(e.Notes, fmt.Sprintf("warm: up to %d such containers are started ahead, whose /bin/sh waits for the call and then runs the command, and which have no log", w))
		}
		fromHost := slices.Concat(config.Env, u.req.Env)
		e.lines(spec, Target{Key: config.Runtimes()[0], Host: config.Host, DockerPath: config.DockerPath}, func(name string) bool {
			return f.showEnv && !slices.Contains(fromHost, name) // what the host sets is not the file's to show
		})
		all = append(all, e)
	}
	return all, nil
}

// lines fills both command lines in. The one for the engine that is meant gets its
// address.
func (e *explained) lines(spec runtime.Spec, t Target, show func(name string) bool) {
	docker := cmdline.Options{Program: "docker", Value: show}
	pod := cmdline.Options{Program: "podman", Podman: true, Value: show}
	isPodman := t.Key == podman.Key || t.Key == dockercli.Key && strings.HasPrefix(filepath.Base(t.DockerPath), "podman")
	own := &docker
	if isPodman {
		own = &pod
	}
	own.Host = t.Host
	if t.DockerPath != "" {
		own.Program = t.DockerPath
	}
	e.Docker, e.Podman = newCmdLine(cmdline.Run(spec, docker)), newCmdLine(cmdline.Run(spec, pod))
}

func newCmdLine(argv []string) cmdLine { return cmdLine{Argv: argv, Line: cmdline.Quote(argv)} }

// wrongConfig is an error that is the configuration's.
func wrongConfig(err error) error { return &configError{err} }

type configError struct{ error }

func (e *configError) Unwrap() error { return e.error }

func writeExplained(w io.Writer, all []explained, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(all)
	}
	var b strings.Builder
	for i, e := range all {
		if i > 0 {
			b.WriteString("\n")
		}
		if e.Sandbox != "" {
			title := fmt.Sprintf("sandbox %q (line %d), on %s", e.Sandbox, e.Line, e.Runtime)
			if e.Hook != "" {
				title += fmt.Sprintf(": hook %q", e.Hook)
			}
			comment(&b, title)
		}
		for _, note := range e.Notes {
			comment(&b, note)
		}
		b.WriteString(cmdline.Wrap(e.Docker.Argv) + "\n" + cmdline.Wrap(e.Podman.Argv) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// comment writes text so that no shell runs it.
func comment(b *strings.Builder, text string) {
	b.WriteString("# " + strings.ReplaceAll(text, "\n", "\n# ") + "\n")
}
