package dockerapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestImage(t *testing.T) {
	t.Parallel()
	found := reply(200, `{"Id":"sha256:1","RepoDigests":["img@sha256:2"],"Os":"linux","Architecture":"arm64","Variant":"v8",
		"Config":{"Entrypoint":["/e"],"Cmd":["c"],"Env":["A=b"],"User":"u","WorkingDir":"/w","Volumes":{"/b":{},"/a":{}}}}`)
	missing := reply(404, `{"message":"No such image: img:latest"}`)
	described := runtime.Image{ID: "sha256:1", Digests: []string{"img@sha256:2"}, Entrypoint: []string{"/e"}, Cmd: []string{"c"},
		Env: []string{"A=b"}, User: "u", WorkingDir: "/w", Volumes: []string{"/a", "/b"}, Platform: "linux/arm64/v8"}
	const done = `{"status":"Pulling"}` + "\n" + `{"status":"Done"}` + "\n"
	for name, tc := range map[string]struct {
		req           runtime.ImageRequest
		inspect, pull http.HandlerFunc
		kind          error
		text          string
		pulls         int
	}{
		"there":            {runtime.ImageRequest{Ref: "img"}, found, nil, nil, "", 0},
		"same platform":    {runtime.ImageRequest{Ref: "img", Platform: "linux/arm64", Pull: runtime.PullNever}, found, nil, nil, "", 0},
		"never":            {runtime.ImageRequest{Ref: "img", Pull: runtime.PullNever}, missing, nil, runtime.ErrImageMissing, "does not have img", 0},
		"other platform":   {runtime.ImageRequest{Ref: "img", Platform: "linux/amd64", Pull: runtime.PullNever}, found, nil, runtime.ErrImageMissing, "for linux/arm64/v8 only", 0},
		"pulled":           {runtime.ImageRequest{Ref: "img"}, inTurn(missing, found), reply(200, done), nil, "", 1},
		"always":           {runtime.ImageRequest{Ref: "img", Pull: runtime.PullAlways}, found, reply(200, done), nil, "", 1},
		"error in stream":  {runtime.ImageRequest{Ref: "img"}, missing, reply(200, done+`{"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"}`), runtime.ErrPullFailed, "no such image", 1},
		"stream cut":       {runtime.ImageRequest{Ref: "img"}, missing, reply(200, done+`{"stat`), runtime.ErrUnavailable, "progress", 1},
		"unauthorized":     {runtime.ImageRequest{Ref: "img"}, missing, reply(500, `{"message":"Head \"http://r/v2/\": unauthorized: authentication required"}`), runtime.ErrPullFailed, "docker login", 1},
		"no name":          {runtime.ImageRequest{Ref: "sha256:" + strings.Repeat("a", 64)}, missing, nil, runtime.ErrImageMissing, "can't be pulled", 0},
		"policy":           {runtime.ImageRequest{Ref: "img", Pull: "x"}, found, nil, runtime.ErrInvalidSpec, "pull policy", 0},
		"invalid platform": {runtime.ImageRequest{Ref: "img", Platform: "a/b/c/d"}, found, nil, runtime.ErrInvalidSpec, "platform", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newFakeDocker(t)
			d.answer["image"], d.answer["pull"] = tc.inspect, tc.pull
			img, err := d.runtime(t).Image(t.Context(), tc.req)
			assert.Equal(t, tc.pulls, d.requests("pull"))
			if tc.kind != nil {
				require.ErrorIs(t, err, tc.kind)
				assert.ErrorContains(t, err, tc.text)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, described, img)
		})
	}
}

func TestPullSendsCredentials(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := `{"auths":{"r.example":{"auth":"dXNlcjpzZWNyZXQ="}}}`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600))
	d := newFakeDocker(t)
	var auth, image string
	d.answer["pull"] = func(_ http.ResponseWriter, r *http.Request) {
		auth, image = r.Header.Get("X-Registry-Auth"), r.URL.Query().Get("fromImage")+" "+r.URL.Query().Get("tag")
	}
	d.answer["image"] = reply(200, `{"Id":"sha256:1"}`)
	rt, err := New(Options{Host: "tcp://" + d.Listener.Addr().String(), ConfigDir: dir})
	require.NoError(t, err)
	_, err = rt.Image(t.Context(), runtime.ImageRequest{Ref: "r.example/img", Pull: runtime.PullAlways})
	require.NoError(t, err)
	require.NoError(t, rt.Close())
	assert.Equal(t, "r.example/img latest", image)
	sent := decodeAuth(t, auth)
	assert.Equal(t, "user", sent.Username)
	assert.Equal(t, "secret", sent.Password)
}

// A credential helper that hangs keeps neither the pull nor Close.
func TestCredentialHelperThatHangs(t *testing.T) {
	dir := t.TempDir()
	stuck := filepath.Join(dir, "stuck")
	require.NoError(t, os.WriteFile(stuck, nil, 0o600))
	defer func() { require.NoError(t, os.Remove(stuck)) }()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "docker-credential-x"),
		[]byte("#!/bin/sh\nwhile test -e '"+stuck+"'; do sleep 0.05; done\n"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"credsStore":"x"}`), 0o600))
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	d := newFakeDocker(t)
	rt, err := New(Options{Host: "tcp://" + d.Listener.Addr().String(), ConfigDir: dir})
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, err := rt.Image(ctx, runtime.ImageRequest{Ref: "r.example/img", Pull: runtime.PullAlways})
		assert.ErrorIs(t, err, runtime.ErrTimeout)
		assert.ErrorContains(t, err, "credentials for r.example")
		assert.NoError(t, rt.Close())
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("it is waited for")
	}
	assert.Zero(t, d.requests("pull"))
}

func TestPullProgress(t *testing.T) {
	t.Parallel()
	d := newFakeDocker(t)
	d.answer["image"] = reply(200, `{"Id":"sha256:1"}`)
	d.answer["pull"] = reply(200, `{"status":"Pulling from library/img","id":"latest"}
{"status":"Pulling fs layer","progressDetail":{},"id":"abc"}
{"status":"Downloading","progressDetail":{"current":10,"total":30},"progress":"[==>  ]","id":"abc"}
{"status":"Extracting","progressDetail":{"current":2,"units":"s"},"id":"abc"}
{"status":"Pull complete","progressDetail":{},"id":"abc"}
{"status":"Digest: sha256:2"}
`)
	var got []runtime.PullProgress
	ctx := runtime.WithTrace(t.Context(), &runtime.Trace{PullProgress: func(p runtime.PullProgress) { got = append(got, p) }})
	_, err := d.runtime(t).Image(ctx, runtime.ImageRequest{Ref: "img", Pull: runtime.PullAlways})
	require.NoError(t, err)
	assert.Equal(t, []runtime.PullProgress{
		{Ref: "img", Layer: "abc", Status: "Pulling fs layer"},
		{Ref: "img", Layer: "abc", Status: "Downloading", Current: 10, Total: 30},
		{Ref: "img", Layer: "abc", Status: "Extracting", Current: 2},
		{Ref: "img", Layer: "abc", Status: "Pull complete"},
	}, got)
}

func TestPullEndsWithContext(t *testing.T) {
	t.Parallel()
	d := newFakeDocker(t)
	ctx, cancel := context.WithCancel(t.Context())
	d.answer["pull"] = func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	}
	_, err := d.runtime(t).Image(ctx, runtime.ImageRequest{Ref: "img", Pull: runtime.PullAlways})
	require.ErrorIs(t, err, runtime.ErrCanceled)
}

func decodeAuth(t *testing.T, header string) registry.AuthConfig {
	t.Helper()
	text, err := base64.URLEncoding.DecodeString(header)
	require.NoError(t, err)
	var auth registry.AuthConfig
	require.NoError(t, json.Unmarshal(text, &auth))
	return auth
}
