package dockerapi

import (
	"encoding/json"
	"net/http"
	"path"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestRemovalIsRetried(t *testing.T) {
	t.Parallel()
	d := newFakeDocker(t)
	d.answer["start"] = reply(500, `{"message":"boom"}`)
	d.answer["delete"] = inTurn(
		reply(409, `{"message":"removal of container is already in progress"}`),
		reply(500, `{"message":"could not kill container"}`),
		reply(404, `{"message":"No such container"}`))
	ctx, removed := watched(t)
	_, err := d.runtime(t).Run(ctx, spec, runtime.Stdio{})
	require.Error(t, err)
	require.NoError(t, <-removed)
	assert.Equal(t, 3, d.requests("delete"))
}

// TestRemovalOfAnUncertainCreate looks twice, as the engine may still be making it.
func TestRemovalOfAnUncertainCreate(t *testing.T) {
	t.Parallel()
	d := newFakeDocker(t)
	d.answer["create"] = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	d.answer["delete"] = reply(404, `{"message":"No such container"}`)
	rt := d.runtime(t)
	_, err := rt.Run(t.Context(), runtime.Spec{Image: "img"}, runtime.Stdio{})
	require.ErrorIs(t, err, runtime.ErrUnavailable)
	require.NoError(t, rt.Close())
	assert.Equal(t, 2, d.requests("delete"))
}

func TestRemovalOfACreateWithoutAnID(t *testing.T) {
	t.Parallel()
	d := newFakeDocker(t)
	d.answer["create"] = reply(201, `{}`)
	var deleted string
	d.answer["delete"] = func(w http.ResponseWriter, r *http.Request) {
		deleted = r.URL.Path
		w.WriteHeader(http.StatusNoContent)
	}
	rt := d.runtime(t)
	_, err := rt.Run(t.Context(), runtime.Spec{Image: "img"}, runtime.Stdio{})
	require.ErrorIs(t, err, runtime.ErrUnavailable)
	require.NoError(t, rt.Close())
	assert.Contains(t, deleted, "/containers/"+runtime.NamePrefix)
}

// A name that the caller chose may be somebody else's container.
func TestRemovalOfANamedContainer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		create  http.HandlerFunc
		left    bool
		deleted []string
	}{
		"failed":           {create: reply(500, `{"message":"write /var/lib/docker/x: no space left on device"}`)},
		"failed and left":  {create: reply(500, `{"message":"no space left on device"}`), left: true, deleted: []string{"mine"}},
		"broke off":        {create: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		"broken off, left": {create: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, left: true, deleted: []string{"mine"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newFakeDocker(t)
			var mu sync.Mutex
			var label string
			var lists, deleted []string
			d.answer["create"] = func(w http.ResponseWriter, r *http.Request) {
				var body struct{ Labels map[string]string }
				assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
				mu.Lock()
				label = body.Labels[runtime.LabelCall]
				mu.Unlock()
				tc.create(w, r)
			}
			d.answer["inspect"] = func(w http.ResponseWriter, r *http.Request) { // GET /containers/json, by the fake's names
				mu.Lock()
				defer mu.Unlock()
				lists = append(lists, r.URL.Query().Get("all")+r.URL.Query().Get("filters"))
				list := "[]"
				if tc.left && len(deleted) == 0 {
					list = `[{"Id":"mine","Names":["/database"]}]`
				}
				reply(200, list)(w, r)
			}
			d.answer["delete"] = func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				deleted = append(deleted, path.Base(r.URL.Path))
				w.WriteHeader(http.StatusNoContent)
			}
			rt := d.runtime(t)
			_, err := rt.Run(t.Context(), runtime.Spec{Image: "img", Name: "database"}, runtime.Stdio{})
			require.Error(t, err)
			require.NoError(t, rt.Close())
			assert.Equal(t, tc.deleted, deleted)
			require.NotEmpty(t, lists)
			assert.Equal(t, `1{"label":{"`+runtime.LabelCall+"="+label+`":true}}`, lists[0])
			assert.Equal(t, !tc.left, len(lists) == 2, "what is missing is looked for twice")
		})
	}
}
