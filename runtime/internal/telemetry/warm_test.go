package telemetry_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
	"github.com/AltairaLabs/dockerrun/runtime/warm"
)

const (
	idle     = "dockerrun.container.count{container.runtime.name=fake,dockerrun.container.state=idle}"
	starting = "dockerrun.container.count{container.runtime.name=fake,dockerrun.container.state=starting}"
	used     = "dockerrun.container.count{container.runtime.name=fake,dockerrun.container.state=used}"
	died     = "dockerrun.warm.died{container.runtime.name=fake}"
)

func calls(how string) string {
	return "dockerrun.warm.calls{container.runtime.name=fake,dockerrun.warm=" + how + "}"
}

// pooled are calls on a pool of one container.
type pooled struct {
	*seen
	fake *runtimetest.Fake
	pool *warm.Pool
	over *runtime.Launcher
}

func withPool(t *testing.T) *pooled {
	p := &pooled{seen: watch(t), fake: fake()}
	p.fake.Programs["count"] = func(_ context.Context, proc *runtimetest.Process) int {
		_, _ = io.Copy(io.Discard, proc.Stdin)
		got := p.metrics()
		assert.EqualValues(t, 1, got[used])
		return 0
	}
	p.pool = warm.New(p.fake, warm.Options{Size: 1, Logger: slog.New(slog.DiscardHandler)})
	base := runtime.NewLauncher(p.fake)
	p.over = base.Over(p.pool)
	t.Cleanup(func() {
		require.NoError(t, p.over.Close())
		require.NoError(t, base.Close())
		got := p.metrics()
		for _, name := range []string{idle, starting, used} {
			assert.Zero(t, got[name], name)
		}
	})
	return p
}

func (p *pooled) launch(t *testing.T, command string) {
	t.Helper()
	_, err := p.over.Launch(t.Context(), spec(command), []byte("x"), p.opts)
	require.NoError(t, err)
}

// A warm container has a life and a trace of its own, to which its call's has a link.
func TestWarmHit(t *testing.T) {
	p := withPool(t)
	require.NoError(t, p.over.Prepare(t.Context(), spec("count"), p.opts))
	assert.Equal(t, map[string]float64{idle: 1}, p.metrics())
	p.launch(t, "count")
	got := p.metrics()
	assert.EqualValues(t, 1, got[calls("hit")])
	assert.EqualValues(t, 1, got["dockerrun.call.duration{container.runtime.name=fake,dockerrun.warm=hit}"])
	assert.Contains(t, p.log.String(), `"warm":"hit"`)
	require.NoError(t, p.pool.Close())

	call := p.span("dockerrun.call")
	assert.Equal(t, "hit", attributes(call)["dockerrun.warm"])
	require.Len(t, call.Links, 1)
	var linked bool
	for _, s := range spans.GetSpans() {
		if s.SpanContext.SpanID() == call.Links[0].SpanContext.SpanID() {
			linked = true
			assert.Equal(t, "dockerrun.warm", s.Name)
			assert.False(t, s.Parent.IsValid(), "it was there before anybody's call")
			assert.Equal(t, []string{"container.ready"}, events(s.Events))
			assert.Empty(t, attributes(s)["error.type"])
		}
	}
	assert.True(t, linked)
}

func TestWarmMiss(t *testing.T) {
	p := withPool(t)
	p.launch(t, "count")
	assert.EqualValues(t, 1, p.metrics()[calls("miss")])
	assert.Equal(t, "miss", attributes(p.span("dockerrun.call"))["dockerrun.warm"])
}

func TestWarmCold(t *testing.T) {
	p := withPool(t)
	p.fake.NoShell = true
	p.launch(t, "count")
	got := p.metrics()
	assert.EqualValues(t, 1, got[calls("cold")])
	assert.Zero(t, got[calls("hit")]+got[calls("miss")], "a call is counted once")
	assert.Equal(t, "cold", attributes(p.span("dockerrun.call"))["dockerrun.warm"])
}

func TestWarmDied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := withPool(t)
		require.NoError(t, p.over.Prepare(t.Context(), spec("count"), p.opts))
		for _, name := range p.fake.Containers() {
			p.fake.Kill(name)
		}
		synctest.Wait()
		got := p.metrics()
		assert.EqualValues(t, 1, got[died])
		assert.Zero(t, got[idle])
	})
}
