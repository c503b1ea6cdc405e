// Package dockerapi runs containers over the API of a Docker engine, without the
// docker command.
//
// [New] finds the engine as the docker command does: an explicit host, DOCKER_HOST,
// DOCKER_CONTEXT, the current context of config.json, the default socket; unix, tcp,
// TLS, ssh and (on Windows) named pipes. It contacts nothing: the API version is
// agreed with the engine once, at the first call. HTTP headers, proxies for
// containers and registry credentials (with credential helpers) come from the same
// config.json, and DOCKER_API_VERSION, DOCKER_DEFAULT_PLATFORM, DOCKER_TLS_VERIFY and
// DOCKER_CERT_PATH mean what they mean there.
//
// A container is field for field the one that `docker run --rm -i` makes with the
// same flags. The engine removes it by itself when its command ends, also when this
// process has died by then.
//
// An engine before Docker 23 gets at most four calls at once from a Runtime, and the
// others wait their turn: more can make it deadlock (moby#46661).
//
// # Errors
//
// Errors are a [*runtime.Error]. ErrInvalidSpec is the engine's refusal of the spec
// as well as ours; ErrUnsupported a limit that this engine does not enforce, an
// API that is too old, an OCI runtime that it does not have, or a flag in
// Spec.Passthrough; ErrUnavailable says what to do about an engine that does not
// answer.
package dockerapi

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/docker/client"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// Key is the configuration key of this runtime.
const Key = "docker-api"

// Options say which engine to use. The zero value is the docker command's choice.
type Options struct {
	// Host is where the engine listens, as `docker --host` takes it: unix://PATH,
	// tcp://HOST:PORT, ssh://[USER@]HOST or npipe://NAME.
	Host string
	// ConfigDir is docker's configuration directory. Empty: DOCKER_CONFIG, then
	// .docker in the home directory.
	ConfigDir string
}

// Runtime runs containers on one Docker engine. Safe for concurrent use.
type Runtime struct {
	cli             *client.Client
	file            *configfile.ConfigFile
	defaultPlatform string
	raw             rawAPI
	removals        call.Removals
	asking          call.Gate // for the API version
	places          call.Gate // for engines before Docker 23
}

var (
	_ runtime.Runtime      = (*Runtime)(nil)
	_ runtime.ImageStore   = (*Runtime)(nil)
	_ runtime.SpecChecker  = (*Runtime)(nil)
	_ runtime.RemoteTeller = (*Runtime)(nil)
	_ runtime.KeyTeller    = (*Runtime)(nil)
	_ runtime.Pinger       = (*Runtime)(nil)
	_ runtime.Sweeper      = (*Runtime)(nil)
)

// New reads docker's configuration and makes a Runtime for the engine that it and o
// name. It contacts nothing. An error is one of that configuration, of kind
// [runtime.ErrInvalidSpec] or [runtime.ErrUnsupported].
func New(o Options) (*Runtime, error) {
	if trust, _ := strconv.ParseBool(os.Getenv("DOCKER_CONTENT_TRUST")); trust {
		return nil, &runtime.Error{Kind: runtime.ErrUnsupported, Runtime: Key,
			Message: "DOCKER_CONTENT_TRUST is set, and only docker-cli verifies the signatures of images"}
	}
	s, err := loadSettings(o.ConfigDir, o.Host)
	if err != nil {
		return nil, configError(err)
	}
	opts, err := s.endpoint.ClientOpts()
	if err != nil {
		return nil, configError(err)
	}
	if len(s.headers) > 0 {
		opts = append(opts, client.WithHTTPHeaders(s.headers))
	}
	r := &Runtime{
		file: s.file, defaultPlatform: os.Getenv("DOCKER_DEFAULT_PLATFORM"),
		asking: make(call.Gate, 1), places: make(call.Gate, call.OldDockerCalls),
	}
	r.raw.headers = s.headers
	opts = append(opts, r.raw.take)
	if r.cli, err = client.NewClientWithOpts(opts...); err != nil {
		return nil, configError(err)
	}
	if r.raw.base, err = client.ParseHostURL(r.cli.DaemonHost()); err != nil {
		return nil, configError(err)
	}
	r.raw.host = s.endpoint.Host
	if r.raw.host == "" {
		r.raw.host = r.cli.DaemonHost()
	}
	return r, nil
}

func configError(err error) error {
	return &runtime.Error{Kind: runtime.ErrInvalidSpec, Runtime: Key, Err: err}
}

// CheckSpec says what of spec can't be said over the API.
func (r *Runtime) CheckSpec(spec runtime.Spec) error {
	_, err := r.request(spec)
	return err
}

// RuntimeKey is [Key].
func (r *Runtime) RuntimeKey() string { return Key }

// Remote reports whether the engine is reached by tcp or ssh, and so sees another
// filesystem than this process.
func (r *Runtime) Remote() bool { return remote(r.raw.host) }

// Close waits for calls and removals that are under way and drops the connections.
func (r *Runtime) Close() error {
	if r.removals.Close() {
		_ = r.cli.Close() // closes idle connections; never fails
	}
	return nil
}

// request is what the engine is asked to create for spec.
func (r *Runtime) request(spec runtime.Spec) (*createRequest, error) {
	if spec.Platform == "" {
		spec.Platform = r.defaultPlatform
	}
	req, err := translate(spec)
	if err != nil {
		return nil, err
	}
	req.config.Env = proxyEnv(r.file, r.cli.DaemonHost(), req.config.Env)
	return req, nil
}

// rawAPI is the way to the engine beside its client, for streams: the client's own
// hijacking can't be cancelled.
type rawAPI struct {
	host    string // as configured, for messages
	base    *url.URL
	headers map[string]string
	streams *http.Transport
	tls     bool
}

// take is the last option of the client: it keeps a way to open streams of our own
// on the same endpoint, and has the client keep more connections open.
func (a *rawAPI) take(c *client.Client) error {
	t, ok := c.HTTPClient().Transport.(*http.Transport)
	if !ok {
		return fmt.Errorf("the docker client has a transport of type %T", c.HTTPClient().Transport)
	}
	a.streams = t.Clone()
	a.streams.Proxy = nil // as the client's own streams
	a.streams.DisableKeepAlives = true
	a.tls = t.TLSClientConfig != nil
	// One connection per call for create, wait and start each; the default of two idle
	// ones makes concurrent calls dial again and again.
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 16, 16
	if strings.HasPrefix(c.DaemonHost(), "http://docker.example.com") {
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 4, 4 // each is an ssh process
	}
	t.IdleConnTimeout = 30 * time.Second
	return nil
}
