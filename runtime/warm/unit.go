package warm

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/internal/gate"
)

// state is where a unit is in its life.
type state int

const (
	starting state = iota
	idle
	busy // with its call, or the end of it
	gone // given up
)

// unit is one warm container, from before it exists until it is gone.
type unit struct {
	shelf   *shelf
	says    string // how the shell's own messages begin
	image   runtime.Image
	direct  bool      // it runs the command without a gate
	began   time.Time // when it was started
	until   time.Time // when the engine may end it; zero: never
	token   string
	waiting bool // a call waits for it: not one that is started ahead
	life    life // as it is traced and counted

	in             *input
	stdout, stderr *output
	ctx            context.Context
	cancel         context.CancelFunc

	started  chan struct{} // closed when the command has started, as far as is known
	finished chan struct{} // closed when both trailers are there
	trailers atomic.Int32
	over     chan struct{} // closed when status and err hold: Run has returned
	status   runtime.Status
	err      error

	state  state     // guarded by Pool.mu
	ready  time.Time // guarded by Pool.mu
	waited bool      // its call had to wait for it; set before the call gets it

	mu      sync.Mutex
	id      string         // of the container, when known
	ran     bool           // the container's process has started
	trace   *runtime.Trace // of the call, when there is one
	warned  []string       // by the engine, before there was a call
	told    bool           // all that the call hears before the removal
	removed bool
	lost    error // from the removal
}

// newUnit is a container for s that was not started yet. Pool.mu is held.
func newUnit(s *shelf) *unit {
	u := &unit{
		shelf: s, says: "@" + runtime.NewName(), direct: s.direct, began: time.Now(), token: gate.NewToken(), in: newInput(),
		started: make(chan struct{}), finished: make(chan struct{}), over: make(chan struct{}),
	}
	if s.reserve > 0 {
		u.until = u.began.Add(s.pool.opts.MaxAge + s.reserve)
	}
	ended := func() {
		if u.trailers.Add(1) == 2 {
			u.in.spend()
			close(u.finished)
			s.pool.spent(u)
		}
	}
	u.stdout = &output{gated: !u.direct, lines: 2, said: u.heard, ended: ended, taken: make(chan struct{})}
	u.stderr = &output{gated: !u.direct, noise: u.says + ":", ended: ended, taken: make(chan struct{})}
	// The container is nobody's call yet: it has a life of its own.
	u.ctx, u.cancel = context.WithCancel(context.Background())
	u.life = s.pool.meter.begin(u.ctx, s.spec.Image)
	context.AfterFunc(u.ctx, func() {
		u.stdout.release()
		u.stderr.release()
	})
	return u
}

// spec is the container that u is.
func (u *unit) spec() runtime.Spec {
	spec := u.shelf.spec
	spec.Deadline = u.until
	spec.AutoRemove = !u.direct // whose exit status is the engine's to tell
	spec.Image = u.image.ID     // the one that was looked at, whatever the name is given to
	if spec.Image == "" {
		spec.Image = u.shelf.spec.Image
	}
	if spec.LogDriver == "" {
		spec.LogDriver = "none" // what a hook answers is nothing to keep
	}
	if !u.direct {
		spec.Entrypoint, spec.Args = gate.Command(u.says)
		spec.Env = nil
	}
	return spec
}

// run runs the container to its end.
func (u *unit) run() {
	ctx := runtime.WithTrace(u.life.ctx, &runtime.Trace{
		Created: u.created, Started: u.running, Warning: u.warning, Removed: u.wasRemoved,
	})
	u.status, u.err = u.shelf.pool.rt.Run(ctx, u.spec(), runtime.Stdio{Stdin: u.in, Stdout: u.stdout, Stderr: u.stderr})
	u.end()
}

// end makes u.over known; status and err are set.
func (u *unit) end() {
	u.life.end(u.err)
	u.cancel()
	close(u.over)
	u.shelf.pool.ended(u)
}

// heard is called with each line that the gate says.
func (u *unit) heard(line string) {
	if line != gate.Ready {
		u.begun()
		if u.shelf.eager() {
			u.shelf.pool.isReady(u)
		}
		return
	}
	if u.shelf.eager() {
		if header, err := u.header(u.shelf.spec.Env, u.shelf.spec); err == nil {
			u.in.send(header, nil)
			return
		}
		u.cancel() // it was looked at before
		return
	}
	u.shelf.pool.isReady(u)
}

// become puts u into another state. Pool.mu is held.
func (u *unit) become(s state) {
	u.state = s
	u.life.is(s)
}

// warmth is how the call that has u got it.
func (u *unit) warmth() runtime.Warmth {
	if u.waited {
		return runtime.WarmMiss
	}
	return runtime.WarmHit
}

// header is what makes u's gate run the command of spec with env.
func (u *unit) header(env []string, spec runtime.Spec) ([]byte, error) {
	u.stdout.expect(u.token)
	u.stderr.expect(u.token)
	return gate.Header(u.token, append(gate.Given(u.image.Env), env...), commandLine(u.image, spec))
}

// headerOf is the header for a call with spec, or why there can be none.
func (u *unit) headerOf(spec runtime.Spec) ([]byte, error) {
	if len(commandLine(u.image, spec)) == 0 {
		return nil, errNoCommand
	}
	return u.header(spec.Env, spec)
}

// begun: the command has started.
func (u *unit) begun() {
	u.mu.Lock()
	defer u.mu.Unlock()
	close(u.started)
	if u.trace != nil && !u.told {
		u.trace.Started()
	}
}

func (u *unit) hasBegun() bool {
	select {
	case <-u.started:
		return true
	default:
		return false
	}
}

// created, running, warning and wasRemoved are what the runtime reports of the
// container. The call that gets it hears of it then.
func (u *unit) created(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.id = id
	if u.trace != nil && !u.told {
		u.trace.Created(id)
	}
}

func (u *unit) running() {
	if !u.direct {
		return
	}
	u.mu.Lock()
	first := !u.ran
	u.ran = true
	u.mu.Unlock()
	if first {
		u.begun()
		u.shelf.pool.isReady(u)
	}
}

func (u *unit) warning(text string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.trace != nil {
		if !u.told {
			u.trace.Warning(text)
		}
		return
	}
	u.warned = append(u.warned, text)
}

func (u *unit) wasRemoved(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.removed, u.lost = true, err
	if u.told {
		u.trace.Removed(err)
	}
}

// tell makes trace hear of u from now on, and of what has been.
func (u *unit) tell(trace *runtime.Trace) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.trace = trace
	if u.id != "" {
		trace.Created(u.id)
	}
	for _, text := range u.warned {
		trace.Warning(text)
	}
	if u.hasBegun() {
		trace.Started()
	}
}

// untell is the end of what the call hears, but for the removal.
func (u *unit) untell() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.told = true
	if u.removed {
		u.trace.Removed(u.lost)
	}
}

// commandLine is what the image and the spec make the engine run.
func commandLine(img runtime.Image, spec runtime.Spec) []string {
	entrypoint, args := img.Entrypoint, spec.Args
	switch {
	case len(spec.Entrypoint) > 0:
		entrypoint = spec.Entrypoint
	case len(args) == 0:
		args = img.Cmd
	}
	if len(entrypoint) == 1 && entrypoint[0] == "" { // none, in an image as in a spec
		entrypoint = nil
	}
	argv := make([]string, 0, len(entrypoint)+len(args))
	return append(append(argv, entrypoint...), args...)
}
