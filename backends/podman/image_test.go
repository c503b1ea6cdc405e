package podman

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// store makes a fake answer for images: what it has, and what a pull says.
type store struct {
	mu     sync.Mutex
	has    map[string]string // path of the inspect -> architecture
	pull   []map[string]any
	gains  string // path that the pull adds
	pulls  []string
	header http.Header
}

func (s *store) handle(w http.ResponseWriter, r *http.Request, op string) bool {
	_, path, _ := strings.Cut(r.URL.EscapedPath(), "/libpod/")
	if !strings.HasPrefix(path, "images/") {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if op == "pull" {
		s.pulls = append(s.pulls, r.URL.RawQuery)
		s.header = r.Header.Clone()
		if s.gains != "" {
			s.has[s.gains] = "amd64"
		}
		for _, report := range s.pull {
			_ = json.NewEncoder(w).Encode(report)
		}
		return true
	}
	arch, ok := s.has[strings.TrimSuffix(strings.TrimPrefix(path, "images/"), "/json")]
	if !ok {
		fail(w, 404, "image not known", "failed to find image: image not known")
		return true
	}
	answer(w, 200, map[string]any{
		"Id": "abc", "RepoDigests": []string{"r@sha256:1"}, "Os": "linux", "Architecture": arch, "User": "u",
		"Annotations": map[string]string{"a": "b"},
		"Config":      map[string]any{"Entrypoint": []string{"e"}, "Cmd": []string{"c"}, "Env": []string{"A=b"}, "WorkingDir": "/w"},
	})
	return true
}

func TestImage(t *testing.T) {
	t.Setenv("REGISTRY_AUTH_FILE", filepath.Join(t.TempDir(), "none.json"))
	there := func() *store { return &store{has: map[string]string{"r.io%2Fa:1": "amd64"}} }
	pulls := func() *store {
		return &store{has: map[string]string{}, gains: "abc", pull: []map[string]any{{"stream": "Trying\n"}, {"images": []string{"abc"}, "id": "abc"}}}
	}
	fails := &store{has: map[string]string{}, pull: []map[string]any{{"stream": "Trying\n"}, {"error": "manifest unknown"}}}
	stops := &store{has: map[string]string{}, pull: []map[string]any{{"stream": "Trying\n"}}}
	for name, tc := range map[string]struct {
		store *store
		req   runtime.ImageRequest
		pulls int
		kind  error
	}{
		"there":                     {store: there(), req: runtime.ImageRequest{}},
		"there, never":              {store: there(), req: runtime.ImageRequest{Pull: runtime.PullNever}},
		"there, same platform":      {store: there(), req: runtime.ImageRequest{Platform: "linux/amd64"}},
		"missing":                   {store: pulls(), pulls: 1},
		"missing, never":            {store: pulls(), req: runtime.ImageRequest{Pull: runtime.PullNever}, kind: runtime.ErrImageMissing},
		"always":                    {store: &store{has: map[string]string{"r.io%2Fa:1": "amd64"}, gains: "abc", pull: pulls().pull}, req: runtime.ImageRequest{Pull: runtime.PullAlways}, pulls: 1},
		"other platform":            {store: there(), req: runtime.ImageRequest{Platform: "linux/arm64", Pull: runtime.PullNever}, kind: runtime.ErrImageMissing},
		"other platform, pulled":    {store: &store{has: map[string]string{"r.io%2Fa:1": "arm64"}, gains: "abc", pull: pulls().pull}, req: runtime.ImageRequest{Platform: "linux/amd64"}, pulls: 1},
		"pull fails in the stream":  {store: fails, pulls: 1, kind: runtime.ErrPullFailed},
		"pull ends without a word":  {store: stops, pulls: 1, kind: runtime.ErrPullFailed},
		"a policy that there isn't": {store: there(), req: runtime.ImageRequest{Pull: "sometimes"}, kind: runtime.ErrInvalidSpec},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFake(t, cat)
			fake.intercept = tc.store.handle
			tc.req.Ref = "r.io/a:1"
			img, err := runtime.GetImage(t.Context(), fake.runtime(), tc.req)
			assert.Len(t, tc.store.pulls, tc.pulls)
			if tc.kind != nil {
				require.ErrorIs(t, err, tc.kind)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "sha256:abc", img.ID)
			assert.Equal(t, runtime.Image{
				ID: img.ID, Digests: []string{"r@sha256:1"}, Entrypoint: []string{"e"}, Cmd: []string{"c"},
				Env: []string{"A=b"}, User: "u", WorkingDir: "/w", Annotations: map[string]string{"a": "b"}, Platform: "linux/amd64",
			}, img)
		})
	}
}

func TestPullRequest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "auth.json")
	secret := base64.StdEncoding.EncodeToString([]byte("me:geheim"))
	require.NoError(t, os.WriteFile(file, []byte(`{"auths":{"r.io":{"auth":"`+secret+`"},"other.io":{"auth":"`+secret+`"}}}`), 0o600))
	t.Setenv("REGISTRY_AUTH_FILE", file)
	s := &store{has: map[string]string{}, gains: "abc", pull: []map[string]any{{"id": "abc"}}}
	fake := newFake(t, cat)
	fake.intercept = s.handle
	rt := fake.runtime()
	_, err := rt.Image(t.Context(), runtime.ImageRequest{Ref: "r.io/a", Platform: "linux/arm/v7"})
	require.NoError(t, err)
	assert.Equal(t, []string{"Arch=arm&OS=linux&Variant=v7&policy=always&reference=r.io%2Fa"}, s.pulls)
	assert.JSONEq(t, `{"username":"me","password":"geheim"}`, decode(t, s.header), "credentials of one registry only")
}

func TestPullProgress(t *testing.T) {
	t.Setenv("REGISTRY_AUTH_FILE", filepath.Join(t.TempDir(), "none.json"))
	s := &store{has: map[string]string{}, gains: "abc", pull: []map[string]any{
		{"stream": "Trying to pull r.io/a:1...\n"}, {"stream": "Copying blob sha256:0123456789abcdef0123\n"},
		{"stream": "Copying blob 0123456789ac done\n"}, {"stream": "Copying config sha256:0123456789ad\n"}, {"id": "abc"},
	}}
	fake := newFake(t, cat)
	fake.intercept = s.handle
	var got []runtime.PullProgress
	ctx := runtime.WithTrace(t.Context(), &runtime.Trace{PullProgress: func(p runtime.PullProgress) { got = append(got, p) }})
	_, err := fake.runtime().Image(ctx, runtime.ImageRequest{Ref: "r.io/a:1"})
	require.NoError(t, err)
	assert.Equal(t, []runtime.PullProgress{
		{Ref: "r.io/a:1", Layer: "0123456789ab", Status: "Copying"},
		{Ref: "r.io/a:1", Layer: "0123456789ac", Status: "Copying"},
	}, got)
}

func decode(t *testing.T, h http.Header) string {
	t.Helper()
	data, err := base64.URLEncoding.DecodeString(h.Get("X-Registry-Auth"))
	require.NoError(t, err)
	return string(data)
}

func TestAuthHeader(t *testing.T) {
	dir := t.TempDir()
	auths := func(file, registry string) {
		secret := base64.StdEncoding.EncodeToString([]byte("me:" + registry))
		require.NoError(t, os.WriteFile(file, []byte(`{"auths":{"`+registry+`":{"auth":"`+secret+`"}}}`), 0o600))
	}
	auths(filepath.Join(dir, "auth.json"), "r.io")
	auths(filepath.Join(dir, "config.json"), "d.io")
	t.Setenv("REGISTRY_AUTH_FILE", filepath.Join(dir, "auth.json"))
	t.Setenv("DOCKER_CONFIG", dir)

	h, err := authHeader("x.io/a")
	require.NoError(t, err)
	assert.Empty(t, h, "there are none for that registry")
	h, err = authHeader("short")
	require.NoError(t, err)
	assert.JSONEq(t, `{"r.io":{"username":"me","password":"r.io"}}`, decode(t, h))

	t.Setenv("REGISTRY_AUTH_FILE", "")
	h, err = authHeader("d.io/a:1")
	require.NoError(t, err)
	assert.JSONEq(t, `{"username":"me","password":"d.io"}`, decode(t, h))

	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte("{"), 0o600))
	_, err = authHeader("d.io/a:1")
	require.Error(t, err)
}

// A credential helper that does not answer costs its pull, and not Close or what comes
// after.
func TestCredentialHelperHangs(t *testing.T) {
	dir := t.TempDir()
	stuck := filepath.Join(dir, "stuck") // for as long as it is there
	helper := "#!/bin/sh\n: >'" + stuck + "'\nwhile test -e '" + stuck + "'; do sleep 0.05; done\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "docker-credential-x"), []byte(helper), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "auth.json"), []byte(`{"credHelpers":{"r.io":"x"}}`), 0o600))
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("REGISTRY_AUTH_FILE", filepath.Join(dir, "auth.json"))
	s := &store{has: map[string]string{}}
	fake := newFake(t, cat)
	fake.intercept = s.handle
	rt := fake.runtime()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		_, err := rt.Image(ctx, runtime.ImageRequest{Ref: "r.io/a", Pull: runtime.PullAlways})
		failed <- err
	}()
	require.Eventually(t, func() bool {
		_, err := os.Stat(stuck)
		return err == nil
	}, 10*time.Second, time.Millisecond, "no helper is asked")
	defer func() { assert.NoError(t, os.Remove(stuck)) }()
	cancel()
	select {
	case err := <-failed:
		require.ErrorIs(t, err, runtime.ErrCanceled)
		assert.ErrorContains(t, err, "asking for the registry's credentials")
	case <-time.After(10 * time.Second):
		t.Error("the helper is waited for")
	}
	require.NoError(t, rt.Close())
	assert.Empty(t, s.pulls)
}

func TestSamePlatform(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		want, have string
		same       bool
	}{
		{"", "linux/arm64", true},
		{"linux", "linux/arm64", true},
		{"linux/arm64", "linux/arm64/v8", true},
		{"linux/arm64/v8", "linux/arm64", true},
		{"linux/arm/v7", "linux/arm/v6", false},
		{"linux/arm/v7", "linux/arm", false},
		{"linux/amd64", "linux/arm64", false},
	} {
		assert.Equal(t, tc.same, samePlatform(tc.want, tc.have), "%s %s", tc.want, tc.have)
	}
}
