package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/internal/runtimeconfig"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// explainFlags is what the flags of explain say.
type explainFlags struct {
	run      runFlags
	sandbox  string
	asJSON   bool
	showEnv  bool
	noEngine bool
}

func newExplain(sys System, args []string) *cobra.Command {
	f := &explainFlags{run: runFlags{target: Target{Key: DefaultKey}}}
	cmd := &cobra.Command{
		Use:   "explain FILE [--sandbox NAME] | explain [docker-run flags] IMAGE [COMMAND [ARG...]]",
		Short: "Say what a sandbox becomes: the docker run and podman run lines of the same container",
		Long: `Print, for each command that runs in a sandbox of a RuntimeConfig, the docker run and the podman
run that make the same container; or the same for flags as run takes them. FILE ends in .yaml or
.yml, or begins with /, ./ or ../; anything else is an image.

Under isolation strict, comments say what that sets and why. What it sets depends on the image's
user and on what the engine can do, so the engine is asked for both; where it does not answer, or
with --no-engine, a comment says so. Without strict, no engine is asked.

The output is a script for sh: what is not a command is a comment. Values of the environment are
left out, so that a line takes those of the shell that it runs in, unless --show-env has them shown.

Exit statuses: 0; 1 when the configuration is wrong (see check); 2 when the file can't be read or
the flags are wrong; 128+n when dockerrun got signal n.`,
		Example: `  dockerrun explain agent.runtime.yaml
  dockerrun explain agent.runtime.yaml --sandbox pii --json
  dockerrun explain --memory=64m --network=none -v ./hooks:/hooks:ro alpine wc -c`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := withSignals(cmd.Context(), sys.Signals)
			defer stop()
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
				if err = unused(cmd.Flags(), "sandbox", "json", "show-env", "no-engine"); err != nil {
					return err
				}
				all, err = f.file(ctx, sys, args[0])
			} else {
				all, err = f.flags(ctx, sys, args)
			}
			if status := signalled(ctx); status != nil {
				return status
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
	fs.BoolVar(&f.noEngine, "no-engine", false, "ask no engine, also not for isolation strict")
	fs.Bool("help", false, "help for explain") // without -h, which is the container's host name
	f.run.addIsolation(cmd)
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
func (f *explainFlags) flags(ctx context.Context, sys System, args []string) ([]explained, error) {
	if f.sandbox != "" {
		return nil, errors.New("--sandbox: it takes a file, and " + args[0] + " is an image")
	}
	if err := f.run.parseIsolation(); err != nil {
		return nil, err
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
	around := f.ask(ctx, sys, f.run.options.Isolation, spec, f.run.target)
	err := e.lines(spec, f.run.options.Isolation, around, f.run.target, func(string) bool { return f.showEnv })
	return []explained{e}, err
}

// file explains the sandboxes of a file.
func (f *explainFlags) file(ctx context.Context, sys System, name string) ([]explained, error) {
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
		calls, err := f.calls(ctx, sys, file, entry)
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
func (f *explainFlags) calls(ctx context.Context, sys System, file *runtimeconfig.File, entry *runtimeconfig.Sandbox) ([]explained, error) {
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
		kind, hook string
		req        factory.Request
	}
	var users []user
	for i := range file.Bindings {
		call, ok := file.Call(&file.Bindings[i])
		if ok && call.Sandbox == entry.Name && call.Command != "" {
			users = append(users, user{strings.TrimSuffix(file.Bindings[i].Section, "s"), file.Bindings[i].Name, factory.Request{Command: call.Command, Args: call.Args, Env: call.Env}})
		}
	}
	if len(users) == 0 {
		users = []user{{req: factory.Request{Command: "COMMAND"}}}
	}
	isolation, err := runtime.ParseIsolation(config.Isolation, config.Allow)
	if err != nil {
		return nil, err
	}
	var targets []Target
	for _, key := range config.Runtimes() {
		targets = append(targets, Target{Key: key, Host: config.Host, DockerPath: config.DockerPath})
	}
	var all []explained
	var around *surroundings
	at := entry.At("")
	for _, u := range users {
		spec, err := sb.Spec(u.req)
		if err != nil {
			return nil, err
		}
		if around == nil { // once for all: they differ in their commands alone
			around = f.ask(ctx, sys, isolation, spec, targets...)
		}
		e := explained{
			Sandbox: entry.Name, Line: at.Line, Column: at.Column, Kind: u.kind, Hook: u.hook, Command: spec.Args,
			Runtime: strings.Join(config.Runtimes(), " or "),
		}
		if w := config.Warm.Size; w > 0 {
			e.Notes = append(e.Notes, fmt.Sprintf("warm: up to %d such containers are started ahead, whose /bin/sh waits for the call and then runs the command, and which have no log", w))
		}
		fromHost := slices.Concat(config.Env, u.req.Env)
		show := func(name string) bool {
			return f.showEnv && !slices.Contains(fromHost, name) // what the host sets is not the file's to show
		}
		if err := e.lines(spec, isolation, around, targets[0], show); err != nil {
			return nil, fmt.Errorf("sandbox %q: %w", entry.Name, err)
		}
		all = append(all, e)
	}
	return all, nil
}

// wrongConfig is an error that is the configuration's.
func wrongConfig(err error) error { return &configError{err} }

type configError struct{ error }

func (e *configError) Unwrap() error { return e.error }
