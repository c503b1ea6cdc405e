package dockerapi

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestSweep(t *testing.T) {
	t.Parallel()
	d := newFakeDocker(t)
	var query atomic.Value
	d.answer["inspect"] = func(w http.ResponseWriter, r *http.Request) { // GET /containers/json, by the fake's names
		query.Store(r.URL.Query().Get("all") + r.URL.Query().Get("filters"))
		reply(http.StatusOK, `[
			{"Id":"1","Names":["/dockerrun-1"],"Image":"alpine","State":"created","Created":1795886852,
			 "Labels":{"com.altairalabs.dockerrun.owner":"host/7","com.altairalabs.dockerrun.name":"dockerrun-1","com.altairalabs.dockerrun.deadline":"2026-11-28T17:28:00Z","x":"a,b=c"}},
			{"Id":"2","Names":["/dockerrun-2"],"State":"running","Labels":{"com.altairalabs.dockerrun.owner":"host/7"}}]`)(w, r)
	}
	rt := d.runtime(t)
	all, err := rt.Launched(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
	deadline := time.Date(2026, 11, 28, 17, 28, 0, 0, time.UTC)
	assert.Equal(t, runtime.Container{ID: "1", Name: "dockerrun-1", Image: "alpine", State: "created",
		Created: time.Unix(1795886852, 0), Owner: "host/7", OwnName: "dockerrun-1", Deadline: deadline}, all[0])
	assert.Equal(t, `1{"label":{"`+runtime.LabelOwner+`":true}}`, query.Load())

	// A removal that is under way already is waited for.
	d.answer["delete"] = inTurn(
		reply(http.StatusConflict, `{"message":"removal of container 1 is already in progress"}`),
		reply(http.StatusNotFound, `{"message":"No such container: 1"}`))
	removed, err := runtime.Sweep(t.Context(), rt, deadline.Add(time.Minute))
	require.NoError(t, err)
	require.Len(t, removed, 1)
	assert.Equal(t, "1", removed[0].ID)
	assert.Equal(t, 2, d.requests("delete"))
	for range cap(rt.places) {
		require.NoError(t, rt.places.Enter(t.Context()), "the place was given back")
	}

	require.NoError(t, rt.Close())
	_, err = rt.Launched(t.Context())
	require.ErrorIs(t, err, runtime.ErrClosed)
	require.ErrorIs(t, rt.Discard(t.Context(), "1"), runtime.ErrClosed)
}

func TestSweepWithoutEngine(t *testing.T) {
	t.Parallel()
	rt, err := New(Options{Host: "unix:///nonexistent/docker.sock", ConfigDir: t.TempDir()})
	require.NoError(t, err)
	_, err = rt.Launched(t.Context())
	require.ErrorIs(t, err, runtime.ErrUnavailable)
	require.ErrorIs(t, rt.Discard(t.Context(), "1"), runtime.ErrUnavailable)
}
