package runtimetest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Program is what a command of a [Fake] does; it returns the exit status. It must
// return soon after ctx has ended, which is when its container is killed; reads and
// writes of p fail from then on.
type Program func(ctx context.Context, p *Process) int

// Fake is a [runtime.Runtime] without an engine: its containers are Go functions. The
// zero value has every image and no program in any of them. Set the fields before the
// first use; the methods are safe for concurrent use. It implements
// [runtime.ImageStore], [runtime.SpecChecker] and [runtime.Sweeper] too.
type Fake struct {
	// Key is the runtime's own name in errors and Info. Empty: "fake".
	Key string
	// Programs are what can be run, by path; a command without a slash is looked for
	// in the PATH of the container. A nil Program is a file that is not executable.
	Programs map[string]Program
	// NoShell says that images have no /bin/sh, unless Programs has one. Else theirs
	// does what package runtime/warm needs it for, and nothing more.
	NoShell bool
	// Images are what the engine has, by name. Nil: every image, without entrypoint,
	// command or environment.
	Images map[string]runtime.Image
	// Pull fetches an image that Images lacks. An error that is no [*runtime.Error]
	// becomes one of kind [runtime.ErrPullFailed]. Nil: nothing can be pulled.
	Pull func(context.Context, runtime.ImageRequest) (runtime.Image, error)
	// Before is called when a container is about to be made. It can wait, as a slow
	// engine does, or return what the call is to fail with. An error that is no
	// [*runtime.Error] becomes one of kind [runtime.ErrEngine].
	Before func(context.Context, runtime.Spec) error
	// Describe answers Info. Nil: a healthy engine.
	Describe func(context.Context) (runtime.Info, error)
	// OnDiscard is called when a container is about to be discarded, by ID. It can wait, or
	// return why that fails.
	OnDiscard func(ctx context.Context, id string) error

	mu         sync.Mutex
	closed     bool
	running    sync.WaitGroup // calls and programs
	pulled     map[string]runtime.Image
	failures   []error
	calls      []Call
	containers map[string]*Process
	left       []runtime.Container
	lists      int
}

// Call is one Run that a [Fake] saw.
type Call struct {
	Spec   runtime.Spec // after [runtime.Spec.Resolve], or as given if that failed
	Done   bool         // Run has returned; what follows is its outcome
	Status runtime.Status
	Err    error
}

// FailNext makes as many Runs fail as there are errors, before a container exists.
// An error that is no [*runtime.Error] becomes one of kind [runtime.ErrEngine].
func (f *Fake) FailNext(errs ...error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = append(f.failures, errs...)
}

// Calls are the Runs so far, in the order in which they began.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// Containers are the names of the containers that exist, sorted.
func (f *Fake) Containers() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := make([]string, 0, len(f.containers))
	for name := range f.containers {
		names = append(names, name)
	}
	for _, c := range f.left {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return names
}

// Kill ends a container from outside, as `docker kill` does, and reports whether there
// was one of that name.
func (f *Fake) Kill(name string) bool {
	f.mu.Lock()
	p := f.containers[name]
	f.mu.Unlock()
	if p != nil {
		p.exit(runtime.Status{Code: 128 + 9})
	}
	return p != nil
}

// Run implements [runtime.Runtime].
func (f *Fake) Run(ctx context.Context, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
	pipes := newPipes(ctx, stdio)
	defer pipes.end()
	if !f.enter() {
		return runtime.Status{}, f.fail(runtime.ErrClosed, "")
	}
	defer f.running.Done()

	call := f.begin(spec)
	status, err := f.run(pipes, spec, call)
	f.mu.Lock()
	f.calls[call].Done, f.calls[call].Status, f.calls[call].Err = true, status, err
	f.mu.Unlock()
	return status, err
}

func (f *Fake) run(pipes *pipes, spec runtime.Spec, call int) (runtime.Status, error) {
	ctx := pipes.ctx
	spec, err := spec.Resolve(ctx, f.key())
	if err != nil {
		return runtime.Status{}, err
	}
	f.mu.Lock()
	f.calls[call].Spec = spec
	f.mu.Unlock()
	if err := f.CheckSpec(spec); err != nil {
		return runtime.Status{}, err
	}
	if err := f.scripted(ctx, spec); err != nil {
		return runtime.Status{}, err
	}
	if err := runtime.ContextError(ctx, f.key(), false); err != nil {
		return runtime.Status{}, err
	}
	p, program, err := f.prepare(spec)
	if err != nil {
		return runtime.Status{}, err
	}
	if !f.add(spec.Name, p) {
		return runtime.Status{}, f.fail(runtime.ErrEngine, "the name "+spec.Name+" is in use by another container")
	}
	trace := runtime.ContextTrace(ctx)
	trace.Created(spec.Name)
	return f.execute(pipes, p, program, trace)
}

// execute runs the program in a goroutine of its own, which outlives the call when
// the program does not mind being killed.
func (f *Fake) execute(pipes *pipes, p *Process, program Program, trace *runtime.Trace) (runtime.Status, error) {
	pctx, kill := context.WithCancel(context.WithoutCancel(pipes.ctx))
	pipes.connect(p)
	reported, removed := make(chan struct{}), make(chan struct{})
	f.running.Go(func() {
		// Deferred, as Process.Kill ends the goroutine.
		defer func() {
			<-reported
			f.remove(p.Spec.Name)
			trace.Removed(nil)
			close(removed)
		}()
		p.exit(runtime.Status{Code: program(pctx, p) & 0xff})
	})
	trace.Started()
	select {
	case <-p.dead:
	case <-pipes.ctx.Done():
		p.exit(runtime.Status{Code: 128 + 9})
	}
	kill()
	pipes.disconnect(p)
	trace.Exited(p.status)
	close(reported)
	// A stream that failed ends ctx, and counts even if the program ended by itself.
	if err := pipes.err(f.key()); err != nil {
		return runtime.Status{}, err
	}
	if !p.killed {
		<-removed // nothing is left of a call that went well
	}
	return p.status, nil
}

// Info implements [runtime.Runtime].
func (f *Fake) Info(ctx context.Context) (runtime.Info, error) {
	if err := runtime.ContextError(ctx, f.key(), false); err != nil {
		return runtime.Info{}, err
	}
	f.mu.Lock()
	closed := f.closed
	f.mu.Unlock()
	switch {
	case closed:
		return runtime.Info{}, f.fail(runtime.ErrClosed, "")
	case f.Describe != nil:
		return f.Describe(ctx)
	}
	return runtime.Info{
		Runtime: f.key(), Engine: "fake", Version: "1.0", Endpoint: "fake://", OS: "linux", Arch: "amd64",
		CgroupVersion: 2, LimitsEnforced: true, OCIRuntimes: []string{"fake"}, DefaultOCIRuntime: "fake",
	}, nil
}

// Close implements [runtime.Runtime]. It waits for programs that were killed and have
// not returned yet.
func (f *Fake) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.running.Wait()
	return nil
}

// CheckSpec implements [runtime.SpecChecker].
func (f *Fake) CheckSpec(spec runtime.Spec) error {
	if len(spec.Passthrough) > 0 {
		return f.fail(runtime.ErrUnsupported, spec.Passthrough[0]+" is a flag that only docker-cli takes")
	}
	return nil
}

func (f *Fake) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.running.Add(1)
	}
	return !f.closed
}

func (f *Fake) begin(spec runtime.Spec) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, Call{Spec: spec})
	return len(f.calls) - 1
}

// scripted is the error that this call was told to fail with, or nil.
func (f *Fake) scripted(ctx context.Context, spec runtime.Spec) error {
	var err error
	f.mu.Lock()
	if len(f.failures) > 0 {
		err, f.failures = f.failures[0], f.failures[1:]
	}
	f.mu.Unlock()
	if err == nil && f.Before != nil {
		err = f.Before(ctx, spec)
		if err != nil && ctx.Err() != nil {
			return runtime.ContextError(ctx, f.key(), false)
		}
	}
	return f.wrap(runtime.ErrEngine, err)
}

func (f *Fake) add(name string, p *Process) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.containers[name] != nil {
		return false
	}
	if f.containers == nil {
		f.containers = make(map[string]*Process)
	}
	f.containers[name] = p
	return true
}

func (f *Fake) remove(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.containers, name)
}

func (f *Fake) key() string { return cmp.Or(f.Key, "fake") }

// RuntimeKey implements [runtime.KeyTeller].
func (f *Fake) RuntimeKey() string { return f.key() }

func (f *Fake) fail(kind error, message string) error {
	return &runtime.Error{Kind: kind, Runtime: f.key(), Message: message}
}

func (f *Fake) wrap(kind, err error) error {
	if _, ok := errors.AsType[*runtime.Error](err); ok || err == nil {
		return err
	}
	return &runtime.Error{Kind: kind, Runtime: f.key(), Err: err}
}
