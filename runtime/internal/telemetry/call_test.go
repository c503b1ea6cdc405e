package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// series is a metric's name with its attributes.
func series(name string, attrs []attribute.KeyValue) string {
	sort.Slice(attrs, func(i, j int) bool { return attrs[i].Key < attrs[j].Key })
	parts := make([]string, len(attrs))
	for i, a := range attrs {
		parts[i] = fmt.Sprintf("%s=%s", a.Key, a.Value.String())
	}
	return name + "{" + strings.Join(parts, ",") + "}"
}

func attributes(span tracetest.SpanStub) map[string]string {
	out := map[string]string{}
	for _, a := range span.Attributes {
		out[string(a.Key)] = a.Value.String()
	}
	return out
}

func events(list []trace.Event) []string {
	var out []string
	for _, e := range list {
		out = append(out, e.Name)
	}
	return out
}

// told is a Runtime that lives through what its engine would tell, in order.
type told struct {
	still
	after func(*runtime.Trace) // once Run is about to return
}

func (told) RuntimeKey() string { return "told" }

func (r told) Run(ctx context.Context, _ runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
	trace := runtime.ContextTrace(ctx)
	trace.Created(strings.Repeat("ab", 32))
	trace.Started()
	_, err := io.Copy(stdio.Stdout, stdio.Stdin)
	if err != nil {
		return runtime.Status{}, err
	}
	_, _ = io.WriteString(stdio.Stderr, "a warning of the command")
	trace.Exited(runtime.Status{Code: 3})
	r.after(trace)
	return runtime.Status{Code: 3}, nil
}

// A call is a span below its caller's, with what happened to the container; a count and a
// time; a line in the log. None of them holds what the call reads, writes or is given.
func TestCall(t *testing.T) {
	s := watch(t)
	l := runtime.NewLauncher(told{after: func(tr *runtime.Trace) { tr.Removed(nil) }})
	ctx, parent := otel.Tracer("test").Start(t.Context(), "conversation")
	call := spec("check", "secret argument")
	call.Env = []string{"KEY=secret value"}
	_, err := l.Launch(ctx, call, []byte("secret input"), s.opts)
	require.ErrorAs(t, err, new(*runtime.ExitError))
	parent.End()

	span := s.span("dockerrun.call")
	assert.Equal(t, parent.SpanContext().SpanID(), span.Parent.SpanID())
	assert.Equal(t, map[string]string{
		"container.runtime.name": "told", "container.image.name": "registry.example/hooks/pii", "container.image.tags": `["v2"]`,
		"container.id": strings.Repeat("ab", 32), "dockerrun.name": "pii", "process.exit.code": "3", "error.type": "exit",
		"dockerrun.stdin.size": "12", "dockerrun.stdout.size": "12", "dockerrun.stderr.size": "24",
	}, attributes(span))
	assert.Equal(t, []string{"container.created", "container.started", "container.first_output", "container.exited", "container.removed"}, events(span.Events))
	assert.Equal(t, trace.Status{Code: codes.Error, Description: "exit status 3"}, span.Status)
	assert.Equal(t, map[string]float64{"dockerrun.call.duration{container.runtime.name=told,error.type=exit}": 1}, s.metrics(),
		"no container is left, and no label says more than this")

	var line map[string]any
	require.NoError(t, json.Unmarshal([]byte(s.log.String()), &line), "one line")
	assert.Positive(t, line["duration"])
	delete(line, "duration")
	delete(line, "time")
	assert.Equal(t, map[string]any{
		"level": "DEBUG", "msg": "dockerrun: call", "runtime": "told", "image": call.Image, "outcome": "exit", "exit_code": 3.0,
		"stdin_bytes": 12.0, "stdout_bytes": 12.0, "stderr_bytes": 24.0, "name": "pii", "container": strings.Repeat("ab", 32),
	}, line)
	all := fmt.Sprint(spans.GetSpans(), s.collect(), s.log)
	for _, secret := range []string{"secret input", "secret value", "secret argument", "a warning of the command"} {
		assert.NotContains(t, all, secret)
	}
}

// A removal may outlive its call.
func TestLateRemoval(t *testing.T) {
	for name, failure := range map[string]error{"done": nil, "failed": &runtime.Error{Kind: runtime.ErrEngine, Message: "device busy"}} {
		t.Run(name, func(t *testing.T) {
			s := watch(t)
			var later *runtime.Trace
			l := runtime.NewLauncher(told{after: func(tr *runtime.Trace) { later = tr }})
			_, _ = l.Launch(t.Context(), spec("check"), nil, s.opts)
			const used = "dockerrun.container.count{container.runtime.name=told,dockerrun.container.state=used}"
			assert.EqualValues(t, 1, s.metrics()[used], "it is still there")
			later.Removed(failure)
			assert.Zero(t, s.metrics()[used])
			call, removal := s.span("dockerrun.call"), s.span("dockerrun.remove")
			assert.Equal(t, call.SpanContext.SpanID(), removal.Parent.SpanID())
			assert.True(t, removal.StartTime.Equal(call.EndTime), "it is what the removal took longer")
			if failure == nil {
				assert.Equal(t, codes.Unset, removal.Status.Code)
			} else {
				assert.Equal(t, "engine", attributes(removal)["error.type"])
			}
		})
	}
}

func TestOutcomes(t *testing.T) {
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	for outcome, c := range map[string]struct {
		spec runtime.Spec
		ctx  context.Context
		opts func(*runtime.Options)
		fail error
	}{
		"":                  {spec: spec("cat")},
		"exit":              {spec: spec("three")},
		"timeout":           {spec: spec("hang"), opts: func(o *runtime.Options) { o.Timeout = 10 * time.Millisecond }},
		"canceled":          {spec: spec("cat"), ctx: canceled},
		"output_limit":      {spec: spec("full"), opts: func(o *runtime.Options) { o.MaxOutput = 10 }},
		"command_not_found": {spec: spec("nothing")},
		"invalid_spec":      {spec: runtime.Spec{}},
		"unavailable":       {spec: spec("cat"), fail: &runtime.Error{Kind: runtime.ErrUnavailable, Message: "is it running?"}},
		"image_missing":     {spec: spec("cat"), fail: &runtime.Error{Kind: runtime.ErrImageMissing, Started: true}},
		"engine":            {spec: spec("cat"), fail: errors.New("of the engine's own")},
	} {
		t.Run(outcome, func(t *testing.T) {
			s := watch(t)
			f := fake()
			l := runtime.NewLauncher(f)
			if c.fail != nil {
				f.FailNext(c.fail)
			}
			if c.opts != nil {
				c.opts(&s.opts)
			}
			ctx := t.Context()
			if c.ctx != nil {
				ctx = c.ctx
			}
			_, err := l.Launch(ctx, c.spec, nil, s.opts)
			require.NoError(t, l.Close())
			require.Equal(t, outcome == "", err == nil, "%v", err)
			span := s.span("dockerrun.call")
			assert.Equal(t, outcome, attributes(span)["error.type"])
			want, word := "dockerrun.call.duration{container.runtime.name=fake}", `"outcome":"ok"`
			if outcome != "" {
				want = "dockerrun.call.duration{container.runtime.name=fake,error.type=" + outcome + "}"
				word = `"outcome":"` + outcome + `"`
				assert.Equal(t, codes.Error, span.Status.Code)
				if outcome != "exit" {
					assert.Equal(t, err.Error(), span.Status.Description)
				}
			}
			assert.Equal(t, map[string]float64{want: 1}, s.metrics())
			assert.Contains(t, s.log.String(), word)
		})
	}
}

func TestStream(t *testing.T) {
	s := watch(t)
	l := launcher(t, fake())
	var out bytes.Buffer
	status, err := l.Stream(t.Context(), spec("cat"), runtime.Stdio{Stdin: io.NopCloser(strings.NewReader("12345")), Stdout: &out}, s.opts)
	require.NoError(t, err)
	assert.Zero(t, status)
	assert.Equal(t, "12345", out.String())
	got := attributes(s.span("dockerrun.call"))
	assert.Equal(t, "5", got["dockerrun.stdin.size"])
	assert.Equal(t, "5", got["dockerrun.stdout.size"])
	assert.Equal(t, "4", got["dockerrun.stderr.size"], "also of what nobody reads")

	s = watch(t)
	_, err = l.Stream(t.Context(), spec("three"), runtime.Stdio{}, s.opts)
	require.NoError(t, err)
	assert.Equal(t, "exit", attributes(s.span("dockerrun.call"))["error.type"], "no error for Stream, and none the less a failure")
}

// A call that began with a wait shows the wait.
func TestBegan(t *testing.T) {
	s := watch(t)
	s.opts.Began = time.Now().Add(-time.Hour)
	_, err := launcher(t, fake()).Launch(t.Context(), spec("cat"), nil, s.opts)
	require.NoError(t, err)
	span := s.span("dockerrun.call")
	assert.GreaterOrEqual(t, span.EndTime.Sub(span.StartTime), time.Hour)

	s = watch(t)
	runtime.Refused(t.Context(), "fake", spec("cat"), &runtime.Error{Kind: runtime.ErrTimeout}, s.opts)
	assert.Equal(t, "timeout", attributes(s.span("dockerrun.call"))["error.type"])
	assert.Equal(t, map[string]float64{"dockerrun.call.duration{container.runtime.name=fake,error.type=timeout}": 1}, s.metrics())
}

// A pull has a span of its own, which goes on when the call that began it has given up.
func TestPull(t *testing.T) {
	f := fake()
	f.Images = map[string]runtime.Image{}
	pulling, arrive := make(chan struct{}, 1), make(chan struct{})
	f.Pull = func(ctx context.Context, _ runtime.ImageRequest) (runtime.Image, error) {
		pulling <- struct{}{}
		select {
		case <-arrive:
			return runtime.Image{}, nil
		case <-ctx.Done():
			return runtime.Image{}, ctx.Err()
		}
	}
	l := runtime.NewLauncher(f)
	s := watch(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-pulling
		cancel()
	}()
	_, err := l.Launch(ctx, spec("cat"), nil, s.opts)
	require.ErrorIs(t, err, runtime.ErrPulling)
	call := s.span("dockerrun.call")
	assert.Equal(t, []string{"image.pulling"}, events(call.Events))
	s.none("dockerrun.pull")
	close(arrive)
	require.Eventually(t, func() bool { return len(spans.GetSpans()) == 2 }, testTime, tick)
	require.NoError(t, l.Close())
	pull := s.span("dockerrun.pull")
	assert.Equal(t, call.SpanContext.SpanID(), pull.Parent.SpanID())
	assert.Equal(t, map[string]string{"container.runtime.name": "fake", "container.image.name": "registry.example/hooks/pii", "container.image.tags": `["v2"]`}, attributes(pull))
	assert.EqualValues(t, 1, s.metrics()["dockerrun.pull.duration{container.runtime.name=fake}"])
}

// Providers that are set late get the calls of a Launcher that was there before, and what
// nobody looks at costs next to nothing.
func TestProvidersSetLate(t *testing.T) {
	s := watch(t)
	_, err := early.Launch(t.Context(), spec("cat"), nil, s.opts)
	require.NoError(t, err)
	s.span("dockerrun.call")
	assert.Equal(t, map[string]float64{"dockerrun.call.duration{container.runtime.name=fake}": 1}, s.metrics())

	nothing := runtime.NewLauncher(still{})
	watched := testing.AllocsPerRun(100, func() {
		_, _ = nothing.Launch(t.Context(), spec("cat"), nil, s.opts)
	})
	t.Logf("allocations of a call: %v when nobody looks, %v with a log, traces and metrics", unseen, watched)
	assert.Less(t, unseen, 35.0, "the Launcher's own are 25")
	assert.Less(t, unseen, watched/2)
}
