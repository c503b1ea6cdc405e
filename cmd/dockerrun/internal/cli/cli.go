// Package cli is the dockerrun command. All that it needs from the system is handed
// in, so that tests run it whole, on a runtime of their own.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/hostcheck"
	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// System is what the command runs in.
type System struct {
	// Open opens the runtime that the flags name. It contacts nothing.
	Open func(Target) (runtime.Runtime, error)
	// Keys are those of the runtimes that doctor looks at, in order.
	Keys []string
	// Runtimes are more than the factory has for the sandboxes of a RuntimeConfig, or
	// stand in for its own.
	Runtimes []factory.Option
	// Host is the machine that doctor looks at.
	Host hostcheck.Host
	// Relay makes the calls of exec in a second process; nil: they are made in this one.
	Relay *Relay

	Stdin          io.ReadCloser
	Stdout, Stderr io.Writer
	Color          bool             // Stdout is a terminal that shows colours
	Terminal       bool             // Stdout is a terminal
	Signals        <-chan os.Signal // the first ends a call; may be nil
}

// Target is what the flags --runtime, --host and --docker-path say.
type Target struct {
	Key, Host, DockerPath string
}

// DefaultKey is the runtime that is used when --runtime does not say.
const DefaultKey = "docker-cli"

// Main runs the command line args, without the program's name, and returns its exit
// status.
func Main(ctx context.Context, args []string, sys System) int {
	root := newRoot(sys, args)
	root.SetArgs(args)
	root.SetIn(sys.Stdin)
	root.SetOut(sys.Stdout)
	root.SetErr(sys.Stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	if exit, ok := errors.AsType[exitStatus](err); ok {
		return int(exit)
	}
	_, _ = fmt.Fprintf(sys.Stderr, "dockerrun: %s\nRun '%s --help' for more.\n", err, cmd.CommandPath())
	switch cmd.Name() {
	case "run", "exec":
		return statusLauncher
	case "check", "explain":
		if _, ok := errors.AsType[*configError](err); !ok {
			return statusCantTell
		}
	}
	return 1
}

// exitStatus is the error of a command that has said what it had to say.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func newRoot(sys System, args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "dockerrun",
		Short: "Run one command in one disposable container, on whichever engine there is",
		Long: `dockerrun runs one command in one fresh container, and removes the container when the
command ends: input goes in, output comes out, and the exit status is the command's own.
Docker and Podman, by command line or by API, give the same container for the same flags.`,
		Example: `  echo '{"text":"hi"}' | dockerrun run --network=none python:3.12-slim python -c 'print(input())'
  dockerrun doctor`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddCommand(
		newRun(sys, args),
		newExec(sys),
		newCheck(sys),
		newPull(sys),
		newExplain(sys, args),
		newBench(sys, args),
		newDoctor(sys),
		newSweep(sys),
		newVersion(),
		newLook(sys),
	)
	return root
}

// addTarget defines the flags that name a runtime.
func addTarget(cmd *cobra.Command, t *Target, sys System, runtimeUsage string) {
	fs := cmd.Flags()
	fs.StringVar(&t.Key, "runtime", t.Key, runtimeUsage+" ("+strings.Join(sys.Keys, ", ")+")")
	fs.StringVar(&t.Host, "host", "", "address of the engine, such as unix:///run/podman/podman.sock")
	fs.StringVar(&t.DockerPath, "docker-path", "", "command that docker-cli starts, such as podman (default docker)")
	// These fail only for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("runtime", cobra.FixedCompletions(sys.Keys, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("host", cobra.NoFileCompletions)
}
