package podman

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestSweep(t *testing.T) {
	t.Parallel()
	f := newFake(t, cat)
	refused := false
	f.intercept = func(w http.ResponseWriter, r *http.Request, op string) bool {
		switch {
		case strings.HasSuffix(r.URL.Path, "/containers/json"): // recorded from Podman 4.3.1, shortened
			_, _ = io.WriteString(w, `[{"AutoRemove":false,"Command":["/x"],"Created":"2026-11-28T17:27:32.337909538Z","CreatedAt":"","Exited":false,
				"Id":"498c22ce","Image":"localhost/dockerrun/python:1","Labels":{"com.altairalabs.dockerrun.owner":"host/7","com.altairalabs.dockerrun.name":"dockerrun-1",
				"com.altairalabs.dockerrun.deadline":"2026-11-28T17:28:00Z"},"Names":["dockerrun-1"],"State":"created","Status":""},
				{"Id":"2","Names":["dockerrun-2"],"State":"running","Created":"2026-11-28T17:27:32Z","Labels":{"com.altairalabs.dockerrun.owner":"host/7"}}]`)
		case op == "remove" && !refused: // while it is ending
			refused = true
			fail(w, 500, "container state improper", "cannot remove container 498c22ce as it is stopping: container state improper")
		default:
			return false
		}
		return true
	}
	rt := f.runtime()
	all, err := rt.Launched(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
	deadline := time.Date(2026, 11, 28, 17, 28, 0, 0, time.UTC)
	assert.Equal(t, runtime.Container{ID: "498c22ce", Name: "dockerrun-1", Image: "localhost/dockerrun/python:1", State: "created",
		Created: time.Date(2026, 11, 28, 17, 27, 32, 337909538, time.UTC), Owner: "host/7", OwnName: "dockerrun-1", Deadline: deadline}, all[0])
	assert.Equal(t, "all=true&filters=%7B%22label%22%3A%5B%22com.altairalabs.dockerrun.owner%22%5D%7D", f.queries["inspect"])

	removed, err := runtime.Sweep(t.Context(), rt, deadline.Add(time.Minute))
	require.NoError(t, err)
	require.Len(t, removed, 1)
	assert.Equal(t, []string{"inspect", "remove", "remove"}, f.operations(), "the list is an inspect to the fake")
	assert.Equal(t, "force=true&timeout=0&volumes=true", f.queries["remove"])

	require.NoError(t, rt.Close())
	_, err = rt.Launched(t.Context())
	require.ErrorIs(t, err, runtime.ErrClosed)
	require.ErrorIs(t, rt.Discard(t.Context(), "1"), runtime.ErrClosed)
}

func TestSweepWithoutService(t *testing.T) {
	t.Parallel()
	rt, err := New(Options{Host: "unix:///nonexistent/podman.sock"})
	require.NoError(t, err)
	_, err = rt.Launched(t.Context())
	require.ErrorIs(t, err, runtime.ErrUnavailable)
	require.ErrorIs(t, rt.Discard(t.Context(), "1"), runtime.ErrUnavailable)
}
