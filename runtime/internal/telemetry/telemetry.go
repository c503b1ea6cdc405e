// Package telemetry holds the names of what dockerrun traces and measures, and the
// instruments for it. They are OpenTelemetry's global ones, which do nothing until the
// program sets providers, early or late.
package telemetry

import (
	"errors"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Scope is the name of the tracer and of the meter.
const Scope = "github.com/AltairaLabs/dockerrun"

// The spans.
const (
	SpanCall   = "dockerrun.call"   // a call, as its caller sees it
	SpanPull   = "dockerrun.pull"   // a pull, which goes on when the call that began it gives up
	SpanRemove = "dockerrun.remove" // what a removal took after the call was over
	SpanWarm   = "dockerrun.warm"   // the life of a container that was started ahead
)

// The events of a call's span, in their order.
const (
	EventPulling     = "image.pulling"
	EventPulled      = "image.pulled"
	EventCreated     = "container.created"
	EventStarted     = "container.started"
	EventFirstOutput = "container.first_output"
	EventExited      = "container.exited"
	EventRemoved     = "container.removed"
	EventReady       = "container.ready" // of a warm container's span
)

// The attributes that no semantic convention has a name for.
const (
	// KeyName is whose call it is: a sandbox's name. On spans only.
	KeyName = attribute.Key("dockerrun.name")
	// KeyWarm is what a pool did for the call: one of the Warm values.
	KeyWarm = attribute.Key("dockerrun.warm")
	// KeyState is what a container is there for: one of the State values.
	KeyState = attribute.Key("dockerrun.container.state")
	// Sizes in bytes. On spans only.
	KeyStdin  = attribute.Key("dockerrun.stdin.size")
	KeyStdout = attribute.Key("dockerrun.stdout.size")
	KeyStderr = attribute.Key("dockerrun.stderr.size")
)

// The values of KeyState.
const (
	StateUsed     = "used"     // has a call, or is being made or removed for one
	StateIdle     = "idle"     // waits for a call
	StateStarting = "starting" // is being started ahead
)

// OtherRuntime stands for a runtime that does not say what it is.
const OtherRuntime = "_OTHER"

// Instruments are what calls report to. Safe for concurrent use.
type Instruments struct {
	Tracer     trace.Tracer
	Calls      metric.Float64Histogram
	Pulls      metric.Float64Histogram
	Warm       metric.Int64Counter
	Died       metric.Int64Counter
	Containers metric.Int64UpDownCounter
}

// New gives the instruments of the global providers, also of those that are set later.
func New() *Instruments {
	meter := otel.Meter(Scope, metric.WithSchemaURL(semconv.SchemaURL))
	i := &Instruments{Tracer: otel.Tracer(Scope, trace.WithSchemaURL(semconv.SchemaURL))}
	var errs [5]error
	i.Calls, errs[0] = meter.Float64Histogram("dockerrun.call.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of calls, as their callers see it."),
		metric.WithExplicitBucketBoundaries(callBounds...))
	i.Pulls, errs[1] = meter.Float64Histogram("dockerrun.pull.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of image pulls."),
		metric.WithExplicitBucketBoundaries(pullBounds...))
	i.Warm, errs[2] = meter.Int64Counter("dockerrun.warm.calls", metric.WithUnit("{call}"),
		metric.WithDescription("Calls to a pool, by whether a container was ready."))
	i.Died, errs[3] = meter.Int64Counter("dockerrun.warm.died", metric.WithUnit("{container}"),
		metric.WithDescription("Warm containers that ended while they waited for a call."))
	i.Containers, errs[4] = meter.Int64UpDownCounter("dockerrun.container.count", metric.WithUnit("{container}"),
		metric.WithDescription("Containers that there are, by what they are there for."))
	if err := errors.Join(errs[:]...); err != nil {
		otel.Handle(err) // the instrument that comes with an error does nothing
	}
	return i
}

// A warm call takes a few milliseconds, a cold one a good part of a second, and one on a
// busy engine its whole timeout.
var (
	callBounds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	pullBounds = []float64{.1, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}
)

// Runtime is the attribute that names a runtime by its key.
func Runtime(key string) attribute.KeyValue {
	if key == "" {
		key = OtherRuntime
	}
	return semconv.ContainerRuntimeName(key)
}
