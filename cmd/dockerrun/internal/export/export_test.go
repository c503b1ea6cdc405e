package export

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWanted(t *testing.T) {
	t.Parallel()
	const (
		endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
		traces   = "OTEL_TRACES_EXPORTER"
		metrics  = "OTEL_METRICS_EXPORTER"
		protocol = "OTEL_EXPORTER_OTLP_PROTOCOL"
	)
	for name, c := range map[string]struct {
		env  map[string]string
		want signals
		err  string
	}{
		"nothing":               {},
		"an address":            {env: map[string]string{endpoint: "http://x"}, want: signals{true, true}},
		"one for traces":        {env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, want: signals{traces: true}},
		"one for metrics":       {env: map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://x"}, want: signals{metrics: true}},
		"the usual address":     {env: map[string]string{traces: "otlp"}, want: signals{traces: true}},
		"all but metrics":       {env: map[string]string{endpoint: "http://x", metrics: "none"}, want: signals{traces: true}},
		"off":                   {env: map[string]string{endpoint: "http://x", traces: "otlp", "OTEL_SDK_DISABLED": "true"}},
		"a protocol":            {env: map[string]string{endpoint: "http://x", protocol: "http/protobuf"}, want: signals{true, true}},
		"another one":           {env: map[string]string{endpoint: "http://x", protocol: "grpc"}, err: "OTEL_EXPORTER_OTLP_PROTOCOL=grpc: it takes http/protobuf"},
		"another, not asked":    {env: map[string]string{protocol: "grpc"}},
		"another for one":       {env: map[string]string{endpoint: "http://x", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "grpc"}, err: "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=grpc: it takes http/protobuf"},
		"another exporter":      {env: map[string]string{traces: "zipkin"}, err: "OTEL_TRACES_EXPORTER=zipkin: it takes otlp or none"},
		"another, for metrics":  {env: map[string]string{metrics: "prometheus"}, err: "OTEL_METRICS_EXPORTER=prometheus: it takes otlp or none"},
		"none and an address":   {env: map[string]string{endpoint: "http://x", traces: "none", metrics: "none"}},
		"the protocol for none": {env: map[string]string{endpoint: "http://x", traces: "none", metrics: "none", protocol: "grpc"}},
	} {
		got, err := wanted(func(key string) string { return c.env[key] })
		if c.err != "" {
			require.EqualError(t, err, c.err, name)
			continue
		}
		require.NoError(t, err, name)
		assert.Equal(t, c.want, got, name)
	}
}

// receiver is an OTLP receiver on loopback.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	traces  coltrace.ExportTraceServiceRequest
	metrics []string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		switch req.URL.Path {
		case "/v1/traces":
			assert.NoError(t, proto.Unmarshal(body, &r.traces))
		case "/v1/metrics":
			var got colmetrics.ExportMetricsServiceRequest
			assert.NoError(t, proto.Unmarshal(body, &got))
			for _, rm := range got.ResourceMetrics {
				for _, sm := range rm.ScopeMetrics {
					for _, m := range sm.Metrics {
						r.metrics = append(r.metrics, m.Name)
					}
				}
			}
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func started(t *testing.T) (context.Context, func(), *[]string) {
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	var warnings []string
	ctx, flush := Start(t.Context(), "v1.2.3", func(text string) { warnings = append(warnings, text) })
	return ctx, flush, &warnings
}

func TestNothingWithoutBeingAsked(t *testing.T) {
	before := otel.GetTracerProvider()
	ctx, flush, warnings := started(t)
	flush()
	assert.Equal(t, t.Context(), ctx)
	assert.Equal(t, before, otel.GetTracerProvider())
	assert.Empty(t, *warnings)
}

func TestSends(t *testing.T) {
	r := newReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	t.Setenv("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	ctx, flush, warnings := started(t)
	_, span := otel.Tracer("test").Start(ctx, "a span")
	span.End()
	counter, err := otel.Meter("test").Int64Counter("a.counter")
	require.NoError(t, err)
	counter.Add(ctx, 1)
	flush()
	assert.Empty(t, *warnings)
	assert.Equal(t, []string{"a.counter"}, r.metrics)
	require.Len(t, r.traces.ResourceSpans, 1)
	attrs := map[string]string{}
	for _, a := range r.traces.ResourceSpans[0].Resource.Attributes {
		attrs[a.Key] = a.Value.GetStringValue()
	}
	assert.Equal(t, "dockerrun", attrs["service.name"])
	assert.Equal(t, "v1.2.3", attrs["service.version"])
	assert.Equal(t, "test", attrs["deployment.environment.name"])
	got := r.traces.ResourceSpans[0].ScopeSpans[0].Spans[0]
	assert.Equal(t, "a span", got.Name)
	assert.Equal(t, []byte{0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31}, got.ParentSpanId, "of whoever started us")
}

// A command that makes no call sends nothing.
func TestSendsNothingEmpty(t *testing.T) {
	r := newReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
	_, flush, warnings := started(t)
	flush()
	assert.Empty(t, *warnings)
	assert.Empty(t, r.metrics)
	assert.Empty(t, r.traces.ResourceSpans)
}

func TestWrongEnvironment(t *testing.T) {
	t.Setenv("OTEL_TRACES_EXPORTER", "zipkin")
	_, flush, warnings := started(t)
	flush()
	assert.Equal(t, []string{"telemetry: OTEL_TRACES_EXPORTER=zipkin: it takes otlp or none"}, *warnings)
}

// A receiver that hangs holds a command up for a few seconds, and is mentioned once.
func TestReceiverHangs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close() // which nobody accepts from
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+l.Addr().String())
	ctx, flush, warnings := started(t)
	_, span := otel.Tracer("test").Start(ctx, "a span")
	span.End()
	counter, err := otel.Meter("test").Int64Counter("a.counter")
	require.NoError(t, err)
	counter.Add(ctx, 1)
	began := time.Now()
	flush()
	assert.Less(t, time.Since(began), flushTime+5*time.Second)
	assert.Len(t, *warnings, 1)
}
