package factory

import (
	"context"
	"testing"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Whoever sets OpenTelemetry's global providers sees the calls of a sandbox below his own
// spans, by the sandbox's name; also those that wait for a place and never get one.
func TestCallsAreTraced(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	otel.SetTracerProvider(trace.NewTracerProvider(trace.WithSyncer(exporter)))
	t.Cleanup(func() { otel.SetTracerProvider(noop.NewTracerProvider()) })

	busy, release := make(chan struct{}), make(chan struct{})
	rt := &recorder{run: func(context.Context, runtime.Spec, runtime.Stdio) (runtime.Status, error) {
		close(busy)
		<-release
		return runtime.Status{}, nil
	}}
	sb := NewNamed("traced", Config{Image: "img", Backend: rt, MaxConcurrent: 1})
	require.NoError(t, sb.err)
	ctx, hook := otel.Tracer("test").Start(t.Context(), "hook")
	done := make(chan error)
	go func() {
		resp, _ := sb.Spawn(ctx, sandbox.Request{Command: "cmd"})
		done <- resp.Err
	}()
	<-busy
	resp, _ := sb.Spawn(ctx, sandbox.Request{Command: "cmd", Timeout: 500 * time.Millisecond})
	require.ErrorIs(t, resp.Err, runtime.ErrTimeout)
	close(release)
	require.NoError(t, <-done)

	outcomes := map[string]time.Duration{}
	for _, span := range exporter.GetSpans() {
		attrs := map[string]string{}
		for _, a := range span.Attributes {
			attrs[string(a.Key)] = a.Value.String()
		}
		if attrs["dockerrun.name"] != "traced" {
			continue // of a test that runs at the same time
		}
		assert.Equal(t, "dockerrun.call", span.Name)
		assert.Equal(t, hook.SpanContext().SpanID(), span.Parent.SpanID())
		outcomes[attrs["error.type"]] = span.EndTime.Sub(span.StartTime)
	}
	require.Len(t, outcomes, 2)
	assert.Contains(t, outcomes, "")
	// Half of it: the deadline is set a little before the span begins.
	assert.GreaterOrEqual(t, outcomes["timeout"], 250*time.Millisecond, "the wait is in it")
}
