package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/bench"
	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/warm"
)

// benchFlags is what the flags of bench say.
type benchFlags struct {
	run    runFlags
	config configFlags
	input  string
	rounds int
	warm   int
	asJSON bool
	chart  string
}

func newBench(sys System, args []string) *cobra.Command {
	f := &benchFlags{}
	cmd := &cobra.Command{
		Use:   "bench [flags] IMAGE COMMAND [ARG...] | bench --config FILE --sandbox NAME [flags] -- COMMAND [ARG...]",
		Short: "Measure a command, cold and warm, against docker run and podman run",
		Long: `Run a command again and again in each way that there is on this machine: with docker run or
podman run as a local process, by each runtime cold, and warm by gate and by eager. The ways take
turns in an order of chance, one call at a time, with the stock of warm containers full, so that
whatever else the machine does meets all of them alike. The first call of each is not counted, and
the image is fetched before it. The command must end with status 0.

All runtimes that answer are measured, or the one that --runtime, or the sandbox, names. Flags are
those of run. A way that does not work is left out, and said so. The figures are the times until
the caller has the output, in milliseconds.

Exit statuses:
  0  at least one way was measured
  1  none was, or the command line or the configuration is wrong
  128+n  dockerrun got signal n`,
		Example: `  dockerrun bench --network=none alpine true
  dockerrun bench --input=call.json --chart=bench.svg -v ./hooks:/hooks:ro python:3.12-slim python /hooks/pii.py
  dockerrun bench --config agent.runtime.yaml --sandbox pii --rounds=50 -- python /hooks/pii.py`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.measure(cmd, sys, args)
		},
	}
	fs := cmd.Flags()
	fs.SetInterspersed(false) // what follows the image is the command's
	fs.SortFlags = false
	f.config.add(cmd, "RuntimeConfig whose sandbox is measured, in place of an image and flags", "name of the sandbox, with --config")
	fs.StringVar(&f.input, "input", "", "file that each call gets on standard input; - is that of dockerrun (default nothing)")
	fs.IntVar(&f.rounds, "rounds", 10, "how many calls of each way are counted")
	fs.IntVar(&f.warm, "warm", 2, "how many containers the warm ways keep started")
	fs.BoolVar(&f.asJSON, "json", false, "write JSON, with every figure")
	fs.StringVar(&f.chart, "chart", "", "write a chart as well: a .svg, .png or .pdf file")
	fs.DurationVar(&f.run.options.Timeout, "timeout", time.Minute, "most time for one call")
	fs.Bool("help", false, "help for bench") // without -h, which is the container's host name
	f.run.addIsolation(cmd)
	addTarget(cmd, &f.run.target, sys, "measure this runtime only")
	f.run.addSpec(fs, args)
	_ = cmd.MarkFlagFilename("chart", "svg", "png", "pdf") // fails only for a flag that is not there
	return cmd
}

// subject is what is measured, on each of some engines.
type subject struct {
	title   string
	spec    runtime.Spec
	options runtime.Options
	targets []Target
	input   []byte
}

func (f *benchFlags) measure(cmd *cobra.Command, sys System, args []string) error {
	if f.rounds < 1 || f.warm < 1 {
		return errors.New("--rounds and --warm take a number above 0")
	}
	if d := f.run.options.Timeout; d <= 0 {
		return fmt.Errorf("--timeout=%s: it takes a time greater than 0, such as 30s", d)
	}
	ctx, stop := withSignals(cmd.Context(), sys.Signals)
	defer stop()
	s, err := f.subject(cmd.Flags(), sys, args)
	if err != nil {
		return err
	}
	s.input, err = readInput(ctx, sys, f.input)
	if status := signalled(ctx); status != nil {
		return status
	}
	if err != nil {
		return err
	}
	var ways []*bench.Way
	var launchers []*runtime.Launcher // the last made is the first to be closed
	for _, target := range s.targets {
		more, made := f.ways(ctx, sys, s, target, ways)
		ways, launchers = append(ways, more...), append(launchers, made...)
	}
	err = bench.Measure(ctx, ways, f.rounds, func(round int) {
		if sys.Terminal && !f.asJSON {
			_, _ = fmt.Fprintf(sys.Stderr, "\rround %d of %d", round+1, f.rounds)
		}
	})
	if sys.Terminal && !f.asJSON {
		_, _ = fmt.Fprint(sys.Stderr, "\r                      \r")
	}
	for i := len(launchers) - 1; i >= 0; i-- {
		err = errors.Join(err, launchers[i].Close())
	}
	if status := signalled(ctx); status != nil {
		return status
	}
	if err != nil {
		return err
	}
	return f.report(sys, s, ways)
}

// subject reads what is to be measured.
func (f *benchFlags) subject(fs *pflag.FlagSet, sys System, args []string) (*subject, error) {
	if f.config.file != "" || f.config.sandbox != "" {
		return f.sandboxSubject(fs, sys, args)
	}
	if err := f.run.parseIsolation(); err != nil {
		return nil, err
	}
	s := &subject{spec: f.run.spec, options: f.run.options, targets: []Target{f.run.target}}
	s.spec.Image, s.spec.Args = args[0], args[1:]
	s.title = strings.Join(args, " ")
	if f.run.target.Key == "" {
		if err := f.targetAlone(); err != nil {
			return nil, err
		}
		s.targets = nil
		for _, key := range sys.Keys {
			s.targets = append(s.targets, Target{Key: key})
		}
	}
	return s, errors.Join(s.spec.Validate(), s.spec.AbsMounts(""))
}

func (f *benchFlags) sandboxSubject(fs *pflag.FlagSet, sys System, args []string) (*subject, error) {
	if err := unused(fs, "config", "sandbox", "input", "rounds", "warm", "json", "chart", "timeout", "runtime", "host", "docker-path"); err != nil {
		return nil, err
	}
	if err := f.targetAlone(); err != nil {
		return nil, err
	}
	settings, err := f.config.settings()
	if err != nil {
		return nil, err
	}
	sb, err := newSandbox(sys, f.config.sandbox, settings)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sb.Close() }()                            // it makes no call
	config, _ := factory.ParseConfig(f.config.sandbox, settings) // newSandbox has reported what is wrong
	s := &subject{title: "sandbox " + f.config.sandbox + ": " + strings.Join(args, " "), options: f.run.options}
	if s.spec, err = sb.Spec(factory.Request{Command: args[0], Args: args[1:]}); err != nil {
		return nil, err
	}
	if s.options.Isolation, err = runtime.ParseIsolation(config.Isolation, config.Allow); err != nil {
		return nil, err
	}
	s.options.Isolation.RequireDigest = config.RequireDigest
	s.options.SkipMountCheck = config.MountCheck == "off"
	if f.run.target.Key != "" {
		s.targets = []Target{f.run.target}
		return s, nil
	}
	for _, key := range config.Runtimes() {
		s.targets = append(s.targets, Target{Key: key, Host: config.Host, DockerPath: config.DockerPath})
	}
	return s, nil
}

// targetAlone refuses what says where an engine is without saying which.
func (f *benchFlags) targetAlone() error {
	if t := f.run.target; t.Key == "" && (t.Host != "" || t.DockerPath != "") {
		return errors.New("--host and --docker-path need --runtime: they are one engine's")
	}
	return nil
}

func readInput(ctx context.Context, sys System, file string) ([]byte, error) {
	switch file {
	case "":
		return nil, nil
	case "-":
		return readAll(ctx, sys.Stdin)
	}
	return os.ReadFile(file)
}

// readAll reads in until ctx ends. It closes in then, but waits no more for a read that
// goes on after that, as a terminal's does.
func readAll(ctx context.Context, in io.ReadCloser) ([]byte, error) {
	defer context.AfterFunc(ctx, func() { _ = in.Close() })()
	var b []byte
	done := make(chan error, 1)
	go func() {
		var err error
		b, err = io.ReadAll(in)
		done <- err
	}()
	select {
	case err := <-done:
		return b, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// ways are those of one runtime, with the engine's own command line unless have has it. An
// engine that can't be used is one way that has failed.
func (f *benchFlags) ways(ctx context.Context, sys System, s *subject, target Target, have []*bench.Way) ([]*bench.Way, []*runtime.Launcher) {
	failed := func(err error) []*bench.Way { return []*bench.Way{{Name: target.Key, Runtime: target.Key, Err: err}} }
	rt, err := sys.Open(target)
	if err != nil {
		return failed(err), nil
	}
	base := runtime.NewLauncher(rt)
	launchers := []*runtime.Launcher{base}
	opts := s.options
	opts.Logger = slog.New(slog.DiscardHandler) // a way that is not what it says fails instead
	askCtx, cancel := context.WithTimeout(ctx, 10*time.Second)
	info, err := rt.Info(askCtx)
	cancel()
	if err == nil {
		err = base.Prepare(ctx, s.spec, opts) // makes the image present
	}
	var strict runtime.Spec
	if err == nil {
		strict, _, err = base.Isolate(ctx, s.spec, opts)
	}
	if err != nil {
		return failed(err), launchers
	}
	own := engineWay(sys, strict, s, target, info)
	var ways []*bench.Way
	against := ""
	if own != nil {
		against = own.Name
		if !hasWay(have, own.Name) {
			ways = append(ways, own)
		}
	}
	add := func(start string, l *runtime.Launcher, ready func(context.Context) error) {
		ways = append(ways, &bench.Way{
			Name: target.Key + ", " + start, Runtime: target.Key, Start: start, Against: against, Ready: ready,
			Call: func(ctx context.Context) error {
				_, err := l.Launch(ctx, s.spec, s.input, opts)
				return err
			},
		})
	}
	add(bench.Cold, base, nil)
	for _, start := range []warm.Start{warm.Gate, warm.Eager} {
		l := base.Over(warm.New(rt, warm.Options{Size: f.warm, Start: start, RuntimeKey: target.Key, Logger: opts.Logger}))
		launchers = append(launchers, l)
		add(string(start), l, func(ctx context.Context) error { return l.Prepare(ctx, s.spec, opts) })
	}
	return ways, launchers
}

func hasWay(ways []*bench.Way, name string) bool {
	for _, w := range ways {
		if w.Name == name {
			return true
		}
	}
	return false
}
