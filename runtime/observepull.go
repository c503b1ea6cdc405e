package runtime

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/AltairaLabs/dockerrun/runtime/internal/telemetry"
)

// observePull traces and measures a pull; end must be called with its outcome.
func observePull(ctx context.Context, tel *telemetry.Instruments, key string, req ImageRequest) (_ context.Context, end func(error)) {
	began := time.Now()
	attrs := []attribute.KeyValue{telemetry.Runtime(key)}
	ctx, span := tel.Tracer.Start(ctx, telemetry.SpanPull, trace.WithTimestamp(began), trace.WithAttributes(attrs...),
		trace.WithAttributes(telemetry.Image(req.Ref)...))
	return ctx, func(err error) {
		outcome := Outcome(Status{}, err)
		setOutcome(span, outcome, Status{}, err)
		span.End()
		if outcome != outcomeOK {
			attrs = append(attrs, semconv.ErrorTypeKey.String(outcome))
		}
		tel.Pulls.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(attrs...))
	}
}
