package warm

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Pool makes calls on warm containers. It is a [runtime.Runtime], safe for concurrent
// use. It has one goroutine for each container, besides those of the runtime that it is
// around, and none when it has no containers.
type Pool struct {
	rt    runtime.Runtime
	opts  Options
	meter *meter

	running sync.WaitGroup // calls and containers

	mu      sync.Mutex
	closed  bool
	shelves map[key]*shelf
	waiting int // calls that wait for a container
	ahead   int // containers that are being started and that no call waits for
	warned  map[string]struct{}
	stats   Stats
}

// Stats counts what a pool has and did.
type Stats struct {
	Idle     int    // containers that are ready
	Starting int    // and on their way
	Hits     uint64 // calls that found a container ready
	Misses   uint64 // calls that did not
	Cold     uint64 // calls whose container was started as without a pool
	Died     uint64 // containers that ended while they were waiting
}

// New returns a pool around rt, which stays its owner's to close: after the pool.
// It starts nothing before the first call.
func New(rt runtime.Runtime, opts Options) *Pool {
	return &Pool{rt: rt, opts: opts.withDefaults(), meter: newMeter(rt, opts.RuntimeKey), shelves: map[key]*shelf{}, warned: map[string]struct{}{}}
}

// Unwrap implements [runtime.Unwrapper].
func (p *Pool) Unwrap() runtime.Runtime { return p.rt }

// Info is that of the runtime that the pool is around.
func (p *Pool) Info(ctx context.Context) (runtime.Info, error) { return p.rt.Info(ctx) }

// Stats says what the pool has and did so far.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.stats
	for _, s := range p.shelves {
		out.Idle += len(s.idle)
		out.Starting += len(s.starting)
	}
	return out
}

// Run implements [runtime.Runtime]. The first call with a Spec makes the pool fill
// itself for that Spec in the background. ctx's deadline is the call's; without one,
// containers have none either, so that no engine ends one that a dead program left.
func (p *Pool) Run(ctx context.Context, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
	closeStdin := sync.OnceFunc(func() {
		if stdio.Stdin != nil {
			_ = stdio.Stdin.Close()
		}
	})
	defer closeStdin()
	if !p.enter() {
		return runtime.Status{}, p.errClosed()
	}
	defer p.running.Done()
	resolved, err := spec.Resolve(ctx, p.opts.RuntimeKey)
	if err != nil {
		return runtime.Status{}, err
	}
	if why := unsuitable(spec, resolved); why != nil {
		return p.cold(ctx, spec, stdio, why)
	}
	s := p.shelf(resolved)
	if spec.Pull == runtime.PullAlways {
		// It was pulled for this call, which wants what came of that.
		if _, err := s.look(ctx, 0); ctx.Err() != nil {
			return runtime.Status{}, runtime.ContextError(ctx, p.opts.RuntimeKey, false)
		} else if err != nil {
			return p.cold(ctx, spec, stdio, nil)
		}
	}
	u, why := s.take(ctx)
	if err := runtime.ContextError(ctx, p.opts.RuntimeKey, false); err != nil {
		if u != nil {
			p.giveBack(u)
		}
		return runtime.Status{}, err
	}
	if u == nil {
		return p.cold(ctx, spec, stdio, why)
	}
	var from io.Reader
	if stdio.Stdin != nil {
		from = stdio.Stdin
	}
	var header []byte
	if p.opts.Start != Eager {
		if header, why = u.headerOf(resolved); why != nil {
			p.giveBack(u)
			return p.cold(ctx, spec, stdio, why)
		}
	}
	in := newFeed(from)
	status, err := u.serve(ctx, header, resolved, in, stdio)
	p.done(u)
	if !errors.Is(err, errDead) {
		p.meter.call(ctx, u.warmth())
	} else {
		in.settle()
		rest := in.reader()
		defer rest.stop()
		again := stdio
		again.Stdin = &replay{rest, closeStdin}
		return p.cold(ctx, spec, again, err)
	}
	return status, err
}

// replay is the stdin of a call that a container turned out to be dead for.
type replay struct {
	*reader
	close func()
}

func (r *replay) Close() error {
	r.stop()
	r.close()
	return nil
}

// Prepare fills the pool for calls with spec, whose command and environment matter
// with [Eager] only, and returns when Options.Size containers have got ready. It fails
// when the first start does that fails, and says why calls would start cold. It does not
// pull: a missing image is [runtime.ErrImageMissing].
func (p *Pool) Prepare(ctx context.Context, spec runtime.Spec) error {
	if !p.enter() {
		return p.errClosed()
	}
	defer p.running.Done()
	resolved, err := spec.Resolve(ctx, p.opts.RuntimeKey)
	if err != nil {
		return err
	}
	if err := runtime.CheckSpec(p.rt, spec); err != nil {
		return err
	}
	if why := unsuitable(spec, resolved); why != nil {
		return &runtime.Error{Kind: runtime.ErrUnsupported, Runtime: p.opts.RuntimeKey, Message: "calls with this spec start cold", Err: why}
	}
	s := p.shelf(resolved)
	p.mu.Lock()
	defer p.mu.Unlock()
	s = p.keep(s)
	s.used, s.why = time.Now(), nil
	s.uses = max(s.uses, 2) // whoever asks wants it kept
	goal := s.readied + p.opts.Size - len(s.idle)
	s.restock()
	for s.readied < goal {
		if p.closed {
			return p.errClosed()
		}
		changed, failed := s.changed, s.failed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		p.mu.Lock()
		switch {
		case s.failed > failed && s.why != nil && s.refuses() != nil:
			return s.why
		case ctx.Err() != nil:
			return runtime.ContextError(ctx, p.opts.RuntimeKey, false)
		}
		if kept := p.keep(s); kept != s {
			s, goal = kept, kept.readied+p.opts.Size-len(kept.idle)
		}
		s.used = time.Now()
		s.restock()
	}
	return nil
}

// Close gives up all containers and waits for calls that are under way. Removals that
// go on are the wrapped runtime's, whose Close waits for them.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	for _, s := range p.shelves {
		s.close()
	}
	p.mu.Unlock()
	p.running.Wait()
	return nil
}

func (p *Pool) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.running.Add(1)
	}
	return !p.closed
}

func (p *Pool) errClosed() error {
	return &runtime.Error{Kind: runtime.ErrClosed, Runtime: p.opts.RuntimeKey}
}

// cold makes the call as without a pool.
func (p *Pool) cold(ctx context.Context, spec runtime.Spec, stdio runtime.Stdio, why error) (runtime.Status, error) {
	p.mu.Lock()
	p.stats.Cold++
	p.mu.Unlock()
	p.meter.call(ctx, runtime.WarmCold)
	runtime.ContextTrace(ctx).Warm(runtime.WarmCold)
	if why != nil && !errors.Is(why, errDead) && !errors.Is(why, runtime.ErrImageMissing) {
		p.mu.Lock()
		p.warn(why)
		p.mu.Unlock()
	}
	return p.rt.Run(ctx, spec, stdio)
}

// warn logs a reason once. mu is held.
func (p *Pool) warn(why error) {
	const most = 1000
	text := why.Error()
	if _, seen := p.warned[text]; seen || len(p.warned) >= most {
		return
	}
	p.warned[text] = struct{}{}
	// Without mu: a handler may block, or ask for Stats.
	p.running.Go(func() { p.opts.Logger.Warn("dockerrun: calls start cold: " + text) })
}

// giveBack returns a container that its call did not use.
func (p *Pool) giveBack(u *unit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u.shelf.offer(u)
}

// done is called when u's call is over.
func (p *Pool) done(u *unit) {
	u.letGo()
	p.mu.Lock()
	defer p.mu.Unlock()
	u.shelf.failed = 0
	p.restockAll()
}
