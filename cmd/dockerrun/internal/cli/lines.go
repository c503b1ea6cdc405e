package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/pflag"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/warm"
)

// lineFlags are those of calls that share one command line.
type lineFlags struct {
	each  bool
	warm  int
	start string
}

func (l *lineFlags) add(fs *pflag.FlagSet) {
	fs.BoolVar(&l.each, "each-line", false, "make a call for each line of standard input, in a container of its own, until one fails")
	fs.IntVar(&l.warm, "warm", 0, "with --each-line, how many containers to keep started for lines to come")
	fs.StringVar(&l.start, "warm-start", string(warm.Gate), "with --warm, gate: nothing of the command runs before its line; or eager: it is started, and waits for it")
}

func (l *lineFlags) check() error {
	switch _, err := warm.ParseStart(l.start); {
	case l.warm < 0:
		return fmt.Errorf("--warm=%d: it takes a number of containers", l.warm)
	case l.warm > 0 && !l.each:
		return errors.New("--warm: one call has no use for containers that are started ahead; it takes --each-line")
	case err != nil:
		return fmt.Errorf("--warm-start: %w", err)
	}
	return nil
}

// pool puts containers that are started ahead over a launcher, if they were asked for.
// done must be called before the launcher is closed.
func (l *lineFlags) pool(base *runtime.Launcher, key string, logger *slog.Logger) (launcher *runtime.Launcher, done func() error) {
	if l.warm == 0 {
		return base, func() error { return nil }
	}
	launcher = base.Over(warm.New(base.Runtime(), warm.Options{
		Size: l.warm, Start: warm.Start(l.start), RuntimeKey: key, Logger: logger,
	}))
	return launcher, launcher.Close
}

// eachLine makes the calls. What it returns is the outcome of the last one.
func (f *runFlags) eachLine(ctx context.Context, sys System, base *runtime.Launcher) (status runtime.Status, err error) {
	launcher, done := f.lines.pool(base, f.target.Key, f.options.Logger)
	defer func() { err = errors.Join(err, done()) }()
	options := f.options
	options.MaxOutput = f.maxOutput.Value() // 0: the Launcher's own
	if f.lines.warm > 0 {
		// What only keeps containers from being started ahead is logged, and calls go on.
		if err := launcher.Prepare(ctx, f.spec, options); err != nil && (ctx.Err() != nil || concernsCalls(err)) {
			return runtime.Status{}, err
		}
	}
	lines := readLines(ctx, sys.Stdin)
	for n := 1; ; n++ {
		var l line
		select {
		case l = <-lines:
		case <-ctx.Done():
			return runtime.Status{}, runtime.ContextError(ctx, "", false)
		}
		if l.err != nil {
			if l.err == io.EOF {
				return runtime.Status{}, nil
			}
			return runtime.Status{}, fmt.Errorf("reading standard input: %w", l.err)
		}
		result, err := launcher.Launch(ctx, f.spec, l.text, options)
		exit, ended := errors.AsType[*runtime.ExitError](err)
		if err != nil && !ended {
			result.Stdout = nil // half an answer is none
		}
		if writeErr := writeAnswer(sys, result); writeErr != nil {
			return runtime.Status{}, writeErr
		}
		if ended {
			_, _ = fmt.Fprintf(sys.Stderr, "dockerrun: line %d: %v\n", n, err)
			return runtime.Status{Code: exit.Status.Code}, nil
		}
		if err != nil {
			return runtime.Status{}, fmt.Errorf("line %d: %w", n, err)
		}
	}
}

// concernsCalls reports whether calls fail with err, too.
func concernsCalls(err error) bool {
	for _, kind := range []error{runtime.ErrImageMissing, runtime.ErrPullFailed, runtime.ErrInvalidSpec, runtime.ErrUnavailable} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// writeAnswer keeps the answers apart: each ends with a newline.
func writeAnswer(sys System, result runtime.Result) error {
	if out := result.Stdout; len(out) > 0 && !bytes.HasSuffix(out, []byte("\n")) {
		result.Stdout = append(out, '\n')
	}
	if _, err := sys.Stdout.Write(result.Stdout); err != nil {
		return err
	}
	_, err := sys.Stderr.Write(result.Stderr)
	return err
}

type line struct {
	text []byte
	err  error
}

// readLines reads ahead by one, so that a signal need not wait for a Read. An empty last
// line is none.
func readLines(ctx context.Context, from io.Reader) <-chan line {
	lines := make(chan line)
	go func() {
		r := bufio.NewReader(from)
		for {
			text, err := r.ReadBytes('\n')
			if len(text) > 0 {
				select {
				case lines <- line{text: text}:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				select {
				case lines <- line{err: err}:
				case <-ctx.Done():
				}
				return
			}
		}
	}()
	return lines
}
