package dockercli

import (
	"context"
	"os"
	"sync/atomic"
	"time"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// Key names this runtime in configurations and errors.
const Key = "docker-cli"

// Options say which command line to use, and which engine it is to use. The zero
// value is the docker that the shell would run, on the engine that it would use.
type Options struct {
	// Path of the command line, or a name to look up in PATH. Empty: docker.
	Path string
	// Host is the engine: --host of docker, --url of podman. Empty: as the command line
	// decides, from its environment and contexts.
	Host string
}

// Runtime runs containers with a command line. All methods are safe for concurrent
// use. A Docker engine before version 23 gets at most four calls at once from it, and
// the others wait their turn: more can make it deadlock (moby#46661).
type Runtime struct {
	opts     Options
	removals call.Removals
	places   places
	limits   knownLimits
	asking   call.Gate              // one asks for the client, the others wait
	client   atomic.Pointer[client] // nil: not asked yet
}

var (
	_ runtime.Runtime     = (*Runtime)(nil)
	_ runtime.ImageStore  = (*Runtime)(nil)
	_ runtime.SpecChecker = (*Runtime)(nil)
	_ runtime.RemoteAsker = (*Runtime)(nil)
	_ runtime.KeyTeller   = (*Runtime)(nil)
	_ runtime.Pinger      = (*Runtime)(nil)
	_ runtime.Sweeper     = (*Runtime)(nil)
)

// New makes a Runtime. It contacts nothing and starts nothing; its error is always
// nil today, and kept so that an option can be refused.
func New(opts Options) (*Runtime, error) {
	if opts.Path == "" {
		opts.Path = "docker"
	}
	return &Runtime{
		opts: opts, places: newPlaces(), limits: knownLimits{asking: make(call.Gate, 1)}, asking: make(call.Gate, 1),
	}, nil
}

// Close waits for calls and removals that are under way, the latter at most half a
// minute.
func (r *Runtime) Close() error {
	r.removals.Close()
	return nil
}

// CheckSpec says what the command line can't do for spec, as far as its version tells.
func (r *Runtime) CheckSpec(spec runtime.Spec) error {
	ctx, cancel := context.WithTimeout(context.Background(), versionLimit)
	defer cancel()
	cl, err := r.find(ctx)
	if err != nil {
		return checkPassthrough(spec.Passthrough) // Run says why there is no client
	}
	return cl.check(spec)
}

// RuntimeKey is [Key].
func (r *Runtime) RuntimeKey() string { return Key }

// Remote is RemoteContext for who has some seconds.
func (r *Runtime) Remote() bool {
	ctx, cancel := context.WithTimeout(context.Background(), versionLimit)
	defer cancel()
	return r.RemoteContext(ctx)
}

// RemoteContext reports whether the engine is on another machine, going by the options,
// the environment and the current context.
func (r *Runtime) RemoteContext(ctx context.Context) bool {
	cl, err := r.find(ctx)
	if err != nil {
		return false
	}
	return cl.remote(os.LookupEnv)
}

// How long things may take that have no deadline of their own.
const (
	versionLimit = 10 * time.Second // --version, which contacts nothing
	askLimit     = 5 * time.Second  // what the engine's event log says of a container
)
