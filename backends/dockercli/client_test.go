package dockercli

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for out, want := range map[string]client{
		docker28:                        {version: "28.2.2", major: 28, minor: 2},
		docker20:                        {version: "20.10.24+dfsg1", major: 20, minor: 10},
		podman43:                        {podman: true, version: "4.3.1", major: 4, minor: 3},
		"podman version 5.0.0-dev\n":    {podman: true, version: "5.0.0-dev", major: 5},
		"podman-remote version 5.8.2\n": {podman: true, version: "5.8.2", major: 5, minor: 8},
		"docker version 5.8.2\n":        {podman: true, version: "5.8.2", major: 5, minor: 8},
		"nerdctl version 1.7.6\n":       {version: "1.7.6", major: 1, minor: 7},
		"Emulate ...\npodman version 4.9.4-rhel\n": {podman: true, version: "4.9.4-rhel", major: 4, minor: 9},
		"something else entirely, but it ran well": {},
	} {
		got, err := parseVersion(out)
		require.NoError(t, err, out)
		assert.Equal(t, want, *got, out)
	}
	for _, out := range []string{"Docker version 19.03.15, build 99e3ed8\n", "podman version 3.4.4\n"} {
		_, err := parseVersion(out)
		assert.ErrorContains(t, err, "too old", out)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	c := newFake(t, fake{})
	rt := c.runtime()
	for range 3 {
		cl, err := rt.find(t.Context())
		require.NoError(t, err)
		assert.Equal(t, c.path, cl.path)
	}
	assert.Equal(t, 1, c.count("--version"), "it is asked once")

	_, err := (&Runtime{opts: Options{Path: "dockerrun-no-such-program"}}).find(t.Context())
	require.ErrorIs(t, err, runtime.ErrUnavailable)
	assert.ErrorContains(t, err, "install the command line of Docker or Podman")

	_, err = newFake(t, fake{Version: "Docker version 19.03.1, build x"}).runtime().find(t.Context())
	assert.ErrorIs(t, err, runtime.ErrUnavailable)

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = newFake(t, fake{}).runtime().find(canceled)
	assert.ErrorIs(t, err, runtime.ErrCanceled)
}

// A command line that does not even say its version costs calls no more than their time,
// however many there are.
func TestFindHangs(t *testing.T) {
	t.Parallel()
	l := runtime.NewLauncher(newFake(t, fake{Wait: time.Minute}).runtime())
	var calls sync.WaitGroup
	for range 3 {
		calls.Go(func() {
			began := time.Now()
			_, err := l.Launch(t.Context(), runtime.Spec{Image: "img"}, nil, runtime.Options{Timeout: 300 * time.Millisecond})
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Less(t, time.Since(began), 3*time.Second)
		})
	}
	calls.Wait()
	require.NoError(t, l.Close())
}

func TestNewContactsNothing(t *testing.T) {
	t.Parallel()
	rt, err := New(Options{})
	require.NoError(t, err)
	assert.Equal(t, "docker", rt.opts.Path)
	require.NoError(t, rt.Close())
	require.NoError(t, rt.Close())
}

func TestCheckSpecWithoutClient(t *testing.T) {
	t.Parallel()
	rt, err := New(Options{Path: "dockerrun-no-such-program"})
	require.NoError(t, err)
	require.NoError(t, rt.CheckSpec(runtime.Spec{Image: "i"}), "Run says what is missing")
	assert.ErrorIs(t, rt.CheckSpec(runtime.Spec{Image: "i", Passthrough: []string{"--rm=false"}}), runtime.ErrInvalidSpec)
	assert.False(t, rt.Remote())
}

func TestParseHistory(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		out  string
		want history
	}{
		"nothing":  {"", history{}},
		"no JSON":  {"Error: x\n", history{}},
		"docker":   {`{"status":"create","Action":"create"}` + "\n" + `{"Action":"start"}` + "\n" + `{"Action":"oom"}` + "\n" + `{"Action":"die","Actor":{"Attributes":{"exitCode":"137"}}}` + "\n" + `{"Action":"destroy"}`, history{created: true, started: true, ended: true, oom: true, removed: true, code: 137}},
		"podman":   {`{"Status":"create"}` + "\n" + `{"Status":"init"}` + "\n" + `{"Status":"start"}` + "\n" + `{"ContainerExitCode":125,"Status":"died"}` + "\n" + `{"Status":"remove"}`, history{created: true, started: true, ended: true, removed: true, code: 125}},
		"no start": {`{"Action":"create"}` + "\n" + `{"Action":"attach"}` + "\n" + `{"Action":"destroy"}`, history{created: true, removed: true}},
		"the last of a name": {`{"Action":"create"}` + "\n" + `{"Action":"start"}` + "\n" + `{"Action":"oom"}` + "\n" + `{"Action":"create"}`,
			history{created: true}},
	} {
		assert.Equal(t, test.want, parseHistory(test.out), name)
	}
}

func TestDialects(t *testing.T) {
	t.Parallel()
	docker, podman := &client{host: "tcp://h"}, &client{podman: true}
	assert.Equal(t, []string{"--host=tcp://h", "rm", "--force", "--volumes", "c"}, docker.removeArgs("c"))
	assert.Equal(t, []string{"rm", "--force", "--volumes", "--time=0", "c"}, podman.removeArgs("c"))
	assert.Equal(t, []string{"--host=tcp://h", "events", "--since=0", "--until=0", "--filter=container=c", "--format={{json .}}"}, docker.eventsArgs("c", 7))
	assert.Equal(t, []string{"events", "--stream=false", "--since=7", "--filter=container=c", "--format=json"}, podman.eventsArgs("c", 7))
	assert.Equal(t, []string{"ps", "--all", "--quiet", "--no-trunc", "--filter=label=k=v"}, podman.labelArgs("k=v"))
}
