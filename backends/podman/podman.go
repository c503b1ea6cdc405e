package podman

import (
	"context"
	"fmt"
	"time"

	"github.com/containers/podman/v5/pkg/bindings"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// Key is the name of this runtime in configurations and errors.
const Key = "podman"

// removeLimit is how long a removal goes on trying.
const removeLimit = time.Minute

// Options says where the service is. The zero value is the usual place.
type Options struct {
	// Host is unix:///path, tcp://host:port, ssh://[user@]host[:port]/path or an
	// absolute path. Empty: see the package's documentation.
	Host string
	// SSHKey is the private key's file for ssh; empty: CONTAINER_SSHKEY, the ssh
	// configuration or the agent.
	SSHKey string
	// TLSCA, TLSCert and TLSKey are PEM files for tcp. Any of them turns TLS on; TLSCert
	// and TLSKey go together.
	TLSCA, TLSCert, TLSKey string
}

// Runtime runs containers on a Podman service. All methods are safe for concurrent
// use.
type Runtime struct {
	connector connector
	removals  call.Removals
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

// New makes a runtime and contacts nothing. It fails with [runtime.ErrInvalidSpec] on a
// Host that can't be one. Close gives its connections up.
func New(o Options) (*Runtime, error) {
	if o.Host != "" {
		if _, err := parseHost(o.Host); err != nil {
			return nil, &runtime.Error{Kind: runtime.ErrInvalidSpec, Runtime: Key, Message: fmt.Sprintf("host: %s", err)}
		}
	}
	return &Runtime{connector: connector{options: o, bind: bindings.NewConnectionWithOptions}}, nil
}

// CheckSpec says why Podman can't run spec, as far as that is known without asking
// the service.
func (r *Runtime) CheckSpec(spec runtime.Spec) error {
	_, err := translate(spec, service{version: newestVersion}, time.Now())
	return err
}

// RuntimeKey is [Key].
func (r *Runtime) RuntimeKey() string { return Key }

// Remote reports whether the service is reached over ssh or tcp.
func (r *Runtime) Remote() bool {
	host, _, err := findHost(r.connector.options.Host)
	return err == nil && host.Scheme != "unix"
}

// Close waits for calls and removals that are under way and closes the connections.
func (r *Runtime) Close() error {
	if r.removals.Close() {
		r.connector.close()
	}
	return nil
}

// connect gives a connection to the service, or an error for the caller.
func (r *Runtime) connect(ctx context.Context) (*conn, error) {
	c, err := r.connector.get(ctx)
	if err == nil {
		return c, nil
	}
	if ended := runtime.ContextError(ctx, Key, false); ended != nil {
		return nil, ended
	}
	return nil, err
}
