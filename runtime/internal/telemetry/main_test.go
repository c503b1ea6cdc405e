package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/internal/telemetry"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
)

// The providers are the process's own, so tests here are not parallel.
var (
	spans    = tracetest.NewInMemoryExporter()
	reader   = metric.NewManualReader()
	registry = prometheus.NewRegistry()

	// early was made before there were providers.
	early *runtime.Launcher
	// unseen is how many allocations a call took then.
	unseen float64
)

func TestMain(m *testing.M) {
	early = runtime.NewLauncher(fake())
	nothing := runtime.NewLauncher(still{})
	opts := runtime.Options{Logger: slog.New(slog.DiscardHandler)}
	unseen = testing.AllocsPerRun(100, func() {
		if _, err := nothing.Launch(context.Background(), spec("cat"), nil, opts); err != nil {
			panic(err)
		}
	})
	prom, err := otelprom.New(otelprom.WithRegisterer(registry))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	otel.SetTracerProvider(trace.NewTracerProvider(trace.WithSyncer(spans)))
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader), metric.WithReader(prom)))
	status := m.Run()
	if err := errors.Join(early.Close(), goleak.Find()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// Limits of what should take no time at all.
const (
	testTime = 30 * time.Second
	tick     = 5 * time.Millisecond
)

// still is a Runtime that does nothing.
type still struct{ runtime.Runtime }

func (still) Run(context.Context, runtime.Spec, runtime.Stdio) (runtime.Status, error) {
	return runtime.Status{}, nil
}

// fake has a few programs.
func fake() *runtimetest.Fake {
	return &runtimetest.Fake{Programs: map[string]runtimetest.Program{
		"cat": func(_ context.Context, p *runtimetest.Process) int {
			_, _ = io.Copy(p.Stdout, p.Stdin)
			_, _ = io.WriteString(p.Stderr, "done")
			return 0
		},
		"three": func(context.Context, *runtimetest.Process) int { return 3 },
		"hang":  func(ctx context.Context, _ *runtimetest.Process) int { <-ctx.Done(); return 1 },
		"full": func(_ context.Context, p *runtimetest.Process) int {
			_, _ = p.Stdout.Write(bytes.Repeat([]byte("x"), 1000))
			return 0
		},
	}}
}

func spec(command ...string) runtime.Spec {
	return runtime.Spec{Image: "registry.example/hooks/pii:v2", Args: command, Network: "none"}
}

// launcher is one on f, closed with the test.
func launcher(t *testing.T, f runtime.Runtime) *runtime.Launcher {
	l := runtime.NewLauncher(f)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// seen is what was exported during a test.
type seen struct {
	t      *testing.T
	before map[string]float64
	log    *logBuffer
	opts   runtime.Options
}

func watch(t *testing.T) *seen {
	spans.Reset()
	s := &seen{t: t, log: &logBuffer{}}
	s.opts = runtime.Options{Name: "pii", Logger: slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	s.before = s.collect()
	return s
}

// collect gives the value of each series: of a histogram the count.
func (s *seen) collect() map[string]float64 {
	var rm metricdata.ResourceMetrics
	require.NoError(s.t, reader.Collect(context.Background(), &rm))
	out := map[string]float64{}
	for _, scope := range rm.ScopeMetrics {
		if scope.Scope.Name != telemetry.Scope {
			continue
		}
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					out[series(m.Name, p.Attributes.ToSlice())] = float64(p.Count)
				}
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					out[series(m.Name, p.Attributes.ToSlice())] = float64(p.Value)
				}
			default:
				require.Fail(s.t, "unknown data", "%T", data)
			}
		}
	}
	return out
}

// metrics gives what changed since the beginning of the test.
func (s *seen) metrics() map[string]float64 {
	out := map[string]float64{}
	for name, value := range s.collect() {
		if d := value - s.before[name]; d != 0 {
			out[name] = d
		}
	}
	return out
}

// span gives the one of that name.
func (s *seen) span(name string) tracetest.SpanStub {
	var found []tracetest.SpanStub
	for _, span := range spans.GetSpans() {
		if span.Name == name {
			found = append(found, span)
		}
	}
	require.Len(s.t, found, 1, name)
	return found[0]
}

func (s *seen) none(name string) {
	for _, span := range spans.GetSpans() {
		require.NotEqual(s.t, name, span.Name)
	}
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
