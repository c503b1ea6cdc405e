package factory

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// fleet is a cache of its own, whose runtimes are recorders.
type fleet struct {
	*clients
	mu     sync.Mutex
	opened []*recorder
	prep   map[string]*recorder // by runtime; nil: a new one
	fail   map[string]error
}

func newFleet() *fleet {
	f := &fleet{prep: map[string]*recorder{}, fail: map[string]error{}}
	f.clients = newClients(func(key clientKey) (runtime.Runtime, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if err := f.fail[key.runtime]; err != nil {
			return nil, err
		}
		rt := f.prep[key.runtime]
		if rt == nil {
			rt = &recorder{}
		}
		f.opened = append(f.opened, rt)
		return rt, nil
	})
	return f
}

func (f *fleet) sandbox(cfg Config) *Sandbox {
	cfg.Image = "busybox"
	return newSandboxIn(f.clients, &faults{sandbox: "pii"}, &cfg, nil)
}

func TestSandboxesShareClients(t *testing.T) {
	f := newFleet()
	one, two := f.sandbox(Config{}), f.sandbox(Config{Memory: "1g", Runtime: RuntimeDockerCLI})
	assert.Len(t, f.opened, 1, "the same engine")
	for _, c := range []Config{
		{Host: "tcp://h:1"}, {DockerPath: "podman"}, {Runtime: RuntimePodman}, {Runtime: RuntimePodman, Host: "unix:///p"},
	} {
		before := len(f.opened)
		f.sandbox(c)
		assert.Len(t, f.opened, before+1, "%+v", c)
	}
	before := len(f.opened)
	t.Setenv("DOCKER_HOST", "tcp://elsewhere:1")
	f.sandbox(Config{})
	assert.Len(t, f.opened, before+1, "DOCKER_HOST says where")

	require.NoError(t, one.Close())
	require.NoError(t, one.Close())
	_, _, closes := f.opened[0].counts()
	assert.Zero(t, closes, "two still has its claim")
	require.NoError(t, two.Close())
	_, _, closes = f.opened[0].counts()
	assert.Equal(t, 1, closes)
}

func TestSpawnAfterClose(t *testing.T) {
	t.Parallel()
	f := newFleet()
	closed := make(chan struct{}, 2)
	f.prep[RuntimeDockerCLI] = &recorder{onClose: func() { closed <- struct{}{} }}
	sb := f.sandbox(Config{})
	spawn(t, sb, request)
	require.NoError(t, sb.Close())
	<-closed
	spawn(t, sb, request)
	<-closed // the client of that call
	assert.Len(t, f.opened, 2)
	assert.Empty(t, f.byID)
}

func TestCloseDuringACall(t *testing.T) {
	t.Parallel()
	f := newFleet()
	started, goOn, closed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	f.prep[RuntimeDockerCLI] = &recorder{
		run: func(context.Context, runtime.Spec, runtime.Stdio) (runtime.Status, error) {
			close(started)
			<-goOn
			return runtime.Status{}, nil
		},
		onClose: func() { close(closed) },
	}
	sb := f.sandbox(Config{})
	var wg sync.WaitGroup
	wg.Go(func() {
		resp, _ := sb.Spawn(t.Context(), request)
		assert.NoError(t, resp.Err)
	})
	<-started
	for range 4 {
		wg.Go(func() { assert.NoError(t, sb.Close()) })
	}
	require.NoError(t, sb.Close())
	select {
	case <-closed:
		t.Error("the client was closed under a call")
	default:
	}
	close(goOn)
	wg.Wait()
	<-closed
}

// The runtimes of this module: making a sandbox contacts nobody, and a call says that
// nobody is there.
func TestBuiltinRuntimes(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DOCKER_HOST", "unix://"+dir+"/docker.sock")
	t.Setenv("CONTAINER_HOST", "unix://"+dir+"/podman.sock")
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("PATH", dir) // no command line
	for _, key := range []string{RuntimeDockerAPI, RuntimePodman, RuntimeDockerCLI, RuntimeAuto} {
		sb, err := Factory("pii", map[string]any{"image": "busybox", "runtime": key})
		require.NoError(t, err, key)
		err = spawnError(t, t.Context(), sb, request)
		assert.ErrorIs(t, err, runtime.ErrUnavailable, key)
		assert.ErrorContains(t, err, `sandbox "pii": `+key+": ")
		require.NoError(t, sb.(*Sandbox).Close())
	}
	_, err := Factory("pii", map[string]any{"image": "busybox", "runtime": RuntimePodman, "host": "gopher://x"})
	assert.ErrorContains(t, err, `sandbox "pii": podman: invalid container spec: host: `)
	_, err = openBackend(clientKey{runtime: "x"})
	assert.Error(t, err)
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	f := newFleet()
	f.fail[RuntimePodman] = &runtime.Error{Kind: runtime.ErrInvalidSpec, Runtime: RuntimePodman, Message: "host: no such scheme"}
	err := spawnError(t, t.Context(), f.sandbox(Config{Runtime: RuntimePodman, Host: "x://"}), request)
	assert.EqualError(t, err, `sandbox "pii": podman: invalid container spec: host: no such scheme`)
}

func TestUnsupportedSpecIsAnErrorOfTheConfiguration(t *testing.T) {
	t.Parallel()
	rt := &recorder{check: func(s runtime.Spec) error {
		if s.OCIRuntime == "" {
			return nil
		}
		return &runtime.Error{Kind: runtime.ErrUnsupported, Runtime: "fake", Message: "oci_runtime"}
	}}
	_, err := sandboxOn(t, rt, map[string]any{"image": "busybox", "oci_runtime": "runsc"})
	require.EqualError(t, err, `sandbox "pii": fake: not supported by this runtime: oci_runtime`)
	assert.ErrorIs(t, err, runtime.ErrUnsupported)
	runs, infos, _ := rt.counts()
	assert.Zero(t, runs+infos, "nothing is contacted")
}

func silent(context.Context) error {
	return &runtime.Error{Kind: runtime.ErrUnavailable, Message: "no socket"}
}

func TestAutoIsTheFirstThatAnswers(t *testing.T) {
	t.Parallel()
	f := newFleet()
	api, podman, cli := &recorder{info: silent}, &recorder{}, &recorder{}
	f.prep = map[string]*recorder{RuntimeDockerAPI: api, RuntimePodman: podman, RuntimeDockerCLI: cli}
	sb := f.sandbox(Config{Runtime: RuntimeAuto})
	_, infos, _ := api.counts()
	assert.Zero(t, infos, "nothing is contacted before the first call")
	for range 3 {
		spawn(t, sb, request)
		spawn(t, f.sandbox(Config{Runtime: RuntimeAuto}), request)
	}
	for _, c := range []struct {
		rt          *recorder
		runs, infos int
	}{{api, 0, 1}, {podman, 6, 1}, {cli, 0, 0}} {
		runs, infos, _ := c.rt.counts()
		assert.Equal(t, c.runs, runs)
		assert.Equal(t, c.infos, infos, "the answer is remembered")
	}
}

func TestAutoMovesOnWhenAnEngineStops(t *testing.T) {
	t.Parallel()
	f := newFleet()
	api, podman := &recorder{}, &recorder{}
	f.prep = map[string]*recorder{RuntimeDockerAPI: api, RuntimePodman: podman}
	sb := f.sandbox(Config{Runtime: RuntimeAuto})
	spawn(t, sb, request)
	api.info = silent
	api.run = func(ctx context.Context, _ runtime.Spec, _ runtime.Stdio) (runtime.Status, error) {
		return runtime.Status{}, silent(ctx)
	}
	spawn(t, sb, request)
	runs, _, _ := podman.counts()
	assert.Equal(t, 1, runs, "the same call, on the next engine")
}

func TestAutoWithoutAnEngine(t *testing.T) {
	t.Parallel()
	f := newFleet()
	f.prep = map[string]*recorder{
		RuntimeDockerAPI: {info: silent},
		RuntimePodman: {check: func(runtime.Spec) error {
			return &runtime.Error{Kind: runtime.ErrUnsupported, Runtime: "podman", Message: "gpus"}
		}},
	}
	f.fail[RuntimeDockerCLI] = errors.New("no docker in PATH")
	err := spawnError(t, t.Context(), f.sandbox(Config{Runtime: RuntimeAuto}), request)
	assert.EqualError(t, err, `sandbox "pii": auto: container engine unavailable: no container engine answers: `+
		`docker-api: container engine unavailable: no socket; podman: not supported by this runtime: gpus; docker-cli: no docker in PATH`)
}

func TestAutoProbesTogetherAndWithinTheDeadline(t *testing.T) {
	t.Parallel()
	f := newFleet()
	never := make(chan struct{})
	defer close(never)
	f.prep[RuntimeDockerAPI] = &recorder{info: func(context.Context) error {
		<-never
		return nil
	}}
	sb := f.sandbox(Config{Runtime: RuntimeAuto, Timeout: 20 * time.Millisecond})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			resp, _ := sb.Spawn(t.Context(), request)
			assert.ErrorIs(t, resp.Err, context.DeadlineExceeded)
		})
	}
	wg.Wait()
	_, infos, _ := f.prep[RuntimeDockerAPI].counts()
	assert.Equal(t, 1, infos)
}

// Nothing that can't run on any engine is left for the first call to find out.
func TestAutoThatNobodyCanRun(t *testing.T) {
	t.Parallel()
	f := newFleet()
	no := func(runtime.Spec) error { return &runtime.Error{Kind: runtime.ErrUnsupported, Message: "no"} }
	f.prep = map[string]*recorder{RuntimeDockerAPI: {check: no}, RuntimePodman: {check: no}, RuntimeDockerCLI: {check: no}}
	sb := f.sandbox(Config{Runtime: RuntimeAuto})
	assert.ErrorIs(t, spawnError(t, t.Context(), sb, request), runtime.ErrUnsupported)
	assert.Empty(t, f.byID, "its clients are given up")
}
