package factory

import (
	"testing"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
	"github.com/AltairaLabs/dockerrun/runtime/warm"
)

func TestWarmValues(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		value any
		want  *warm.Options // nil: no pool
	}{
		{0, nil},
		{map[string]any{"size": 0}, nil},
		{4, &warm.Options{Size: 4, Start: warm.Gate, IdleTTL: 5 * time.Minute, MaxAge: 10 * time.Minute, Refill: 2}},
		{"4", &warm.Options{Size: 4, Start: warm.Gate, IdleTTL: 5 * time.Minute, MaxAge: 10 * time.Minute, Refill: 2}},
		{map[string]any{}, &warm.Options{Size: 4, Start: warm.Gate, IdleTTL: 5 * time.Minute, MaxAge: 10 * time.Minute, Refill: 2}},
		{map[any]any{"start": "eager", "size": 1}, &warm.Options{Size: 1, Start: warm.Eager, IdleTTL: 5 * time.Minute, MaxAge: 10 * time.Minute, Refill: 2}},
		{map[string]any{"size": 8, "start": "gate", "idle_ttl": "1m", "max_age": 2 * time.Minute, "refill": 3},
			&warm.Options{Size: 8, Start: warm.Gate, IdleTTL: time.Minute, MaxAge: 2 * time.Minute, Refill: 3}},
	} {
		sb, err := sandboxOn(t, &recorder{}, map[string]any{"image": "busybox", "warm": tt.value})
		require.NoError(t, err, "%v", tt.value)
		assert.Equal(t, tt.want, sb.(*Sandbox).engine.warm, "%v", tt.value)
	}
}

func TestWarmFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		value any
		says  string
	}{
		{"four", `warm: got "four"; it takes a number of containers, or a map`},
		{-1, "warm: got the number -1"},
		{true, "warm: got true"},
		{1.5, "warm: got the number 1.5"},
		{map[string]any{"sise": 4}, "warm.sise: got the number 4"},
		{map[string]any{"start": "early"}, `warm.start: got "early"; it takes a number of containers, or a map with any of size and refill (numbers), start (gate or eager)`},
		{map[string]any{"idle_ttl": 5}, "warm.idle_ttl: got the number 5"},
		{map[string]any{"max_age": "-1m"}, `warm.max_age: got "-1m"`},
		{map[string]any{"refill": 0}, "warm.refill: got the number 0"},
	} {
		_, err := sandboxOn(t, &recorder{}, map[string]any{"image": "busybox", "warm": tt.value})
		require.Error(t, err, "%v", tt.value)
		assert.Contains(t, err.Error(), tt.says)
	}
	for _, w := range []Warm{{Size: -1}, {Size: 1, Start: "early"}, {Size: 1, IdleTTL: -1}, {Refill: -1}} {
		err := New(Config{Image: "busybox", Backend: &recorder{}, Warm: w}).err
		require.ErrorContains(t, err, "warm.", "%+v", w)
	}
}

func warmFake() *runtimetest.Fake {
	return &runtimetest.Fake{Programs: map[string]runtimetest.Program{"/probe": runtimetest.Probe}}
}

var echo = sandbox.Request{Command: "/probe", Args: []string{"echo"}, Stdin: []byte("hello"), Timeout: 10 * time.Second}

func TestWarmSandboxesShareAPool(t *testing.T) {
	t.Parallel()
	fake := warmFake()
	factory := NewFactory(WithRuntime(RuntimeDockerCLI, fake))
	open := func(name string, w any) *Sandbox {
		sb, err := factory(name, map[string]any{"image": "img", "warm": w})
		require.NoError(t, err)
		return sb.(*Sandbox)
	}
	one, two, other := open("one", 2), open("two", map[string]any{"size": 2}), open("other", map[string]any{"size": 1})
	require.NoError(t, one.Prepare(t.Context()))
	require.NoError(t, two.Prepare(t.Context()))
	assert.Len(t, fake.Containers(), 2, "the same configuration has the same containers")
	require.NoError(t, other.Prepare(t.Context()))
	assert.Len(t, fake.Containers(), 3)
	for _, sb := range []*Sandbox{one, two, other} {
		resp, err := sb.Spawn(t.Context(), echo)
		require.NoError(t, err)
		require.NoError(t, resp.Err)
		assert.Equal(t, "hello", string(resp.Stdout))
	}
	require.NoError(t, one.Close())
	require.NoError(t, two.Prepare(t.Context()), "the other one's claim holds")
	require.NoError(t, two.Close())
	require.NoError(t, other.Close())
	require.Eventually(t, func() bool { return len(fake.Containers()) == 0 }, 5*time.Second, time.Millisecond)

	resp, err := one.Spawn(t.Context(), echo)
	require.NoError(t, err)
	require.NoError(t, resp.Err, "a Spawn after Close still works")
	require.Eventually(t, func() bool { return len(fake.Containers()) == 0 }, 5*time.Second, time.Millisecond, "and leaves nothing")
	require.NoError(t, fake.Close(), "the runtime is its owner's to close")
}

func TestWarmOnABackendOfOnesOwn(t *testing.T) {
	t.Parallel()
	fake := warmFake()
	sb := New(Config{Image: "img", Backend: fake, Warm: Warm{Size: 2, Start: "eager"}})
	require.ErrorContains(t, sb.Prepare(t.Context()), "needs the requests")
	require.NoError(t, sb.Prepare(t.Context(), echo))
	assert.Len(t, fake.Containers(), 2)
	resp, err := sb.Spawn(t.Context(), echo)
	require.NoError(t, err)
	require.NoError(t, resp.Err)
	assert.Equal(t, "hello", string(resp.Stdout))
	require.NoError(t, sb.Close())
	require.NoError(t, fake.Close())
	assert.Empty(t, fake.Containers())
}

func TestPrepareWithoutWarm(t *testing.T) {
	t.Parallel()
	fake := warmFake()
	fake.Images = map[string]runtime.Image{}
	sb := NewNamed("box", Config{Image: "img", Backend: fake})
	require.ErrorIs(t, sb.Prepare(t.Context()), runtime.ErrPullFailed, "it pulls")
	require.ErrorContains(t, sb.Prepare(t.Context()), `sandbox "box": `)
	assert.Empty(t, fake.Calls())
	bad := New(Config{})
	require.ErrorContains(t, bad.Prepare(t.Context()), "image")
	require.Error(t, new(Sandbox).Prepare(t.Context()))
}
