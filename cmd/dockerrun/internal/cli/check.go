package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/check"
	"github.com/AltairaLabs/dockerrun/internal/runtimeconfig"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// statusCantTell is the exit status of commands that look at something, when they can't.
const statusCantTell = 2

func newCheck(sys System) *cobra.Command {
	var (
		asJSON, noEngine, pull bool
		failOn                 string
		timeout                time.Duration
	)
	cmd := &cobra.Command{
		Use:   "check [flags] FILE",
		Short: "Say what is wrong or unwise in a RuntimeConfig, and where",
		Long: `Look at a PromptKit RuntimeConfig: at each sandbox of mode docker_run, at the hooks, selectors,
evals and tools that run a command, and at the engines, images and mounts that they need.
Each finding is a line "FILE:LINE:COLUMN: error: ...", as compilers write them.

Errors are what PromptKit refuses, what makes calls fail, and hooks that never run. Warnings are
what works and is rarely meant: a network, root, no limits, a tag instead of a digest. Notes
say what could not be looked at.

Whether a command is in its image and can be executed is found out in a container of the
sandbox, with its user and its mounts and without a network, by the image's own /bin/sh or
else by dockerrun itself. The command is not run. Nothing else is started, and nothing
pulled without --pull. As each launcher does at its first call, this one removes containers
that launchers which died have left (see sweep).

Exit statuses:
  0  no errors (with --fail-on=warning: nor warnings)
  1  there are
  2  the file can't be read, or the flags are wrong
  128+n  dockerrun got signal n`,
		Example: `  dockerrun check agent.runtime.yaml

  # In CI, where there is no engine; warnings count.
  dockerrun check --no-engine --fail-on=warning agent.runtime.yaml

  dockerrun check --json agent.runtime.yaml | jq -r '.findings[] | select(.severity == "error").message'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if failOn != string(check.Error) && failOn != string(check.Warning) {
				return fmt.Errorf("--fail-on=%s: it takes error or warning", failOn)
			}
			file, err := runtimeconfig.Read(args[0])
			if err != nil {
				return err
			}
			opts := check.Options{Pull: pull, Timeout: timeout, Self: check.StaticSelf()}
			if !noEngine {
				opts.Open = func(key, host, dockerPath string) (runtime.Runtime, error) {
					return sys.Open(Target{Key: key, Host: host, DockerPath: dockerPath})
				}
			}
			ctx, stop := withSignals(cmd.Context(), sys.Signals)
			defer stop()
			report := check.File(ctx, file, opts)
			if status := signalled(ctx); status != nil {
				return status // questions that were cut short are no findings
			}
			if err := writeFindings(sys.Stdout, &report, palette{on: sys.Color}, asJSON); err != nil {
				return err
			}
			if report.Count(check.Error) > 0 || failOn == string(check.Warning) && report.Count(check.Warning) > 0 {
				return exitStatus(1)
			}
			return nil
		},
		ValidArgsFunction: yamlFiles,
	}
	fs := cmd.Flags()
	fs.BoolVar(&asJSON, "json", false, "write JSON")
	fs.StringVar(&failOn, "fail-on", string(check.Error), "what makes the exit status 1 (error, warning)")
	fs.BoolVar(&noEngine, "no-engine", false, "ask no engine: look at the file, and at mount sources on this host")
	fs.BoolVar(&pull, "pull", false, "pull images that an engine lacks")
	fs.DurationVar(&timeout, "timeout", 30*time.Second, "most time to wait for an engine, each time it is asked")
	cmd.MarkFlagsMutuallyExclusive("no-engine", "pull")
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions( // fails only for a flag that is not there
		[]string{string(check.Error), string(check.Warning)}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// newLook is what check runs in a container whose image has no shell.
func newLook(sys System) *cobra.Command {
	return &cobra.Command{
		Use: check.LookCommand, Hidden: true, DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error { return check.Look(sys.Stdout, args) },
	}
}

// yamlFiles completes the name of a RuntimeConfig.
func yamlFiles(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}

func writeFindings(w io.Writer, r *check.Report, p palette, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	colour := map[check.Severity]func(string) string{check.Error: p.red, check.Warning: p.yellow, check.Note: p.bold}
	var b strings.Builder
	for _, f := range r.Findings {
		at := runtimeconfig.Position{Line: f.Line, Column: f.Column}.In(f.File)
		text := strings.ReplaceAll(strings.TrimSpace(f.Message), "\n", "\n    ")
		fmt.Fprintf(&b, "%s: %s: %s [%s]\n", at, colour[f.Severity](string(f.Severity)), text, f.Code)
	}
	verdict := p.green("ok")
	if errs, warnings := r.Count(check.Error), r.Count(check.Warning); errs+warnings > 0 {
		verdict = count(errs, "error") + ", " + count(warnings, "warning")
	}
	fmt.Fprintf(&b, "%s: %s (%s, %s)\n", r.File, verdict, count(r.Sandboxes, "sandbox"), count(r.Bindings, "hook"))
	_, err := io.WriteString(w, b.String())
	return err
}

// count gives a number of things.
func count(n int, thing string) string {
	switch {
	case n == 1:
		return "1 " + thing
	case strings.HasSuffix(thing, "x"):
		thing += "e"
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
