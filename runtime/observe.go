package runtime

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/AltairaLabs/dockerrun/runtime/internal/telemetry"
)

// observed is a call that someone listens to: a log, a tracer or a meter. Nil is one that
// nobody does, and costs nothing.
type observed struct {
	tel   *telemetry.Instruments
	log   *slog.Logger // nil: it does not want calls
	ctx   context.Context
	span  trace.Span
	began time.Time
	key   attribute.KeyValue
	image string
	name  string

	stdin, stdout, stderr atomic.Int64 // bytes

	mu        sync.Mutex
	container *alive // of the Run that is under way, or was the last
	id        string // of the container, or its name
	warm      Warmth
	exited    bool
	ended     time.Time // when the call was over
}

// Refused shows in logs, traces and metrics a call that failed with err before it got to
// a [Launcher], as Launch does with the others. Empty key: no runtime was chosen.
func Refused(ctx context.Context, key string, spec Spec, err error, opts Options) {
	_, seen := observe(ctx, telemetry.New(), key, spec.Image, opts.withDefaults())
	seen.end(Status{}, err)
}

func (l *Launcher) observe(ctx context.Context, image string, opts Options) (context.Context, *observed) {
	return observe(ctx, l.tel, KeyOf(l.rt), image, opts)
}

// observe begins to watch a call.
func observe(ctx context.Context, tel *telemetry.Instruments, key, image string, opts Options) (context.Context, *observed) {
	var start []trace.SpanStartOption
	if !opts.Began.IsZero() {
		start = append(start, trace.WithTimestamp(opts.Began))
	}
	outer := ctx
	ctx, span := tel.Tracer.Start(ctx, telemetry.SpanCall, start...)
	debug := opts.Logger.Enabled(ctx, slog.LevelDebug)
	if !debug && !span.IsRecording() && !tel.Calls.Enabled(ctx) {
		return outer, nil
	}
	o := &observed{tel: tel, ctx: ctx, span: span, began: opts.Began, key: telemetry.Runtime(key), image: image, name: opts.Name}
	if o.began.IsZero() {
		o.began = time.Now()
	}
	if debug {
		o.log = opts.Logger
	}
	if span.IsRecording() {
		span.SetAttributes(o.key)
		span.SetAttributes(telemetry.Image(image)...)
		if o.name != "" {
			span.SetAttributes(telemetry.KeyName.String(o.name))
		}
	}
	return WithTrace(ctx, o.trace()), o
}

// trace makes events of what the Runtime tells.
func (o *observed) trace() *Trace {
	return &Trace{
		Created: o.created,
		Started: func() { o.span.AddEvent(telemetry.EventStarted) },
		Exited: func(s Status) {
			o.mu.Lock()
			o.exited = true
			o.mu.Unlock()
			o.span.AddEvent(telemetry.EventExited, trace.WithAttributes(semconv.ProcessExitCode(s.Code)))
		},
		Removed: o.removed,
		Pulling: func(string) { o.span.AddEvent(telemetry.EventPulling) },
		Pulled:  func(_ string, err error) { o.span.AddEvent(telemetry.EventPulled, failure(err)) },
		Warm: func(w Warmth) {
			o.mu.Lock()
			o.warm = w
			o.mu.Unlock()
		},
	}
}

// failure is the attribute of an event that may have failed.
func failure(err error) trace.SpanStartEventOption {
	if err == nil {
		return trace.WithAttributes()
	}
	return trace.WithAttributes(semconv.ErrorTypeKey.String(Outcome(Status{}, err)))
}

func (o *observed) created(id string) {
	o.mu.Lock()
	o.id = id
	o.container.exists()
	o.mu.Unlock()
	attr := semconv.ContainerName(id)
	if isID(id) {
		attr = semconv.ContainerID(id)
	}
	o.span.SetAttributes(attr)
	o.span.AddEvent(telemetry.EventCreated)
}

// isID tells an engine's ID from a name, which is all that some runtimes know.
func isID(s string) bool {
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == 64
}

// removed may come after the call is over. The span has ended then, and another one shows
// what the removal took.
func (o *observed) removed(err error) {
	o.mu.Lock()
	o.container.gone()
	ended := o.ended
	o.mu.Unlock()
	if ended.IsZero() {
		o.span.AddEvent(telemetry.EventRemoved, failure(err))
		return
	}
	_, span := o.tel.Tracer.Start(o.ctx, telemetry.SpanRemove, trace.WithTimestamp(ended), trace.WithAttributes(o.key))
	if err != nil {
		setOutcome(span, Outcome(Status{}, err), Status{}, err)
	}
	span.End()
}

// run watches one Run. done must be called when it has returned.
func (o *observed) run(stdio Stdio) (watched Stdio, done func()) {
	if o == nil {
		return stdio, func() {}
	}
	c := newAlive(o)
	o.mu.Lock()
	o.container = c
	o.mu.Unlock()
	first := sync.OnceFunc(func() { o.span.AddEvent(telemetry.EventFirstOutput) })
	if stdio.Stdin != nil {
		stdio.Stdin = &countedReader{stdio.Stdin, &o.stdin}
	}
	stdio.Stdout = counted(stdio.Stdout, &o.stdout, first)
	stdio.Stderr = counted(stdio.Stderr, &o.stderr, first)
	return stdio, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		c.returned()
	}
}

// end is the end of the call.
func (o *observed) end(status Status, err error) {
	if o == nil {
		return
	}
	outcome := Outcome(status, err)
	now := time.Now()
	o.mu.Lock()
	o.ended = now
	id, warm, exited := o.id, o.warm, o.exited
	o.mu.Unlock()

	if o.span.IsRecording() {
		setOutcome(o.span, outcome, status, err)
		o.span.SetAttributes(telemetry.KeyStdin.Int64(o.stdin.Load()),
			telemetry.KeyStdout.Int64(o.stdout.Load()), telemetry.KeyStderr.Int64(o.stderr.Load()))
		if exited {
			o.span.SetAttributes(semconv.ProcessExitCode(status.Code))
		}
		if warm != "" {
			o.span.SetAttributes(telemetry.KeyWarm.String(string(warm)))
		}
	}
	o.span.End(trace.WithTimestamp(now))

	attrs := append(make([]attribute.KeyValue, 0, 3), o.key)
	if outcome != outcomeOK {
		attrs = append(attrs, semconv.ErrorTypeKey.String(outcome))
	}
	if warm != "" {
		attrs = append(attrs, telemetry.KeyWarm.String(string(warm)))
	}
	o.tel.Calls.Record(o.ctx, now.Sub(o.began).Seconds(), metric.WithAttributes(attrs...))
	if o.log != nil {
		o.write(now.Sub(o.began), outcome, status, id, warm, exited)
	}
}

// write makes the call's line in the log.
func (o *observed) write(took time.Duration, outcome string, status Status, id string, warm Warmth, exited bool) {
	attrs := append(make([]slog.Attr, 0, 12), slog.String("runtime", o.key.Value.AsString()),
		slog.String("image", o.image), slog.String("outcome", outcome), slog.Duration("duration", took),
		slog.Int64("stdin_bytes", o.stdin.Load()), slog.Int64("stdout_bytes", o.stdout.Load()), slog.Int64("stderr_bytes", o.stderr.Load()))
	if o.name != "" {
		attrs = append(attrs, slog.String("name", o.name))
	}
	if id != "" {
		attrs = append(attrs, slog.String("container", id))
	}
	if exited {
		attrs = append(attrs, slog.Int("exit_code", status.Code))
	}
	if warm != "" {
		attrs = append(attrs, slog.String("warm", string(warm)))
	}
	o.log.LogAttrs(o.ctx, slog.LevelDebug, "dockerrun: call", attrs...)
}

// counted counts what is written, also what nobody wants.
func counted(w io.Writer, n *atomic.Int64, first func()) io.Writer {
	if w == nil {
		w = io.Discard
	}
	return &countedWriter{w, n, first}
}

type countedWriter struct {
	io.Writer
	n     *atomic.Int64
	first func()
}

func (w *countedWriter) Write(p []byte) (int, error) {
	if len(p) > 0 {
		w.first()
	}
	n, err := w.Writer.Write(p)
	w.n.Add(int64(n))
	return n, err
}

type countedReader struct {
	io.ReadCloser
	n *atomic.Int64
}

func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.n.Add(int64(n))
	return n, err
}
