package dockerapi

import (
	"bytes"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// clearEnv takes away what would steer the docker command, and gives a home.
func clearEnv(t *testing.T) (home string) {
	t.Helper()
	for _, name := range []string{"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH",
		"DOCKER_API_VERSION", "DOCKER_CUSTOM_HEADERS", "DOCKER_DEFAULT_PLATFORM", "DOCKER_CONTENT_TRUST"} {
		t.Setenv(name, "")
	}
	home = t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	return home
}

func addContext(t *testing.T, dir, name, host string) {
	t.Helper()
	s := store.New(filepath.Join(dir, "contexts"), store.NewConfig(func() any { return &map[string]any{} },
		store.EndpointTypeGetter(docker.DockerEndpoint, func() any { return &docker.EndpointMeta{} })))
	require.NoError(t, s.CreateOrUpdate(store.Metadata{Name: name, Endpoints: map[string]any{
		docker.DockerEndpoint: docker.EndpointMeta{Host: host},
	}}))
}

func writeConfig(t *testing.T, dir, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o600))
}

func TestEndpoint(t *testing.T) {
	for name, tc := range map[string]struct {
		host   string
		env    map[string]string
		config string
		want   string
		remote bool
		err    string
	}{
		"default socket":                  {want: "unix:///var/run/docker.sock"},
		"host":                            {host: "unix:///a.sock", want: "unix:///a.sock"},
		"host over everything":            {host: "tcp://h:1", env: map[string]string{"DOCKER_HOST": "tcp://e:1", "DOCKER_CONTEXT": "one"}, config: `{"currentContext":"two"}`, want: "tcp://h:1", remote: true},
		"DOCKER_HOST over the contexts":   {env: map[string]string{"DOCKER_HOST": "tcp://e:1", "DOCKER_CONTEXT": "one"}, config: `{"currentContext":"two"}`, want: "tcp://e:1", remote: true},
		"DOCKER_CONTEXT over the current": {env: map[string]string{"DOCKER_CONTEXT": "one"}, config: `{"currentContext":"two"}`, want: "unix:///one.sock"},
		"current context":                 {config: `{"currentContext":"two"}`, want: "ssh://me@two", remote: true},
		"context default":                 {env: map[string]string{"DOCKER_CONTEXT": "default"}, config: `{"currentContext":"two"}`, want: "unix:///var/run/docker.sock"},
		"port and scheme are docker's":    {host: "h", want: "tcp://h:2375", remote: true},
		"unknown context":                 {env: map[string]string{"DOCKER_CONTEXT": "three"}, err: `docker context "three" can't be used`},
		"not a host":                      {host: "http://x", err: `host: "http://x": it takes unix://`},
		"ssh with a password":             {host: "ssh://me:pw@h", err: "plain-text password is not supported"},
		"config.json broken":              {config: `{`, err: "docker's configuration can't be used"},
		"TLS without files":               {env: map[string]string{"DOCKER_TLS_VERIFY": "1", "DOCKER_HOST": "tcp://h:1"}, err: "TLS is asked for"},
		"headers":                         {env: map[string]string{"DOCKER_CUSTOM_HEADERS": "x"}, err: "DOCKER_CUSTOM_HEADERS"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(clearEnv(t), ".docker")
			addContext(t, dir, "one", "unix:///one.sock")
			addContext(t, dir, "two", "ssh://me@two")
			for k, v := range tc.env {
				t.Setenv(k, v)
			}
			if tc.config != "" {
				writeConfig(t, dir, tc.config)
			}
			rt, err := New(Options{Host: tc.host})
			if tc.err != "" {
				require.ErrorIs(t, err, runtime.ErrInvalidSpec)
				assert.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			defer rt.Close()
			assert.Equal(t, tc.want, rt.raw.host)
			assert.Equal(t, tc.remote, rt.Remote())
		})
	}
}

func TestContentTrust(t *testing.T) {
	clearEnv(t)
	t.Setenv("DOCKER_CONTENT_TRUST", "1")
	_, err := New(Options{})
	require.ErrorIs(t, err, runtime.ErrUnsupported)
}

func TestConfigDir(t *testing.T) {
	clearEnv(t)
	dir := t.TempDir()
	addContext(t, dir, "there", "unix:///there.sock")
	writeConfig(t, dir, `{"currentContext":"there"}`)
	t.Setenv("DOCKER_CONFIG", dir)
	rt, err := New(Options{})
	require.NoError(t, err)
	assert.Equal(t, "unix:///there.sock", rt.raw.host)
	require.NoError(t, rt.Close())
}

// TestTLS runs a call over TLS, streams included.
func TestTLS(t *testing.T) {
	dir := clearEnv(t)
	d := newFakeDocker(t)
	d.command = func(stdin io.Reader, stdout, _ io.Writer) int {
		_, _ = io.Copy(stdout, stdin)
		return 0
	}
	secure := httptest.NewTLSServer(d)
	defer secure.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0o600))
	t.Setenv("DOCKER_TLS_VERIFY", "1")
	t.Setenv("DOCKER_CERT_PATH", dir)
	rt, err := New(Options{Host: "tcp://" + secure.Listener.Addr().String()})
	require.NoError(t, err)
	var stdout bytes.Buffer
	_, err = rt.Run(t.Context(), spec, runtime.Stdio{Stdin: io.NopCloser(strings.NewReader("over TLS")), Stdout: &stdout})
	require.NoError(t, err)
	assert.Equal(t, "over TLS", stdout.String())
	require.NoError(t, rt.Close())
}

func TestHeadersAndVersion(t *testing.T) {
	dir := clearEnv(t)
	writeConfig(t, dir, `{"HttpHeaders":{"X-Who":"me"}}`)
	t.Setenv("DOCKER_API_VERSION", "1.40")
	d := newFakeDocker(t)
	seen := make(chan string, 10)
	for _, name := range []string{"create", "attach out", "wait next-exit"} {
		d.answer[name] = func(w http.ResponseWriter, r *http.Request) {
			seen <- r.Header.Get("X-Who") + " " + r.URL.Path[:6]
			if name == "create" {
				reply(201, `{"Id":"`+fakeID+`"}`)(w, r)
				return
			}
			reply(500, `{"message":"enough"}`)(w, r)
		}
	}
	rt, err := New(Options{Host: "tcp://" + d.Listener.Addr().String(), ConfigDir: dir})
	require.NoError(t, err)
	_, err = rt.Run(t.Context(), spec, runtime.Stdio{})
	require.Error(t, err)
	require.NoError(t, rt.Close())
	close(seen)
	n := 0
	for s := range seen {
		assert.Equal(t, "me /v1.40", s)
		n++
	}
	assert.Equal(t, 3, n)
	assert.Zero(t, d.requests("_ping"), "DOCKER_API_VERSION leaves nothing to agree on")
}

func TestProxies(t *testing.T) {
	dir := clearEnv(t)
	writeConfig(t, dir, `{"proxies":{
		"default":{"httpProxy":"http://p:1","noProxy":"n"},
		"tcp://special:2375":{"httpsProxy":"http://s:1"}}}`)
	for name, tc := range map[string]struct {
		host      string
		env, want []string
	}{
		"default":         {"unix:///a.sock", []string{"A=b"}, []string{"A=b", "HTTP_PROXY=http://p:1", "http_proxy=http://p:1", "NO_PROXY=n", "no_proxy=n"}},
		"this engine's":   {"tcp://special:2375", nil, []string{"HTTPS_PROXY=http://s:1", "https_proxy=http://s:1"}},
		"given are kept":  {"unix:///a.sock", []string{"HTTP_PROXY=mine", "no_proxy="}, []string{"HTTP_PROXY=mine", "no_proxy=", "http_proxy=http://p:1", "NO_PROXY=n"}},
		"removed is kept": {"unix:///a.sock", []string{"HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"}, []string{"HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"}},
	} {
		t.Run(name, func(t *testing.T) {
			rt, err := New(Options{Host: tc.host, ConfigDir: dir})
			require.NoError(t, err)
			defer rt.Close()
			req, err := rt.request(runtime.Spec{Image: "img", Env: tc.env})
			require.NoError(t, err)
			assert.Equal(t, tc.want, req.config.Env)
		})
	}
}

func TestDefaultPlatform(t *testing.T) {
	clearEnv(t)
	t.Setenv("DOCKER_DEFAULT_PLATFORM", "linux/arm64")
	rt, err := New(Options{})
	require.NoError(t, err)
	defer rt.Close()
	req, err := rt.request(runtime.Spec{Image: "img"})
	require.NoError(t, err)
	assert.Equal(t, "arm64", req.platform.Architecture)
	req, err = rt.request(runtime.Spec{Image: "img", Platform: "linux/amd64"})
	require.NoError(t, err)
	assert.Equal(t, "amd64", req.platform.Architecture)
}
