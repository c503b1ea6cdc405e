package warm

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/internal/telemetry"
)

// meter measures and traces what a pool does, when the program has OpenTelemetry look.
type meter struct {
	tel    *telemetry.Instruments
	key    attribute.KeyValue
	calls  map[runtime.Warmth]metric.MeasurementOption
	counts map[state]metric.MeasurementOption // of containers; those with a call are the Launcher's to count
	only   metric.MeasurementOption           // the runtime
}

func newMeter(rt runtime.Runtime, key string) *meter {
	if key == "" {
		key = runtime.KeyOf(rt)
	}
	m := &meter{tel: telemetry.New(), key: telemetry.Runtime(key)}
	with := func(more ...attribute.KeyValue) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(append(more, m.key)...))
	}
	m.only = with()
	m.calls = map[runtime.Warmth]metric.MeasurementOption{}
	for _, w := range []runtime.Warmth{runtime.WarmHit, runtime.WarmMiss, runtime.WarmCold} {
		m.calls[w] = with(telemetry.KeyWarm.String(string(w)))
	}
	m.counts = map[state]metric.MeasurementOption{
		starting: with(telemetry.KeyState.String(telemetry.StateStarting)),
		idle:     with(telemetry.KeyState.String(telemetry.StateIdle)),
	}
	return m
}

// call counts a call that was made so.
func (m *meter) call(ctx context.Context, how runtime.Warmth) {
	m.tel.Warm.Add(ctx, 1, m.calls[how])
}

func (m *meter) died(ctx context.Context) { m.tel.Died.Add(ctx, 1, m.only) }

// life is a warm container's, as it is counted and traced. It has a trace of its own, as
// nobody's call it is; the call that gets it has a link to it.
type life struct {
	meter *meter
	ctx   context.Context
	span  trace.Span
	state state
	count bool // a meter heard of its beginning
}

// begin begins a life. Pool.mu is held.
func (m *meter) begin(ctx context.Context, image string) life {
	l := life{meter: m, state: starting, count: m.tel.Containers.Enabled(ctx)}
	l.ctx, l.span = m.tel.Tracer.Start(ctx, telemetry.SpanWarm)
	if l.span.IsRecording() {
		l.span.SetAttributes(m.key)
		l.span.SetAttributes(telemetry.Image(image)...)
	}
	l.add(1)
	return l
}

// is says what the container is there for now. Pool.mu is held.
func (l *life) is(s state) {
	if s == l.state {
		return
	}
	l.add(-1)
	l.state = s
	l.add(1)
}

func (l *life) add(n int64) {
	if option, ok := l.meter.counts[l.state]; ok && l.count {
		l.meter.tel.Containers.Add(context.WithoutCancel(l.ctx), n, option)
	}
}

func (l *life) ready() { l.span.AddEvent(telemetry.EventReady) }

// link shows in the trace of a call which container it got.
func (l *life) link(ctx context.Context) {
	if l.span.IsRecording() {
		trace.SpanFromContext(ctx).AddLink(trace.Link{SpanContext: l.span.SpanContext()})
	}
}

// end is that of Run. What the pool gave up has not failed.
func (l *life) end(err error) {
	if err != nil && l.ctx.Err() == nil {
		l.span.SetStatus(codes.Error, "")
		l.span.SetAttributes(semconv.ErrorTypeKey.String(runtime.Outcome(runtime.Status{}, err)))
	}
	l.span.End()
}
