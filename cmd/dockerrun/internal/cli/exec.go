package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// Relay makes a call in a second process, which removes the container also when this
// one is killed. See package lifeline.
type Relay struct {
	// Run runs this program with args and gives its exit status.
	Run func(args []string, signals <-chan os.Signal) (int, error)
	// Watch calls gone when the first process has died. Only in the second.
	Watch func(fd int, gone func())
	FD    int // the lifeline's number in the second process, for Watch
}

// execFlags is what the flags of exec say.
type execFlags struct {
	config   configFlags
	env      []string
	timeout  time.Duration
	lifeline int
}

// lifelineFlag tells the second process that it is one.
const lifelineFlag = "lifeline"

func newExec(sys System) *cobra.Command {
	f := &execFlags{}
	cmd := &cobra.Command{
		Use:   "exec --config FILE --sandbox NAME [flags] -- COMMAND [ARG...]",
		Short: "Run a command in a sandbox of a RuntimeConfig",
		Long: `Run a command in a fresh container of a docker_run sandbox that a RuntimeConfig declares.
Standard input is passed to it, and its exit status is the exit status of dockerrun.

It is for what PromptKit starts on the host, whatever its "sandbox:" says: exec tools and
exec evals. Name dockerrun as their command, and the tool as dockerrun's arguments. When
PromptKit kills the tool at its timeout, the container is removed as well (not on Windows).

The environment of the command is what the sandbox's env says, and then --env, which
names variables of dockerrun's own environment. A tool's env in PromptKit decides what
dockerrun gets, and nothing of that goes on to the container unless --env or the
sandbox names it. The sandbox's timeout (10s unless it says otherwise) and max_output bound
the call; its warm is not used.

Exit statuses that are not the command's:
  124  the timeout passed
  125  dockerrun or the engine failed, or the configuration is wrong
  126  the command can't be executed
  127  the command was not found
  128+n  dockerrun got signal n; the container is removed`,
		Example: `  dockerrun exec --config runtime.yaml --sandbox box -- /tools/search < request.json

  # An exec tool of PromptKit, in the same RuntimeConfig:
  #   tools:
  #     search:
  #       mode: exec
  #       exec:
  #         command: dockerrun
  #         args: [exec, --config, runtime.yaml, --sandbox, box, --env, API_KEY, --, /tools/search]
  #         env: [API_KEY, PATH, HOME]`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if sys.Relay != nil && f.lifeline == 0 {
				return f.relay(sys, args)
			}
			return f.run(cmd.Context(), sys, args)
		},
	}
	fs := cmd.Flags()
	fs.SetInterspersed(false) // what follows the command is the command's
	fs.SortFlags = false
	f.config.add(cmd, "the RuntimeConfig that declares the sandbox", "name of the sandbox")
	fs.StringArrayVar(&f.env, "env", nil, "name of a variable of this environment that the command gets; may be repeated")
	fs.DurationVar(&f.timeout, "timeout", 0, "most time for the call, with any pull (default what the sandbox says)")
	fs.IntVar(&f.lifeline, lifelineFlag, 0, "")
	_ = fs.MarkHidden(lifelineFlag) // fails only for a flag that is not there
	_ = cmd.RegisterFlagCompletionFunc("env", completeEnv)
	return cmd
}

func completeEnv(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		names = append(names, name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (f *execFlags) check() error {
	for _, name := range f.env {
		if name, _, has := strings.Cut(name, "="); has || name == "" {
			return fmt.Errorf("--env=%s: it takes a name; the value is what dockerrun's environment has for it", name)
		}
	}
	if f.timeout < 0 {
		return fmt.Errorf("--timeout=%s: it takes a time greater than 0, such as 30s", f.timeout)
	}
	return nil
}

// relay has a second process do what run does.
func (f *execFlags) relay(sys System, command []string) error {
	args := []string{"exec", fmt.Sprintf("--%s=%d", lifelineFlag, sys.Relay.FD),
		"--config=" + f.config.file, "--sandbox=" + f.config.sandbox, "--timeout=" + f.timeout.String()}
	for _, name := range f.env {
		args = append(args, "--env="+name)
	}
	status, err := sys.Relay.Run(append(append(args, "--"), command...), sys.Signals)
	if err == nil && status != 0 {
		err = exitStatus(status)
	}
	return err
}

// errKilled is the cause of a call whose first process has died.
var errKilled = errors.New("dockerrun was killed")

func (f *execFlags) run(ctx context.Context, sys System, command []string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if f.lifeline != 0 && sys.Relay != nil {
		sys.Relay.Watch(f.lifeline, func() { cancel(errKilled) })
	}
	ctx, stop := withSignals(ctx, sys.Signals)
	defer stop()
	settings, err := f.config.settings()
	if err != nil {
		return err
	}
	sb, err := newSandbox(sys, f.config.sandbox, settings)
	if err != nil {
		return err
	}
	status, err := sb.Stream(ctx, factory.Request{Command: command[0], Args: command[1:], Env: f.env, Timeout: f.timeout},
		runtime.Stdio{Stdin: sys.Stdin, Stdout: sys.Stdout, Stderr: sys.Stderr})
	if closeErr := sb.Close(); err == nil { // the container is gone after this
		err = closeErr
	}
	return outcome(sys, status, err)
}
