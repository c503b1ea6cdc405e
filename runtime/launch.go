package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime/internal/telemetry"
)

// Launcher makes bounded calls on a Runtime. It shares pulls between calls that want
// the same image, and while calls are made it removes what launchers that died have left on
// the engine (see [Sweep]), behind their backs. Safe for concurrent use; it has goroutines
// only while it pulls, pings or sweeps.
type Launcher struct {
	rt     Runtime
	tel    *telemetry.Instruments
	pulls  *pulls
	sweeps *sweeps
	warned *warned
	known  *known
	over   bool // pulls and sweeps are another Launcher's to end
}

// warned are the texts that were logged.
type warned struct {
	mu    sync.Mutex
	texts map[string]struct{}
}

// NewLauncher returns a Launcher on rt. Close of the Launcher closes rt.
func NewLauncher(rt Runtime) *Launcher {
	tel := telemetry.New()
	l := &Launcher{rt: rt, tel: tel, pulls: &pulls{tel: tel}, known: newKnown(), warned: &warned{texts: map[string]struct{}{}}}
	l.sweeps = newSweeps(rt, func(logger *slog.Logger, text string) {
		l.warn(context.Background(), Options{Logger: logger}, text)
	})
	return l
}

// Over returns a Launcher on rt, which is a wrapper around l's Runtime, that shares l's
// pulls and sweeps and has warned of what l has. Close of it closes rt alone, and must
// come before Close of l.
func (l *Launcher) Over(rt Runtime) *Launcher {
	return &Launcher{rt: rt, tel: l.tel, pulls: l.pulls, sweeps: l.sweeps, known: l.known, warned: l.warned, over: true}
}

// Runtime is the runtime that l launches on.
func (l *Launcher) Runtime() Runtime { return l.rt }

// Close ends pulls that are under way, gives a sweep a few seconds to end, and closes the
// runtime.
func (l *Launcher) Close() error {
	if !l.over {
		l.pulls.close()
		l.sweeps.close()
	}
	return l.rt.Close()
}

// Launch runs spec once, with stdin as its input. It fails with an [*ExitError] when
// the command ended with another status than 0, and with an [*Error] when it did not
// get there; the Result holds what was read until then, in both cases. An image that
// is missing is pulled as spec.Pull says. When Launch returns, nothing refers to stdin
// any more.
//
// A call that reached its deadline is [ErrTimeout], or [ErrUnavailable] when the engine
// did not answer a [Pinger] in the call's last second either; both wrap
// context.DeadlineExceeded.
func (l *Launcher) Launch(ctx context.Context, spec Spec, stdin []byte, opts Options) (Result, error) {
	opts = opts.withDefaults()
	ctx, seen := l.observe(ctx, spec.Image, opts)
	result, err := l.launch(ctx, spec, stdin, opts, seen)
	seen.end(result.Status, err)
	return result, err
}

func (l *Launcher) launch(ctx context.Context, spec Spec, stdin []byte, opts Options, seen *observed) (Result, error) {
	ctx, cancel := withTimeout(ctx, opts.Timeout)
	defer cancel()
	var stdout limitBuffer
	var stderr limitBuffer
	run := func() (Status, error) {
		stdout = limitBuffer{name: "stdout", max: opts.MaxOutput}
		stderr = limitBuffer{name: "stderr", max: opts.MaxOutput, keep: KeptStderr}
		in := &byteStdin{data: stdin}
		defer in.Close() // for a Runtime that broke its promise: stdin is the caller's
		return l.run(ctx, spec, Stdio{Stdin: in, Stdout: &stdout, Stderr: &stderr}, opts, seen)
	}
	watched := l.watch(ctx)
	_, err := l.prepare(ctx, &spec, opts)
	var status Status
	if err == nil {
		status, err = run()
	}
	if errors.Is(err, ErrImageMissing) && !Started(err) && spec.Pull != PullNever {
		// Looked up only now, so that the calls that find their image, nearly all of
		// them, do not pay for it.
		if err = l.pull(ctx, spec, opts); err == nil {
			status, err = run()
		}
	}
	result := Result{Stdout: stdout.bytes(), Stderr: stderr.bytes(), Status: status}
	return result, finish(status, watched(err), &stdout, &stderr)
}

// Stream runs spec once on stdio, which it passes to the Runtime as it is: output is
// not bounded by MaxOutput. Other than Launch it has the image before it starts, as
// input that was read can't be repeated. A non-zero exit is a Status and no error.
func (l *Launcher) Stream(ctx context.Context, spec Spec, stdio Stdio, opts Options) (Status, error) {
	opts = opts.withDefaults()
	ctx, seen := l.observe(ctx, spec.Image, opts)
	status, err := l.stream(ctx, spec, stdio, opts, seen)
	seen.end(status, err)
	return status, err
}

func (l *Launcher) stream(ctx context.Context, spec Spec, stdio Stdio, opts Options, seen *observed) (Status, error) {
	ctx, cancel := withTimeout(ctx, opts.Timeout)
	defer cancel()
	watched := l.watch(ctx)
	err := l.prepareImage(ctx, &spec, opts)
	if err != nil {
		if stdio.Stdin != nil {
			_ = stdio.Stdin.Close()
		}
		return Status{}, watched(err)
	}
	status, err := l.run(ctx, spec, stdio, opts, seen)
	return status, watched(err)
}

func (l *Launcher) run(ctx context.Context, spec Spec, stdio Stdio, opts Options, seen *observed) (Status, error) {
	stdio, done := seen.run(stdio)
	defer done()
	status, err := l.rt.Run(l.traced(ctx, opts), spec, stdio)
	l.known.heed(err)
	return status, err
}

// Prepare does ahead of calls with spec what can be done: it checks spec and its mounts,
// makes the image present as spec.Pull says, and has the Runtime get ready if it is a
// [Preparer]. Only ctx and opts.PullTimeout bound it.
func (l *Launcher) Prepare(ctx context.Context, spec Spec, opts Options) error {
	opts = opts.withDefaults()
	if err := l.prepareImage(ctx, &spec, opts); err != nil {
		return err
	}
	return Prepare(l.traced(ctx, opts), l.rt, spec)
}

// prepareImage is prepare for who wants the image there at once.
func (l *Launcher) prepareImage(ctx context.Context, spec *Spec, opts Options) error {
	if _, err := l.prepare(ctx, spec, opts); err != nil || spec.Pull == PullAlways {
		return err
	}
	_, err := GetImage(ctx, l.rt, ImageRequest{Ref: spec.Image, Platform: spec.Platform, Pull: PullNever})
	switch {
	case errors.Is(err, ErrUnsupported):
		return nil // an engine without images says in Run what it thinks of the name
	case errors.Is(err, ErrImageMissing) && spec.Pull != PullNever:
		return l.pull(ctx, *spec, opts)
	}
	return err
}

// prepare is what comes before a container: the deadline, the mounts, the image, the
// isolation.
func (l *Launcher) prepare(ctx context.Context, spec *Spec, opts Options) ([]Setting, error) {
	if err := ContextError(ctx, "", false); err != nil {
		return nil, err
	}
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	l.sweeps.call(opts.Logger)
	if end, ok := ctx.Deadline(); ok && (spec.Deadline.IsZero() || end.Before(spec.Deadline)) {
		spec.Deadline = end
	}
	if err := spec.AbsMounts(""); err != nil {
		return nil, err
	}
	if err := opts.Isolation.check(*spec); err != nil {
		return nil, err
	}
	if err := l.checkMounts(ctx, spec.Mounts, opts); err != nil {
		return nil, err
	}
	if spec.Pull == PullAlways {
		if err := l.pull(ctx, *spec, opts); err != nil {
			return nil, err
		}
	}
	if opts.Isolation.Strict {
		return l.isolate(ctx, spec, opts)
	}
	return nil, nil
}

// checkMounts is [CheckMounts] where the engine sees the files that we see.
func (l *Launcher) checkMounts(ctx context.Context, mounts []Mount, opts Options) error {
	if opts.SkipMountCheck {
		return nil
	}
	remote := isRemote(ctx, l.rt)
	if err := ContextError(ctx, "", false); err != nil || remote {
		return err
	}
	warnings, err := CheckMounts(mounts)
	for _, w := range warnings {
		l.warn(ctx, opts, w)
	}
	return err
}

// traced makes warnings of the engine reach the log.
func (l *Launcher) traced(ctx context.Context, opts Options) context.Context {
	return WithTrace(ctx, &Trace{Warning: func(text string) { l.warn(ctx, opts, text) }})
}

// warn logs a text once; an engine that never repeats itself can't fill the memory.
func (l *Launcher) warn(ctx context.Context, opts Options, text string) {
	const most = 1000
	l.warned.mu.Lock()
	_, seen := l.warned.texts[text]
	if !seen && len(l.warned.texts) < most {
		l.warned.texts[text] = struct{}{}
	}
	l.warned.mu.Unlock()
	if !seen {
		opts.Logger.WarnContext(ctx, "dockerrun: "+text)
	}
}

func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("no result after %s: %w", d, context.DeadlineExceeded))
}

// finish turns what Run gave into the error of a Launch.
func finish(status Status, err error, outputs ...*limitBuffer) error {
	for _, o := range outputs {
		if over := o.over(); over != nil {
			return over
		}
	}
	if err != nil {
		return err
	}
	if status.Code != 0 {
		return &ExitError{Status: status}
	}
	return nil
}

// byteStdin reads from a slice until it is closed, and lets go of it then: the slice
// is the caller's, and a pump may outlive the call.
type byteStdin struct {
	mu   sync.Mutex
	data []byte
	gone bool
}

func (s *byteStdin) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.gone:
		return 0, io.ErrClosedPipe
	case len(s.data) == 0:
		return 0, io.EOF
	}
	n := copy(p, s.data)
	s.data = s.data[n:]
	return n, nil
}

func (s *byteStdin) Close() error {
	s.mu.Lock()
	s.data, s.gone = nil, true
	s.mu.Unlock()
	return nil
}
