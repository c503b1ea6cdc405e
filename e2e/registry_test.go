package e2e

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/image"
)

// testRegistry is a registry on loopback, over TLS, that can ask for a password and
// can be held up.
type testRegistry struct {
	host           string // 127.0.0.1:port
	user, password string // empty: everybody may pull

	mu      sync.Mutex
	asked   int           // requests for a manifest so far
	held    chan struct{} // while open, nobody gets a manifest; nil: everybody
	waiting int           // those who would
	crowd   int           // the most that ever waited
}

// newRegistry starts a registry that has the plain image. Docker takes any certificate
// from a registry on loopback; for Podman, this one's goes where Podman looks for it at
// each pull.
func newRegistry(t *testing.T, user, password string) *testRegistry {
	t.Helper()
	r := &testRegistry{user: user, password: password}
	server := httptest.NewUnstartedServer(r.handler(registry.New(registry.Logger(log.New(io.Discard, "", 0)))))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that try plain HTTP as well
	server.StartTLS()
	t.Cleanup(server.Close)
	t.Cleanup(r.release)
	r.host = server.Listener.Addr().String()

	certs := filepath.Join("/etc/containers/certs.d", r.host)
	if err := os.MkdirAll(certs, 0o755); err != nil {
		t.Skipf("only root can make a registry's certificate known to Podman: %v", err)
	}
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(certs)) })
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(filepath.Join(certs, "ca.crt"), cert, 0o644))
	return r
}

// push gives the registry the plain image under a name, and returns the whole name.
func (r *testRegistry) push(t *testing.T, repository string) string {
	t.Helper()
	files, err := machine.files()
	require.NoError(t, err)
	img, err := image.Build(files, v1.Config{Labels: map[string]string{"pulled-as": repository}})
	require.NoError(t, err)
	return r.pushImage(t, repository, img)
}

func (r *testRegistry) pushImage(t *testing.T, repository string, img v1.Image) string {
	t.Helper()
	ref, err := name.NewTag(r.host + "/" + repository)
	require.NoError(t, err)
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	require.NoError(t, remote.Write(ref, img, remote.WithTransport(transport), remote.WithContext(t.Context()),
		remote.WithAuth(&authn.Basic{Username: r.user, Password: r.password})))
	return ref.String()
}

// digest is what the registry has under a name now.
func (r *testRegistry) digest(t *testing.T, ref string) string {
	t.Helper()
	tag, err := name.NewTag(ref)
	require.NoError(t, err)
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	d, err := remote.Head(tag, remote.WithTransport(transport), remote.WithContext(t.Context()))
	require.NoError(t, err)
	return d.Digest.String()
}

func (r *testRegistry) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		user, password, _ := req.BasicAuth()
		if r.user != "" && (user != r.user || password != r.password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
			return
		}
		if strings.Contains(req.URL.Path, "/manifests/") && req.Method != http.MethodPut {
			if !r.mayPull(req.Context()) {
				return
			}
		}
		next.ServeHTTP(w, req)
	})
}

func (r *testRegistry) mayPull(ctx context.Context) bool {
	r.mu.Lock()
	r.asked++
	held := r.held
	if held != nil {
		r.waiting++
		r.crowd = max(r.crowd, r.waiting)
	}
	r.mu.Unlock()
	if held == nil {
		return true
	}
	defer func() {
		r.mu.Lock()
		r.waiting--
		r.mu.Unlock()
	}()
	select {
	case <-held:
		return true
	case <-ctx.Done():
		return false
	}
}

// hold makes everybody wait for manifests until release.
func (r *testRegistry) hold() {
	r.mu.Lock()
	r.held, r.crowd = make(chan struct{}), 0
	r.mu.Unlock()
}

func (r *testRegistry) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held != nil {
		close(r.held)
		r.held = nil
	}
}

// requests is how often a manifest was asked for.
func (r *testRegistry) requests() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// mostWaiting is how many waited at once since hold.
func (r *testRegistry) mostWaiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.crowd
}

// logIn makes a password known to Docker's and Podman's clients of this process.
func (r *testRegistry) logIn(t *testing.T, user, password string) {
	t.Helper()
	auths := map[string]any{}
	if user != "" {
		auths[r.host] = map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(user + ":" + password))}
	}
	data, err := json.Marshal(map[string]any{"auths": auths})
	require.NoError(t, err)
	dir := t.TempDir()
	file := filepath.Join(dir, "config.json")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("REGISTRY_AUTH_FILE", file)
}
