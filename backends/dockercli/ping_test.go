package dockercli

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestPing(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	cli := newFake(t, fake{})
	rt, err := New(Options{Path: cli.path, Host: "unix://" + socket})
	require.NoError(t, err)
	require.ErrorIs(t, rt.Ping(t.Context()), runtime.ErrUnavailable, "there is no socket")

	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, rt.Ping(ctx), context.DeadlineExceeded, "nobody accepts")

	server := &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = server.Serve(l) }()
	require.NoError(t, rt.Ping(t.Context()), "any answer is one")
	require.NoError(t, server.Close())
	require.ErrorIs(t, rt.Ping(t.Context()), runtime.ErrUnavailable)

	assert.Zero(t, cli.count("version"), "a socket is asked directly")
	require.NoError(t, rt.Close())
	require.ErrorIs(t, rt.Ping(t.Context()), runtime.ErrClosed)
}

func TestPingThroughTheCommandLine(t *testing.T) {
	t.Setenv("DOCKER_HOST", "tcp://h:2375")
	for name, test := range map[string]struct {
		answer reply
		kind   error
	}{
		"answers": {reply{Stdout: "28.2.2\n"}, nil},
		"refused": {reply{Stderr: "Cannot connect to the Docker daemon at tcp://h:2375. Is the docker daemon running?\n", Code: 1}, runtime.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			cli := newFake(t, fake{Replies: map[string]reply{"version": test.answer}})
			err := cli.runtime().Ping(t.Context())
			assert.Equal(t, 1, cli.count("version"))
			if test.kind == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, test.kind)
		})
	}
}

// A local Podman has no service.
func TestPingLocalPodman(t *testing.T) {
	cli := newFake(t, fake{Version: podman43})
	t.Setenv("CONTAINER_HOST", "")
	t.Setenv("CONTAINER_CONNECTION", "")
	require.NoError(t, cli.runtime().Ping(t.Context()))
	assert.Zero(t, cli.count("version"))
}
