package podman

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/containers/podman/v5/pkg/bindings"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestNewHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"":                           "",
		"/run/x.sock":                "",
		"unix:///run/x.sock":         "",
		"tcp://localhost:8080":       "",
		"ssh://me@box:22/run/x.sock": "",
		"unix://":                    "no path",
		"tcp://":                     "no host",
		"ssh:///run/x":               "no host",
		"http://localhost":           "is no address",
		"localhost:8080":             "is no address",
		"gopher://me:geheim@box":     "me:xxxxx@box",
		"podman.sock":                "is no address",
		"tcp://[::1":                 "is no address",
	} {
		_, err := New(Options{Host: host})
		if want == "" {
			assert.NoError(t, err, host)
			continue
		}
		require.ErrorIs(t, err, runtime.ErrInvalidSpec, host)
		assert.ErrorContains(t, err, want, host)
		assert.NotContains(t, err.Error(), "geheim")
	}
}

func TestFindHost(t *testing.T) {
	dir := t.TempDir()
	sock := filepath.Join(dir, "podman", "podman.sock")
	require.NoError(t, os.Mkdir(filepath.Dir(sock), 0o700))
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("CONTAINER_HOST", "tcp://box:1")

	u, from, err := findHost("unix:///a")
	require.NoError(t, err)
	assert.Equal(t, "unix:///a", u.String())
	assert.Equal(t, "host", from)

	u, from, err = findHost("")
	require.NoError(t, err)
	assert.Equal(t, "tcp://box:1", u.String())
	assert.Equal(t, "CONTAINER_HOST", from)

	t.Setenv("CONTAINER_HOST", "")
	require.NoError(t, os.WriteFile(sock, nil, 0o600))
	u, _, err = findHost("")
	require.NoError(t, err)
	assert.Equal(t, sock, u.Path)

	u, _, err = findHost("unix://run/x.sock") // as podman takes it too
	require.NoError(t, err)
	assert.Equal(t, "unix:///run/x.sock", u.String())
}

func TestFindSocketNone(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	socks := usualSockets()
	require.Equal(t, []string{filepath.Join(dir, "podman", "podman.sock"), rootfulSocket}, socks)
	socks[1] = filepath.Join(dir, "rootful.sock") // this machine may have the real one
	_, err := findSocket(socks)
	require.ErrorIs(t, err, runtime.ErrUnavailable)
	for _, part := range append(socks, "CONTAINER_HOST", "systemctl --user start podman.socket", "podman system service") {
		assert.ErrorContains(t, err, part)
	}
}

func TestRemote(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"unix:///x": false, "/x": false, "tcp://box:1": true, "ssh://box": true,
	} {
		rt, err := New(Options{Host: host})
		require.NoError(t, err)
		assert.Equal(t, want, rt.Remote(), host)
	}
}

func TestConnectErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := l.Addr().String()
	require.NoError(t, l.Close())
	old := newFake(t, cat)
	old.version = "3.4.2"
	other := newFake(t, cat)
	other.intercept = failOn("ping", 404, "", "page not found")
	for name, tc := range map[string]struct {
		host string
		want []string
	}{
		"no socket":      {filepath.Join(dir, "none.sock"), []string{"no socket", "none.sock", "systemctl"}},
		"nobody listens": {"tcp://" + closed, []string{"nothing listens", closed}},
		"too old":        {old.host, []string{"too old", "4.0"}},
		"not podman":     {other.host, []string{"not a Podman service"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt, err := New(Options{Host: tc.host})
			require.NoError(t, err)
			_, err = rt.Run(t.Context(), echo, runtime.Stdio{})
			require.ErrorIs(t, err, runtime.ErrUnavailable)
			assert.False(t, runtime.Started(err))
			for _, part := range tc.want {
				assert.ErrorContains(t, err, part)
			}
			require.NoError(t, rt.Close())
		})
	}
}

func TestPermissionDenied(t *testing.T) {
	t.Parallel()
	u, err := parseHost("/run/podman/podman.sock")
	require.NoError(t, err)
	err = unavailable(&net.OpError{Op: "dial", Err: os.ErrPermission}, u, "")
	require.ErrorIs(t, err, runtime.ErrUnavailable)
	assert.ErrorContains(t, err, "may not use the socket")
}

// A service that comes later, or comes back, is found without a new Runtime.
func TestServiceComesBack(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "sock") // a socket's path must be short
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	sock := filepath.Join(dir, "s")
	rt, err := New(Options{Host: sock})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, rt.Close()) })
	for range 2 {
		_, err = rt.Run(t.Context(), echo, runtime.Stdio{})
		require.ErrorIs(t, err, runtime.ErrUnavailable)
		stop := serveUnix(t, sock)
		for range 2 {
			removed := make(chan error, 1)
			ctx := runtime.WithTrace(t.Context(), &runtime.Trace{Removed: func(err error) { removed <- err }})
			_, err = rt.Run(ctx, echo, runtime.Stdio{})
			require.NoError(t, err)
			require.NoError(t, <-removed)
		}
		stop()
	}
}

// A host that takes the connection and says nothing costs the calls that wait for it, and
// not those after them. The bindings mind no context then.
func TestSSHHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt, err := New(Options{Host: "ssh://me:geheim@box/run/podman.sock"})
		require.NoError(t, err)
		var dials atomic.Int32
		well := make(chan struct{})
		rt.connector.bind = func(context.Context, bindings.Options) (context.Context, error) {
			dials.Add(1)
			<-well
			return nil, errors.New("well again")
		}
		run := func(limit time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			_, err := rt.Run(ctx, echo, runtime.Stdio{})
			return err
		}
		require.ErrorIs(t, run(time.Second), runtime.ErrTimeout)
		assert.EqualValues(t, 1, dials.Load())

		err = run(time.Hour) // on the same dial
		require.ErrorIs(t, err, runtime.ErrUnavailable)
		assert.NotErrorIs(t, err, context.DeadlineExceeded, "it is not the call's")
		assert.ErrorContains(t, err, "no answer within 15s")
		assert.NotContains(t, err.Error(), "geheim")
		assert.EqualValues(t, 1, dials.Load())

		close(well)
		assert.ErrorContains(t, run(time.Second), "well again")
		assert.EqualValues(t, 2, dials.Load())
		require.NoError(t, rt.Close())
	})
}

func TestTLS(t *testing.T) {
	t.Parallel()
	fake := newFakeState(t, cat)
	server := httptest.NewTLSServer(fake)
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(block), 0o600))
	rt, err := New(Options{Host: strings.Replace(server.URL, "https", "tcp", 1), TLSCA: ca})
	require.NoError(t, err)
	var out bytes.Buffer
	_, err = rt.Run(t.Context(), echo, runtime.Stdio{Stdin: io.NopCloser(strings.NewReader("hello")), Stdout: &out})
	require.NoError(t, err)
	require.NoError(t, rt.Close())
	assert.Equal(t, "hello", out.String())
	assert.Zero(t, fake.left())
}
