// Package export sends the traces and metrics of the dockerrun command to where
// OpenTelemetry's own environment variables say, and does nothing without them.
package export

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// flushTime is how long a command that has ended waits for a receiver.
const flushTime = 3 * time.Second

// Start sets the global providers if the environment asks for them. The context that it
// returns is below the span that TRACEPARENT names. flush sends what is left, and gives up
// after a few seconds. warn gets a line, once, when something of this does not work: the
// command goes on without it.
func Start(ctx context.Context, version string, warn func(string)) (_ context.Context, flush func()) {
	e := &export{warn: warn}
	on, err := wanted(os.Getenv)
	if err == nil {
		err = e.start(ctx, on, version)
	}
	if err != nil {
		e.fail(err)
	}
	if len(e.shutdowns) == 0 {
		return ctx, func() {}
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(e.fail))
	// Docker's engine can trace too, and then does so below our spans.
	otel.SetTextMapPropagator(propagation.TraceContext{})
	ctx = propagation.TraceContext{}.Extract(ctx, environment{})
	return ctx, e.flush
}

type export struct {
	warn      func(string)
	warned    sync.Once
	shutdowns []func(context.Context) error
}

func (e *export) fail(err error) {
	e.warned.Do(func() { e.warn("telemetry: " + err.Error()) })
}

func (e *export) start(ctx context.Context, on signals, version string) error {
	if on == (signals{}) {
		return nil
	}
	res, err := resource.New(ctx, resource.WithSchemaURL(semconv.SchemaURL), resource.WithTelemetrySDK(), resource.WithHost(),
		// Each run of the command counts from zero, so each is an instance of its own.
		resource.WithAttributes(semconv.ServiceName("dockerrun"), semconv.ServiceVersion(version), semconv.ServiceInstanceID(rand.Text())),
		resource.WithFromEnv()) // last, so that it wins
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return err
	}
	if on.traces {
		// Not tried again: there is no time for it.
		exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}))
		if err != nil {
			return err
		}
		p := trace.NewTracerProvider(trace.WithResource(res), trace.WithBatcher(exporter))
		otel.SetTracerProvider(p)
		e.shutdowns = append(e.shutdowns, p.Shutdown)
	}
	if on.metrics {
		exporter, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{}))
		if err != nil {
			return err
		}
		p := metric.NewMeterProvider(metric.WithResource(res), metric.WithReader(metric.NewPeriodicReader(something{exporter})))
		otel.SetMeterProvider(p)
		e.shutdowns = append(e.shutdowns, p.Shutdown)
	}
	return nil
}

func (e *export) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	var wg sync.WaitGroup
	for _, shutdown := range e.shutdowns {
		wg.Go(func() {
			if err := shutdown(ctx); err != nil {
				e.fail(err)
			}
		})
	}
	wg.Wait()
}

// something sends no empty message, for the commands that make no call.
type something struct{ metric.Exporter }

func (s something) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	if len(rm.ScopeMetrics) == 0 {
		return nil
	}
	return s.Exporter.Export(ctx, rm)
}
