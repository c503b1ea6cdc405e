package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/docker/cli/opts"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Exit statuses that are not the command's own: those of docker run and timeout(1).
const (
	statusTimeout       = 124
	statusLauncher      = 125
	statusNotExecutable = 126
	statusNotFound      = 127
	statusSignal        = 128 // plus the signal's number
)

// runFlags is what the flags of run say.
type runFlags struct {
	target    Target
	spec      runtime.Spec
	options   runtime.Options
	maxOutput opts.MemBytes
	isolation string
	lines     lineFlags
}

func newRun(sys System, args []string) *cobra.Command {
	f := &runFlags{target: Target{Key: DefaultKey}}
	cmd := &cobra.Command{
		Use:   "run [flags] IMAGE [COMMAND [ARG...]]",
		Short: "Run a command in a fresh container",
		Long: `Run a command in a fresh container that is removed when the command ends. Standard input is
passed to it, and its exit status is the exit status of dockerrun. Flags are those of
docker run, with two exceptions: --runtime selects Docker or Podman, and the OCI runtime
is --oci-runtime. A flag of docker run that is not listed is passed on by docker-cli, when
it is written --flag=value.

Exit statuses that are not the command's:
  124  the timeout passed
  125  dockerrun or the engine failed
  126  the command can't be executed
  127  the command was not found
  128+n  dockerrun got signal n; the container is removed`,
		Example: `  # No network, little memory, five seconds.
  dockerrun run --network=none --memory=64m --timeout=5s alpine wc -c < file

  # The same on Podman's API, with a directory of scripts.
  dockerrun run --runtime=podman -v ./hooks:/hooks:ro python:3.12-slim python /hooks/pii.py < call.json

  # Podman's command line in place of docker's.
  dockerrun run --docker-path=podman alpine echo hello

  # A stream of documents, a line each, each in a container that was started before it came.
  tail -f calls.jsonl | dockerrun run --each-line --warm=4 --runtime=podman alpine wc -c`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.spec.Image, f.spec.Args = args[0], args[1:]
			return f.run(cmd.Context(), sys)
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp // an image is no file
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
	}
	fs := cmd.Flags()
	fs.SetInterspersed(false) // what follows the image is the command's
	fs.SortFlags = false
	addTarget(cmd, &f.target, sys, "what runs the container")
	fs.DurationVar(&f.options.Timeout, "timeout", runtime.DefaultTimeout, "most time for the call, such as 30s or 5m, with any pull")
	fs.DurationVar(&f.options.PullTimeout, "pull-timeout", runtime.DefaultPullTimeout, "most time for a pull of the image")
	fs.Var(&f.maxOutput, "max-output", "most that stdout, and stderr, may be, such as 16m (default no limit)")
	fs.BoolVar(&f.options.SkipMountCheck, "skip-mount-check", false, "don't look at mount sources on this host")
	f.addIsolation(cmd)
	fs.Bool("help", false, "help for run") // without -h, which is the container's host name
	f.lines.add(fs)
	f.addSpec(fs, args)
	_ = cmd.RegisterFlagCompletionFunc("pull", cobra.FixedCompletions( // fails only for a flag that is not there
		[]string{string(runtime.PullMissing), string(runtime.PullAlways), string(runtime.PullNever)}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// addIsolation defines the flags that say how far the container is shut off.
func (f *runFlags) addIsolation(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.isolation, "isolation", runtime.IsolationEngine, "how far the container is shut off (engine, strict); see docs/isolation.md")
	fs.StringSliceVar(&f.options.Isolation.Allow, "allow", nil, "what --isolation=strict lets other flags weaken, such as network or rw-mounts")
	fs.BoolVar(&f.options.Isolation.RequireDigest, "require-digest", false, "refuse an image that is not named by a digest or its ID")
	_ = cmd.RegisterFlagCompletionFunc("isolation", cobra.FixedCompletions( // these fail only for a flag that is not there
		[]string{runtime.IsolationEngine, runtime.IsolationStrict}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("allow", cobra.FixedCompletions(allowances(), cobra.ShellCompDirectiveNoFileComp))
}

// parseIsolation reads what those flags say.
func (f *runFlags) parseIsolation() error {
	isolation, err := runtime.ParseIsolation(f.isolation, f.options.Isolation.Allow)
	f.options.Isolation.Strict = isolation.Strict
	return err
}

// allowances are what --allow takes.
func allowances() []string {
	all := runtime.Allowances()
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = a.Name
	}
	return names
}

// addSpec defines the flags of docker run, and those among args that nobody knows, for
// docker-cli to pass on. An argument that belongs to the command may look like one of
// them; a flag that is defined and not used does no harm.
func (f *runFlags) addSpec(fs *pflag.FlagSet, args []string) {
	table := pflag.NewFlagSet("", pflag.ContinueOnError)
	runtime.AddFlags(table, &f.spec)
	table.VisitAll(func(flag *pflag.Flag) {
		switch flag.Name {
		case "help":
			return // ours says more
		case "runtime":
			flag.Name = "oci-runtime"
		}
		fs.AddFlag(flag)
	})
	for _, arg := range args {
		name, _, ok := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		if ok && name != "" && strings.HasPrefix(arg, "--") && fs.Lookup(name) == nil {
			fs.Var(&passthrough{name: name, spec: &f.spec}, name, "")
			fs.Lookup(name).Hidden = true
		}
	}
}

type passthrough struct {
	name string
	spec *runtime.Spec
}

func (p *passthrough) Set(v string) error {
	p.spec.Passthrough = append(p.spec.Passthrough, "--"+p.name+"="+v)
	return nil
}
func (p *passthrough) Type() string   { return "string" }
func (p *passthrough) String() string { return "" }

func (f *runFlags) run(ctx context.Context, sys System) error {
	for name, d := range map[string]time.Duration{"timeout": f.options.Timeout, "pull-timeout": f.options.PullTimeout} {
		if d <= 0 {
			return fmt.Errorf("--%s=%s: it takes a time greater than 0, such as 30s or 24h", name, d)
		}
	}
	if err := f.lines.check(); err != nil {
		return err
	}
	if err := f.parseIsolation(); err != nil {
		return err
	}
	rt, err := sys.Open(f.target)
	if err != nil {
		return err
	}
	f.options.Logger = slog.New(&lineHandler{w: sys.Stderr})
	launcher := runtime.NewLauncher(rt)
	ctx, stop := withSignals(ctx, sys.Signals)
	defer stop()

	var status runtime.Status
	if f.lines.each {
		status, err = f.eachLine(ctx, sys, launcher)
	} else {
		status, err = launcher.Stream(ctx, f.spec, f.stdio(sys), f.options)
	}
	if closeErr := launcher.Close(); err == nil { // the container is gone after this
		err = closeErr
	}
	return outcome(sys, status, err)
}

// outcome says what the exit status alone does not tell, and gives that.
func outcome(sys System, status runtime.Status, err error) error {
	code := exitCode(status, err)
	if text := explain(status, err); text != "" {
		_, _ = fmt.Fprintln(sys.Stderr, "dockerrun: "+text)
	}
	if code == 0 {
		return nil
	}
	return exitStatus(code)
}

func (f *runFlags) stdio(sys System) runtime.Stdio {
	stdio := runtime.Stdio{Stdin: sys.Stdin, Stdout: sys.Stdout, Stderr: sys.Stderr}
	if most := f.maxOutput.Value(); most > 0 {
		stdio.Stdout = &limited{w: stdio.Stdout, name: "stdout", left: most, max: most}
		stdio.Stderr = &limited{w: stdio.Stderr, name: "stderr", left: most, max: most}
	}
	return stdio
}

// exitCode is the exit status of run.
func exitCode(status runtime.Status, err error) int {
	signal, isSignal := errors.AsType[*signalError](err)
	switch {
	case err == nil:
		return status.Code
	case isSignal:
		return statusSignal + signal.number()
	case errors.Is(err, syscall.EPIPE): // whoever read our output has gone
		return statusSignal + int(syscall.SIGPIPE)
	case errors.Is(err, runtime.ErrTimeout):
		return statusTimeout
	case errors.Is(err, runtime.ErrNotExecutable):
		return statusNotExecutable
	case errors.Is(err, runtime.ErrCommandNotFound):
		return statusNotFound
	}
	return statusLauncher
}

// explain is what the exit status alone does not tell.
func explain(status runtime.Status, err error) string {
	if _, isSignal := errors.AsType[*signalError](err); isSignal || errors.Is(err, syscall.EPIPE) {
		return ""
	}
	if err != nil {
		return err.Error()
	}
	if status.OOMKilled {
		return (&runtime.ExitError{Status: status}).Error()
	}
	return ""
}

// withSignals returns a context that the first signal ends. The second is left to
// whoever else handles it: the system, which ends the program.
func withSignals(ctx context.Context, signals <-chan os.Signal) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case s := <-signals:
			cancel(&signalError{s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// signalled is the exit status of a command whose context a signal has ended; else nil.
func signalled(ctx context.Context) error {
	if signal, ok := errors.AsType[*signalError](context.Cause(ctx)); ok {
		return exitStatus(statusSignal + signal.number())
	}
	return nil
}

// signalError is the cause of a call that a signal ended.
type signalError struct{ signal os.Signal }

func (e *signalError) Error() string { return "got signal: " + e.signal.String() }

func (e *signalError) number() int {
	n, _ := e.signal.(syscall.Signal)
	return int(n)
}

// limited fails the write that goes over its limit.
type limited struct {
	w         io.Writer
	name      string
	left, max int64
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(int64(len(p)), l.left)
	l.left -= n
	written, err := l.w.Write(p[:n])
	if err == nil && n < int64(len(p)) {
		err = &runtime.Error{Kind: runtime.ErrOutputLimit, Started: true,
			Message: fmt.Sprintf("%s has more than %d bytes (--max-output)", l.name, l.max)}
	}
	return written, err
}
