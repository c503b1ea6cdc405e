package dockercli

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Recorded from Docker 20.10 and 28.2, which say the same, and from Podman 4.3.
const (
	dockerList = `["867a007e4d9b2671bdd9d0feb47d364abb5082ecec92eacc4a515003d1d49acf","dockerrun-1,other/alias","sha256:8e9ec6536ba579c20e0846d71af619d75eb94316b7223aa62f614d1cfca868b4","created","2026-11-28 17:27:31 +0000 UTC","host/7","dockerrun-1","2026-11-28T17:28:00Z"]
["72cbb02238ac92c10c632dac68d135ef328254a74f3141e6a08a6d88c8ea1522","dockerrun-2","8e9ec6536ba5","running","2026-11-28 17:27:29 +0100 CET","a,b=\"c\"/7","",""]
`
	podmanList = `[
  {
    "AutoRemove": false, "Command": ["/x"], "CreatedAt": "Less than a second ago", "ExitedAt": -62135596800,
    "Id": "498c22cec787ce038748a5efb0631f561c8135bf1b9ef995e228b47dc31fa2a2", "Image": "localhost/dockerrun/python:1",
    "Labels": {"com.altairalabs.dockerrun.owner": "host/7", "com.altairalabs.dockerrun.name": "dockerrun-3", "com.altairalabs.dockerrun.deadline": "2026-11-28T17:28:00Z", "x": "a,b=c"},
    "Names": ["dockerrun-3"], "Networks": ["podman"], "Ports": null, "State": "Exited", "Status": "Created", "Created": 1795886852
  }
]
`
)

func TestLaunched(t *testing.T) {
	t.Parallel()
	deadline := time.Date(2026, 11, 28, 17, 28, 0, 0, time.UTC)
	docker, err := parseDockerList(dockerList)
	require.NoError(t, err)
	require.Len(t, docker, 2)
	assert.True(t, docker[0].Created.Equal(time.Date(2026, 11, 28, 17, 27, 31, 0, time.UTC)))
	docker[0].Created = time.Time{}
	assert.Equal(t, runtime.Container{
		ID: "867a007e4d9b2671bdd9d0feb47d364abb5082ecec92eacc4a515003d1d49acf", Name: "dockerrun-1",
		Image: "sha256:8e9ec6536ba579c20e0846d71af619d75eb94316b7223aa62f614d1cfca868b4", State: "created", Owner: "host/7", OwnName: "dockerrun-1", Deadline: deadline,
	}, docker[0])
	assert.Equal(t, `a,b="c"/7`, docker[1].Owner)
	assert.True(t, docker[1].Deadline.IsZero())
	podman, err := parsePodmanList(podmanList)
	require.NoError(t, err)
	assert.Equal(t, []runtime.Container{{
		ID: "498c22cec787ce038748a5efb0631f561c8135bf1b9ef995e228b47dc31fa2a2", Name: "dockerrun-3", Image: "localhost/dockerrun/python:1",
		State: "exited", Created: time.Unix(1795886852, 0), Owner: "host/7", OwnName: "dockerrun-3", Deadline: deadline,
	}}, podman)
	for _, none := range []string{"", "\n"} {
		all, err := parseDockerList(none)
		require.NoError(t, err)
		assert.Empty(t, all)
		all, err = parsePodmanList(none)
		require.NoError(t, err)
		assert.Empty(t, all)
	}

	for name, c := range map[string]struct {
		fake fake
		want string
	}{
		"docker": {fake{Replies: map[string]reply{"ps": {Stdout: dockerList}}}, "dockerrun-1"},
		"podman": {fake{Version: podman43, Replies: map[string]reply{"ps": {Stdout: podmanList}}}, "dockerrun-3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.fake.Run = fakeRun{Hang: true}
			cli := newFake(t, c.fake)
			left, err := runtime.Leftovers(t.Context(), cli.runtime(), deadline.Add(time.Hour))
			require.NoError(t, err)
			require.Len(t, left, 1)
			assert.Equal(t, c.want, left[0].Name)
			assert.Equal(t, 1, cli.count("ps"), "one request")
			assert.Contains(t, cli.calls()[1], "--filter=label="+runtime.LabelOwner)
			assert.Contains(t, cli.calls()[1], "--all")
			assert.Zero(t, cli.count("rm"))
		})
	}
	t.Run("what makes no sense", func(t *testing.T) {
		t.Parallel()
		cli := newFake(t, fake{Replies: map[string]reply{"ps": {Stdout: "CONTAINER ID  IMAGE\n"}}})
		_, err := cli.runtime().Launched(t.Context())
		require.ErrorIs(t, err, runtime.ErrEngine)
		cli = newFake(t, fake{Version: podman43, Replies: map[string]reply{"ps": {Stdout: "CONTAINER ID  IMAGE\n"}}})
		_, err = cli.runtime().Launched(t.Context())
		require.ErrorIs(t, err, runtime.ErrEngine)
	})
	t.Run("no engine", func(t *testing.T) {
		t.Parallel()
		down := reply{Stderr: "Cannot connect to the Docker daemon at unix:///run/none.sock. Is the docker daemon running?\n", Code: 1}
		cli := newFake(t, fake{Replies: map[string]reply{"ps": down}, Remove: down})
		_, err := cli.runtime().Launched(t.Context())
		require.ErrorIs(t, err, runtime.ErrUnavailable)
		require.ErrorIs(t, cli.runtime().Discard(t.Context(), "x"), runtime.ErrUnavailable)
		assert.Equal(t, 1, cli.count("rm"), "there is no use in trying again")
	})
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	for _, version := range []string{docker28, docker20, podman43} {
		cli := newFake(t, fake{Version: version})
		require.NoError(t, os.WriteFile(filepath.Join(cli.dir, "container-x"), nil, 0o600))
		rt := cli.runtime()
		require.NoError(t, rt.Discard(t.Context(), "x"))
		assert.Empty(t, cli.containers())
		require.NoError(t, rt.Discard(t.Context(), "x"), "it is gone already")
		require.NoError(t, rt.Close())
		require.ErrorIs(t, rt.Discard(t.Context(), "x"), runtime.ErrClosed)
		_, err := rt.Launched(t.Context())
		require.ErrorIs(t, err, runtime.ErrClosed)
	}
	stubborn := newFake(t, fake{Remove: reply{Stderr: "Error response from daemon: removal of container x is already in progress\n", Code: 1}})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() { failed <- stubborn.runtime().Discard(ctx, "x") }()
	require.Eventually(t, func() bool {
		calls, err := filepath.Glob(filepath.Join(stubborn.dir, "call-*")) // the version, and each try
		return err == nil && len(calls) > 3
	}, 30*time.Second, 10*time.Millisecond, "it is tried again")
	cancel()
	err := <-failed
	require.ErrorIs(t, err, runtime.ErrEngine)
	require.ErrorContains(t, err, "already in progress")
}
