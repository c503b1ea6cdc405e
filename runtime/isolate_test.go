package runtime_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
)

var strict = runtime.Options{Isolation: runtime.Isolation{Strict: true}}

func allow(names ...string) runtime.Options {
	return runtime.Options{Isolation: runtime.Isolation{Strict: true, Allow: names}}
}

// asked counts what a Fake is asked for, and keeps the Spec of its last container.
type asked struct {
	*runtimetest.Fake
	infos, images atomic.Int32
	infoErr       error

	mu   sync.Mutex
	spec runtime.Spec
}

func (a *asked) Info(ctx context.Context) (runtime.Info, error) {
	a.infos.Add(1)
	if a.infoErr != nil {
		return runtime.Info{}, a.infoErr
	}
	return a.Fake.Info(ctx)
}

func (a *asked) Image(ctx context.Context, req runtime.ImageRequest) (runtime.Image, error) {
	a.images.Add(1)
	return a.Fake.Image(ctx, req)
}

func (a *asked) Run(ctx context.Context, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
	a.mu.Lock()
	a.spec = spec
	a.mu.Unlock()
	return a.Fake.Run(ctx, spec, stdio)
}

func (a *asked) last() runtime.Spec {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.spec
}

func newAsked(images map[string]runtime.Image) *asked {
	return &asked{Fake: &runtimetest.Fake{
		Images:   images,
		Programs: map[string]runtimetest.Program{"/bin/cmd": func(context.Context, *runtimetest.Process) int { return 0 }},
	}}
}

func TestLaunchStrict(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAsked(map[string]runtime.Image{"img": {User: "app"}, "other": {}})
		l := runtime.NewLauncher(a)
		for range 5 {
			_, err := l.Launch(t.Context(), spec, nil, strict)
			require.NoError(t, err)
			assert.Equal(t, "app", a.last().User)
			assert.Equal(t, "none", a.last().Network)
		}
		assert.EqualValues(t, 1, a.infos.Load(), "asked once")
		assert.EqualValues(t, 1, a.images.Load(), "asked once")

		other := spec
		other.Image = "other"
		_, err := l.Launch(t.Context(), other, nil, strict)
		require.NoError(t, err)
		assert.Equal(t, "65532:65532", a.last().User)

		a.Images["img"] = runtime.Image{User: "someone"}
		time.Sleep(11 * time.Second)
		_, err = l.Launch(t.Context(), spec, nil, strict)
		require.NoError(t, err)
		assert.Equal(t, "someone", a.last().User, "the image is looked at again after a while")

		_, err = l.Launch(t.Context(), spec, nil, runtime.Options{})
		require.NoError(t, err)
		assert.Empty(t, a.last().Network, "only where it is asked for")
		assert.EqualValues(t, 1, a.infos.Load())
	})
}

func TestStreamAndPrepareStrict(t *testing.T) {
	t.Parallel()
	a := newAsked(map[string]runtime.Image{"img": {}})
	l := runtime.NewLauncher(a)
	_, err := l.Stream(t.Context(), spec, runtime.Stdio{}, strict)
	require.NoError(t, err)
	assert.Equal(t, []string{"ALL"}, a.last().CapDrop)

	host := spec
	host.Network = "host"
	_, err = l.Stream(t.Context(), host, runtime.Stdio{}, strict)
	require.ErrorIs(t, err, runtime.ErrInvalidSpec)
	require.ErrorIs(t, l.Prepare(t.Context(), host, strict), runtime.ErrInvalidSpec)
	_, err = l.Stream(t.Context(), host, runtime.Stdio{}, allow("host-namespaces"))
	require.NoError(t, err)
	assert.Equal(t, "host", a.last().Network)
}

// The image has to be there before its user is known.
func TestStrictPulls(t *testing.T) {
	t.Parallel()
	a := newAsked(map[string]runtime.Image{})
	a.Pull = func(context.Context, runtime.ImageRequest) (runtime.Image, error) {
		return runtime.Image{User: "pulled"}, nil
	}
	l := runtime.NewLauncher(a)
	never := spec
	never.Pull = runtime.PullNever
	_, err := l.Launch(t.Context(), never, nil, strict)
	require.ErrorIs(t, err, runtime.ErrImageMissing)
	_, err = l.Launch(t.Context(), spec, nil, strict)
	require.NoError(t, err)
	assert.Equal(t, "pulled", a.last().User)
}

// A pull gives what it was made for.
func TestStrictPullAlways(t *testing.T) {
	t.Parallel()
	a := newAsked(map[string]runtime.Image{})
	user := "first"
	a.Pull = func(context.Context, runtime.ImageRequest) (runtime.Image, error) {
		return runtime.Image{User: user}, nil
	}
	l := runtime.NewLauncher(a)
	always := spec
	always.Pull = runtime.PullAlways
	for _, user = range []string{"first", "second"} {
		_, err := l.Launch(t.Context(), always, nil, strict)
		require.NoError(t, err)
		assert.Equal(t, user, a.last().User)
	}
}

func TestStrictOfAnEngineThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	a := newAsked(nil)
	a.infoErr = &runtime.Error{Kind: runtime.ErrUnavailable}
	l := runtime.NewLauncher(a)
	_, err := l.Launch(t.Context(), spec, nil, strict)
	require.ErrorIs(t, err, runtime.ErrUnavailable)
	a.infoErr = nil
	_, err = l.Launch(t.Context(), spec, nil, strict)
	require.NoError(t, err, "a failure is not remembered")
}

func TestIsolate(t *testing.T) {
	t.Parallel()
	a := newAsked(map[string]runtime.Image{"img": {User: "app"}})
	got, settings, err := runtime.NewLauncher(a).Isolate(t.Context(), spec, strict)
	require.NoError(t, err)
	assert.Equal(t, "app", got.User)
	assert.Contains(t, settings, runtime.Setting{Name: "user", Value: "app", Why: "the image's own, which is not root"})
	assert.Empty(t, a.Calls(), "nothing was run")
}

// Where the sources of mounts lead, through symlinks, is looked at on each call.
func TestStrictMountSources(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", filepath.Join(dir, "home"))
	place := func(name string) string { return filepath.Join(dir, name) }
	for _, d := range []string{"data", "home/x", "project/.ssh", "gcloud/.config/gcloud", "docker/.docker"} {
		require.NoError(t, os.MkdirAll(place(d), 0o700))
	}
	require.NoError(t, os.WriteFile(place("docker/.docker/config.json"), nil, 0o600))
	require.NoError(t, os.WriteFile(place("file"), nil, 0o600))
	for name, to := range map[string]string{"to-etc": "/etc", "to-root": "/", "to-proc": "/proc/self", "to-data": "data", "to-home": "home", "to-null": "/dev/null", "to-ssh": "project/.ssh"} {
		require.NoError(t, os.Symlink(to, place(name)))
	}
	sock, err := net.Listen("unix", place("s.sock"))
	require.NoError(t, err)
	defer sock.Close()

	a := newAsked(nil)
	l := runtime.NewLauncher(a)
	run := func(source string, opts runtime.Options) error {
		s := spec
		s.Mounts = []runtime.Mount{{Type: runtime.MountBind, Source: source, Target: "/m"}}
		_, err := l.Launch(t.Context(), s, nil, opts)
		return err
	}
	for source, allowance := range map[string]string{
		"to-etc": "host-paths", "to-etc/passwd": "host-paths", "to-root": "host-paths", "to-proc": "host-paths", "to-null": "host-paths",
		"s.sock": "sockets", "home": "credentials", "to-home": "credentials", "project": "credentials", "to-ssh": "credentials",
		"gcloud": "credentials", "docker": "credentials",
	} {
		err := run(place(source), strict)
		require.ErrorIs(t, err, runtime.ErrInvalidSpec, source)
		assert.ErrorContains(t, err, "allow: ["+allowance+"]", source)
		if _, statErr := os.Stat(place(source)); statErr == nil {
			allowed := []string{allowance, "rw-mounts", "devices"}
			if source == "to-root" { // the host's sockets are in it
				require.ErrorContains(t, run(place(source), allow(allowed...)), "allow: [sockets]")
				allowed = append(allowed, "sockets")
			}
			assert.NoError(t, run(place(source), allow(allowed...)), source)
		}
	}
	for source, real := range map[string]string{"data": "data", "to-data": "data", "home/x": "home/x", "file": "file"} {
		require.NoError(t, run(place(source), strict), source)
		real, err := filepath.EvalSymlinks(place(real))
		require.NoError(t, err)
		assert.Equal(t, runtime.Mount{Type: runtime.MountBind, Source: real, Target: "/m", Options: []string{"ro"}}, a.last().Mounts[0], source)
	}

	require.NoError(t, os.Remove(place("to-data")))
	require.NoError(t, os.Symlink("/etc", place("to-data")))
	require.Error(t, run(place("to-data"), strict), "it leads elsewhere now")
	off := strict
	off.SkipMountCheck = true
	require.NoError(t, run(place("to-data"), off), "nothing is looked at on this host")
}

func TestConcurrentCallsAskOnce(t *testing.T) {
	t.Parallel()
	a := newAsked(nil)
	l := runtime.NewLauncher(a)
	var wg sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		wg.Go(func() { _, errs[i] = l.Launch(t.Context(), spec, nil, strict) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	assert.EqualValues(t, 1, a.infos.Load())
	assert.EqualValues(t, 1, a.images.Load())
}
