package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
)

// receiver is an OTLP receiver, as a collector has one.
type receiver struct {
	url string

	mu      sync.Mutex
	spans   []*trace.Span
	metrics map[string]*metrics.Metric
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{metrics: map[string]*metrics.Metric{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err == nil {
			err = r.receive(req.URL.Path, body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) receive(path string, body []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if path == "/v1/traces" {
		var got coltrace.ExportTraceServiceRequest
		err := proto.Unmarshal(body, &got)
		for _, resource := range got.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				r.spans = append(r.spans, scope.Spans...)
			}
		}
		return err
	}
	var got colmetrics.ExportMetricsServiceRequest
	err := proto.Unmarshal(body, &got)
	for _, resource := range got.ResourceMetrics {
		for _, scope := range resource.ScopeMetrics {
			for _, m := range scope.Metrics {
				r.metrics[m.Name] = m
			}
		}
	}
	return err
}

// The real command, on real engines, with nothing but OpenTelemetry's environment set:
// a call is a span below that of whoever started the command, with what happened to the
// container in the order in which it did, and it is counted.
func TestDockerrunSendsTelemetry(t *testing.T) {
	bin := buildDockerrun(t)
	each(t, func(t *testing.T, v engines.Variant) {
		r := newReceiver(t)
		args := append([]string{"run"}, flags(v)...)
		args = append(args, "--timeout=60s", "--network=none", "--pull=never", "-e", "KEY=secret value",
			image.Ref, "/bin/sh", "-c", "cat; exit 3")
		cmd := exec.CommandContext(t.Context(), bin, args...)
		cmd.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT="+r.url,
			"TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		cmd.Stdin = strings.NewReader("secret input")
		stdout, stderr, status := dockerrun(t, cmd)
		assert.Equal(t, "secret input", stdout)
		assert.Empty(t, stderr)
		assert.Equal(t, 3, status)

		r.mu.Lock()
		defer r.mu.Unlock()
		var call *trace.Span
		for _, s := range r.spans {
			assert.NotContains(t, s.String(), "secret")
			if s.Name == "dockerrun.call" {
				require.Nil(t, call, "one call")
				call = s
			}
		}
		require.NotNil(t, call)
		assert.Equal(t, []byte{0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31}, call.ParentSpanId)
		attrs := map[string]string{}
		for _, a := range call.Attributes {
			attrs[a.Key] = a.Value.GetStringValue()
			if a.Key == "process.exit.code" {
				assert.EqualValues(t, 3, a.Value.GetIntValue())
			}
		}
		assert.Equal(t, v.Key, attrs["container.runtime.name"])
		assert.Equal(t, "exit", attrs["error.type"])
		assert.Contains(t, attrs, "container.image.name")
		assert.Contains(t, attrs, "process.exit.code")
		var happened []string
		for _, e := range call.Events {
			if e.Name != "container.first_output" { // which docker-cli hears of before the rest
				happened = append(happened, e.Name)
			}
		}
		require.GreaterOrEqual(t, len(happened), 3, happened)
		assert.Equal(t, []string{"container.created", "container.started", "container.exited"}, happened[:3])
		assert.Greater(t, len(call.Events), len(happened), "there was output")

		duration := r.metrics["dockerrun.call.duration"]
		require.NotNil(t, duration)
		assert.Equal(t, "s", duration.Unit)
		require.Len(t, duration.GetHistogram().DataPoints, 1)
		assert.EqualValues(t, 1, duration.GetHistogram().DataPoints[0].Count)
		require.Contains(t, r.metrics, "dockerrun.container.count")
		r.noContainers(t)
	})
}

// noContainers: the count of containers is back where it began, whatever became of them.
func (r *receiver) noContainers(t *testing.T) {
	t.Helper()
	alive := r.metrics["dockerrun.container.count"] // nothing, when a deadline came before there was one
	for _, p := range alive.GetSum().DataPoints {
		assert.Zero(t, p.GetAsInt(), p)
	}
}

// Containers that are killed at a deadline, and warm ones that get no call, are counted to
// their end as well.
func TestTelemetryOfContainersThatAreKilled(t *testing.T) {
	bin := buildDockerrun(t)
	each(t, func(t *testing.T, v engines.Variant) {
		for name, c := range map[string]struct {
			args   []string
			status int
			metric string
		}{
			"deadline": {[]string{"--timeout=2s", image.Ref, "/bin/sh", "-c", "exec sleep 60"}, 124, "dockerrun.call.duration"},
			"warm":     {[]string{"--timeout=60s", "--each-line", "--warm=1", image.Ref, "/bin/sh", "-c", "cat"}, 0, "dockerrun.warm.calls"},
		} {
			t.Run(name, func(t *testing.T) {
				r := newReceiver(t)
				args := append([]string{"run"}, flags(v)...)
				cmd := exec.CommandContext(t.Context(), bin, append(append(args, "--network=none", "--pull=never"), c.args...)...)
				cmd.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT="+r.url)
				cmd.Stdin = strings.NewReader("a line\n")
				_, stderr, status := dockerrun(t, cmd)
				require.Equal(t, c.status, status, stderr)
				r.mu.Lock()
				defer r.mu.Unlock()
				assert.Contains(t, r.metrics, c.metric)
				r.noContainers(t)
			})
		}
	})
}
