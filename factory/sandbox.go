package factory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Sandbox runs each call in a fresh container. All methods are safe for concurrent
// use. It holds no goroutine and no connection of its own.
type Sandbox struct {
	name   string
	err    error // of its configuration; each call fails with it
	plan   *plan
	engine engine
	slots  chan struct{} // nil: any number of calls at once
}

var (
	_ sandbox.Sandbox = (*Sandbox)(nil)
	_ sandbox.Closer  = (*Sandbox)(nil)
	_ sandbox.Factory = Factory
)

// New returns a Sandbox named ModeName. What is wrong with cfg arrives as Response.Err
// of every Spawn; [Factory] reports it at once. New contacts nothing.
func New(cfg Config) *Sandbox { return NewNamed(ModeName, cfg) }

// NewNamed is New with a name of your own, which errors begin with.
func NewNamed(name string, cfg Config) *Sandbox {
	return newSandboxIn(shared, &faults{sandbox: name}, &cfg, nil)
}

// newSandboxIn always returns a Sandbox, whose err says what is wrong with it.
func newSandboxIn(cs *clients, faults *faults, cfg *Config, own map[string]*client) *Sandbox {
	s := &Sandbox{name: faults.sandbox, plan: newPlan(cfg, faults)}
	s.engine.choose(cfg, own, faults)
	if faults.len() == 0 {
		s.engine.open(cs, s.plan, faults)
	}
	if s.err = faults.err(); s.err != nil {
		return s
	}
	if n := s.plan.maxConcurrent; n > 0 {
		s.slots = make(chan struct{}, n)
	}
	return s
}

// Name is the name that the sandbox was made with.
func (s *Sandbox) Name() string { return s.name }

// Spawn runs the request's command in a fresh container and returns when it has ended,
// or when ctx, or the timeout of the request or else of the configuration, does. The
// container gets the environment of the configuration and then of the request, and
// nothing else of this process's. Everything that goes wrong is Response.Err, with the
// output that was read until then; the error that Spawn itself returns is always nil. Stderr
// is cut in the middle above runtime.KeptStderr bytes. When Spawn returns, nothing
// refers to req.Stdin any more.
func (s *Sandbox) Spawn(ctx context.Context, req sandbox.Request) (sandbox.Response, error) {
	result, err := s.spawn(ctx, &req)
	return sandbox.Response{Stdout: result.Stdout, Stderr: result.Stderr, Err: s.named(err)}, nil
}

// Spec is the container that Spawn would make for the request now, as far as that is
// known before its engine is asked: Spawn adds a name, labels and the deadline, and what
// strict isolation does (see [runtime.Isolation.Apply]). It holds the values of the
// environment.
func (s *Sandbox) Spec(req sandbox.Request) (runtime.Spec, error) {
	if s.err != nil {
		return runtime.Spec{}, s.err
	}
	if s.plan == nil {
		return runtime.Spec{}, s.named(errNotMade)
	}
	spec, err := s.plan.call(req.Command, req.Args, req.Env)
	return spec, s.named(err)
}

var errNotMade = errors.New("it was not made with New, NewNamed or a Factory")

// named puts the sandbox's name before an error of the sandbox. An exit status is the
// command's own doing and stays as it is; errors of the configuration have the name.
func (s *Sandbox) named(err error) error {
	if err == nil || err == s.err {
		return err
	}
	if _, ok := err.(*runtime.ExitError); ok {
		return err
	}
	return fmt.Errorf("sandbox %q: %w", s.name, err)
}

func (s *Sandbox) spawn(ctx context.Context, req *sandbox.Request) (runtime.Result, error) {
	ctx, spec, opts, done, err := s.begin(ctx, req)
	if err != nil {
		return runtime.Result{}, err
	}
	defer done()
	return s.engine.launch(ctx, spec, req.Stdin, opts)
}

// begin is what comes before each call: its container, its deadline and its place. The
// context must be used for the call, and done be called after it.
func (s *Sandbox) begin(ctx context.Context, req *sandbox.Request) (
	_ context.Context, spec runtime.Spec, opts runtime.Options, done func(), err error,
) {
	switch {
	case s.err != nil:
		return nil, spec, opts, nil, s.err
	case s.plan == nil:
		return nil, spec, opts, nil, errNotMade
	}
	if spec, err = s.plan.call(req.Command, req.Args, req.Env); err != nil {
		return nil, spec, opts, nil, err
	}
	opts = s.plan.options
	if req.Timeout > 0 {
		opts.Timeout = req.Timeout
	}
	if opts.Timeout <= 0 {
		opts.Timeout = runtime.DefaultTimeout
	}
	// The deadline covers the wait for a place and the choice of an engine too.
	ctx, cancel := context.WithTimeoutCause(ctx, opts.Timeout,
		fmt.Errorf("no result after %s: %w", opts.Timeout, context.DeadlineExceeded))
	if s.slots != nil || s.engine.auto {
		opts.Began = time.Now()
	}
	if err := s.enter(ctx); err != nil {
		runtime.Refused(ctx, s.engine.key(), spec, err, opts)
		cancel()
		return nil, spec, opts, nil, err
	}
	return ctx, spec, opts, func() { s.leave(); cancel() }, nil
}

// enter waits for a place among the calls that may run at once.
func (s *Sandbox) enter(ctx context.Context) error {
	if s.slots == nil {
		return nil
	}
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
	}
	err := runtime.ContextError(ctx, "", false)
	if e, ok := errors.AsType[*runtime.Error](err); ok {
		e.Message = fmt.Sprintf("no place was free among %d (max_concurrent), so the command was not started", cap(s.slots))
	}
	return err
}

func (s *Sandbox) leave() {
	if s.slots != nil {
		<-s.slots
	}
}

// Close gives up the sandbox's claim on the shared client of its engine. The last
// claim to go closes the client, for which Close waits: for removals of containers that are
// under way. Calls that are under way go on, and a Spawn after Close still works, with
// a client of its own when no other sandbox has one. Close is safe to repeat.
func (s *Sandbox) Close() error { return s.engine.close() }

// closeAll closes clients that nobody claims any more.
func (cs *clients) closeAll(idle []*client) error {
	errs := make([]error, len(idle))
	var wg sync.WaitGroup
	for i, c := range idle {
		wg.Go(func() { errs[i] = cs.close(c) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
