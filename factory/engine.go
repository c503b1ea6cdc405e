package factory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/warm"
)

// builtin are the runtimes of this module; autoOrder is how RuntimeAuto tries them: the
// APIs first, as a call through them is faster.
var (
	builtin   = []string{RuntimeDockerCLI, RuntimeDockerAPI, RuntimePodman}
	autoOrder = []string{RuntimeDockerAPI, RuntimePodman, RuntimeDockerCLI}
)

// engine is the claim of one sandbox on the client, or with RuntimeAuto on the clients,
// that it can use.
type engine struct {
	keys []clientKey // fixed after choose
	own  *client     // instead of keys: a runtime that is not ours
	warm *warm.Options
	auto bool
	cs   *clients
	plan *plan

	mu     sync.Mutex
	closed bool
	held   []*client // one for each key, nil where there is none; nil when closed
	broken []error   // why there is none, or it can't run the plan; for each key
}

// Runtimes are the keys of the runtimes that the configuration can come to use, in the
// order in which they are tried.
func (c *Config) Runtimes() []string {
	switch c.Runtime {
	case "":
		return []string{RuntimeDockerCLI}
	case RuntimeAuto:
		return slices.Clone(autoOrder)
	}
	return []string{c.Runtime}
}

// choose decides which clients the configuration means.
func (e *engine) choose(c *Config, own map[string]*client, faults *faults) {
	e.warm = warmOptions(c, faults)
	if c.Backend != nil {
		if isNil(c.Backend) {
			faults.add("Backend", "is a nil pointer")
			return
		}
		e.own = foreignClient("", c.Backend)
		return
	}
	key := c.Runtime
	if key == "" {
		key = RuntimeDockerCLI
	}
	known := slices.Contains(builtin, key)
	e.own = own[key]
	switch {
	case e.own == nil && !known && key != RuntimeAuto:
		names := append(slices.Clone(builtin), RuntimeAuto)
		for name := range own {
			names = append(names, name)
		}
		slices.Sort(names)
		faults.add("runtime", fmt.Sprintf("%q: it takes one of %s", shorten(key), strings.Join(slices.Compact(names), ", ")))
		return
	case c.Host != "" && !known:
		faults.add("host", fmt.Sprintf("can't be combined with runtime %q: name the runtime that the address is for: %s", key, strings.Join(builtin, ", ")))
	}
	if c.DockerPath != "" && key != RuntimeDockerCLI {
		faults.add("docker_path", fmt.Sprintf("can't be combined with runtime %q: only %s starts a command", key, RuntimeDockerCLI))
	}
	switch {
	case e.own != nil:
	case key == RuntimeAuto:
		e.auto = true
		for _, k := range autoOrder {
			e.keys = append(e.keys, newClientKey(k, "", ""))
		}
	default:
		e.keys = []clientKey{newClientKey(key, c.Host, c.DockerPath)}
	}
}

// open claims the clients and asks them whether they can run the plan. It fails when
// none of them can.
func (e *engine) open(cs *clients, p *plan, faults *faults) {
	e.cs, e.plan = cs, p
	e.held, e.broken = e.claim(e.warm)
	if slices.Contains(e.broken, nil) {
		return
	}
	for _, err := range e.broken {
		faults.addError(err)
	}
	_ = e.close() // of clients that were made for this and that did nothing
}

// claim takes a claim on the client of each key, or on a pool on it.
func (e *engine) claim(pool *warm.Options) (held []*client, broken []error) {
	if e.own != nil {
		e.cs.again(e.own)
		held, broken = []*client{e.own}, []error{nil}
	} else {
		held, broken = make([]*client, len(e.keys)), make([]error, len(e.keys))
		for i, key := range e.keys {
			held[i], broken[i] = e.cs.claim(key)
		}
	}
	for i, c := range held {
		if broken[i] != nil {
			continue
		}
		broken[i] = e.plan.check(c.launcher.Runtime())
		if pool != nil {
			held[i] = e.cs.warmed(c, *pool)
		}
	}
	return held, broken
}

// use claims the clients for one call, which Close of the sandbox then can't take away.
// done gives them back.
func (e *engine) use() (held []*client, broken []error, done func()) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		held, broken = e.claim(nil) // a pool would only be filled to be closed
	} else {
		held, broken = e.held, e.broken
		for _, c := range held {
			if c != nil {
				e.cs.again(c)
			}
		}
		e.mu.Unlock()
	}
	return held, broken, func() {
		if idle := e.release(held); len(idle) > 0 {
			// Only after Close of the sandbox, whose caller is gone; this one's deadline
			// must not wait for removals.
			go func() { _ = e.cs.closeAll(idle) }()
		}
	}
}

func (e *engine) release(held []*client) (idle []*client) {
	for _, c := range held {
		if c != nil {
			if last := e.cs.release(c); last != nil {
				idle = append(idle, last)
			}
		}
	}
	return idle
}

func (e *engine) close() error {
	e.mu.Lock()
	held := e.held
	e.closed, e.held = true, nil
	e.mu.Unlock()
	if e.cs == nil { // the configuration was wrong
		return nil
	}
	return e.cs.closeAll(e.release(held))
}

// launch makes one call on the client, or on the first that answers.
func (e *engine) launch(ctx context.Context, spec runtime.Spec, stdin []byte, opts runtime.Options) (runtime.Result, error) {
	held, broken, done := e.use()
	defer done()
	c, err := e.pick(ctx, held, broken)
	if err != nil {
		runtime.Refused(ctx, e.key(), spec, err, opts)
		return runtime.Result{}, err
	}
	result, err := c.launcher.Launch(ctx, spec, stdin, opts)
	if !e.auto || !errors.Is(err, runtime.ErrUnavailable) {
		return result, err
	}
	// It has stopped answering. The command saw nothing of stdin when it had not
	// started, so another engine can do the call.
	c.answers.Store(false)
	if runtime.Started(err) || ctx.Err() != nil {
		return result, err
	}
	other, otherErr := e.pick(ctx, held, broken)
	if otherErr != nil {
		return result, err
	}
	opts.Began = time.Time{} // the first attempt has shown the wait
	return other.launcher.Launch(ctx, spec, stdin, opts)
}

// key is what the configuration calls the runtime.
func (e *engine) key() string {
	switch {
	case e.own != nil:
		return cmp.Or(runtime.KeyOf(e.own.launcher.Runtime()), e.own.key.runtime)
	case e.auto:
		return RuntimeAuto
	}
	return e.keys[0].runtime
}

// pick returns the client, or with RuntimeAuto the first that can run the plan and
// answers. One that has answered before is not asked again.
func (e *engine) pick(ctx context.Context, held []*client, broken []error) (*client, error) {
	if !e.auto {
		return held[0], broken[0]
	}
	for i, c := range held {
		if broken[i] == nil && c.answers.Load() {
			return c, nil
		}
	}
	reasons := make([]string, len(held))
	for i, c := range held {
		err := broken[i]
		if err == nil {
			err = c.probe(ctx)
		}
		if err == nil {
			return c, nil
		}
		if ended := runtime.ContextError(ctx, RuntimeAuto, false); ended != nil {
			return nil, ended
		}
		reasons[i] = reason(autoOrder[i], err)
	}
	return nil, &runtime.Error{
		Kind: runtime.ErrUnavailable, Runtime: RuntimeAuto,
		Message: "no container engine answers: " + strings.Join(reasons, "; "),
	}
}

func reason(key string, err error) string {
	text := err.Error()
	if strings.HasPrefix(text, key+":") {
		return text
	}
	return key + ": " + text
}
