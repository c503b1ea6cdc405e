package factory

import (
	"context"
	"errors"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// shared holds the engine clients of this process. It is the one state of the package:
// PromptKit makes sandboxes by the conversation and closes none, so what is costly
// can't be theirs.
var shared = newClients(openBackend)

// clientKey says what a client is for. Two sandboxes with the same key share one.
type clientKey struct {
	runtime, host, path string
	env                 string // what steers a client, as it is when the sandbox is made
}

// steering are the environment variables that decide what a client talks to, and how.
var steering = []string{
	"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH",
	"DOCKER_API_VERSION", "DOCKER_DEFAULT_PLATFORM", "CONTAINER_HOST", "CONTAINER_SSHKEY", "CONTAINER_CONNECTION",
	"CONTAINERS_CONF", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "HOME", "PATH", "SSH_AUTH_SOCK",
}

func newClientKey(key, host, path string) clientKey {
	var env strings.Builder
	for _, name := range steering {
		if value, ok := os.LookupEnv(name); ok {
			env.WriteString(name + "=" + value + "\x00")
		}
	}
	return clientKey{runtime: key, host: host, path: path, env: env.String()}
}

// clients counts who uses which client, and closes those that nobody does. Safe for
// concurrent use.
type clients struct {
	open func(clientKey) (runtime.Runtime, error) // contacts nothing

	mu   sync.Mutex
	byID map[clientKey]*client
}

func newClients(open func(clientKey) (runtime.Runtime, error)) *clients {
	return &clients{open: open, byID: map[clientKey]*client{}}
}

// client is one engine's, shared by all sandboxes that claim it.
type client struct {
	key      clientKey
	launcher *runtime.Launcher
	claims   int                 // guarded by clients.mu
	foreign  bool                // the runtime is its owner's to close
	base     *client             // of a pool: whose runtime it is around; holds a claim on it
	warm     warmKey             // of a pool
	pools    map[warmKey]*client // on this client; guarded by clients.mu

	answers atomic.Bool // as far as RuntimeAuto has found out
	probes  singleflight.Group
}

// foreignClient wraps a runtime that is not ours.
func foreignClient(key string, rt runtime.Runtime) *client {
	return &client{key: clientKey{runtime: key}, launcher: runtime.NewLauncher(rt), foreign: true}
}

// claim returns the client for key, which it makes if there is none. Give it back with
// release.
func (cs *clients) claim(key clientKey) (*client, error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c, ok := cs.byID[key]
	if !ok {
		rt, err := cs.open(key)
		if err != nil {
			return nil, err
		}
		c = &client{key: key, launcher: runtime.NewLauncher(rt)}
		cs.byID[key] = c
	}
	c.claims++
	return c, nil
}

// again adds a claim to a client that its caller has one on.
func (cs *clients) again(c *client) {
	cs.mu.Lock()
	c.claims++
	cs.mu.Unlock()
}

// release gives a claim back. It returns the client when that was the last one: it is
// then the caller's to close.
func (cs *clients) release(c *client) *client {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c.claims--
	switch {
	case c.claims > 0 || c.foreign:
		return nil
	case c.base != nil:
		delete(c.base.pools, c.warm)
	default:
		delete(cs.byID, c.key)
	}
	return c
}

// close ends a client that nobody claims any more, and what only it held.
func (cs *clients) close(c *client) error {
	err := c.launcher.Close()
	if c.base != nil {
		if last := cs.release(c.base); last != nil {
			err = errors.Join(err, cs.close(last))
		}
	}
	return err
}

// probeTimeout bounds how long RuntimeAuto waits for one engine.
const probeTimeout = 2 * time.Second

// probe asks whether the engine answers. Callers at the same time share one question,
// and ctx ends only the wait for it.
func (c *client) probe(ctx context.Context) error {
	done := c.probes.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
		defer cancel()
		_, err := c.launcher.Runtime().Info(ctx)
		c.answers.Store(err == nil)
		return nil, err
	})
	select {
	case r := <-done:
		return r.Err
	case <-ctx.Done():
		return runtime.ContextError(ctx, c.key.runtime, false)
	}
}

// isNil reports whether rt is nil, or an interface around a nil pointer.
func isNil(rt runtime.Runtime) bool {
	v := reflect.ValueOf(rt)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}
