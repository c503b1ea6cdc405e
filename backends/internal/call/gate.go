package call

import (
	"context"
	"sync"
	"time"
)

// OldDockerCalls is how many calls at once a Docker engine before version 23 gets from
// a Runtime, and OldDockerAPI the first API version that is not one of those.
//
// Such an engine (Debian 12 has one) can deadlock for good when two containers end at
// the same moment: libnetwork takes two locks in one order when an endpoint leaves, and
// in the other when one is deleted (moby#42545, moby#46661). The chance grows with the
// square of what is under way: with 64 calls at once it took 600 calls on two cores.
// Such an engine does not run more than this many faster, either.
const (
	OldDockerCalls = 4
	OldDockerAPI   = "1.42"
)

// lendAfter is how long a call may wait for its caller's input before it lends its place
// to others.
const lendAfter = 100 * time.Millisecond

// removeAnyway is how long a removal waits for a place that its call had lent.
const removeAnyway = 2 * time.Second

// Gate lets a bounded number of calls in; nil lets in any number.
type Gate chan struct{}

// Enter waits for a place, which Leave gives back, until ctx ends.
func (g Gate) Enter(ctx context.Context) error {
	if g == nil {
		return nil
	}
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Leave gives a place back.
func (g Gate) Leave() {
	if g != nil {
		<-g
	}
}

// Place is a call's place behind a Gate, to be left once. A call that waits for its
// caller's input lends it to others, as a container that was started ahead of its
// command's input can wait for long, and does not end meanwhile. The zero value is no
// place, and needs none.
type Place struct {
	gate   Gate
	needed func(context.Context) bool

	mu      sync.Mutex
	held    bool
	waiting bool // for input
	left    bool
}

// Take makes a place that was entered at g the call's. When it can't be regained at
// once, needed (nil: yes) says whether the call has to wait for it.
func (p *Place) Take(g Gate, needed func(context.Context) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gate, p.needed, p.held = g, needed, true
}

// Leave gives the place back for good.
func (p *Place) Leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = true
	p.giveBack()
}

func (p *Place) giveBack() {
	if p.held {
		p.held = false
		p.gate.Leave()
	}
}

// Regain waits until the call has its place again, if it was lent, or until ctx ends.
func (p *Place) Regain(ctx context.Context) error {
	p.mu.Lock()
	lent := p.gate != nil && !p.held && !p.left
	p.mu.Unlock()
	if !lent {
		return nil
	}
	select {
	case p.gate <- struct{}{}:
	default:
		if p.needed != nil && !p.needed(ctx) {
			return nil
		}
		if err := p.gate.Enter(ctx); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left || p.held { // meanwhile
		p.gate.Leave()
		return nil
	}
	p.held = true
	return nil
}

// RegainToRemove waits for the place for a removal, but not for long: a container must go.
func (p *Place) RegainToRemove(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, removeAnyway)
	defer cancel()
	_ = p.Regain(ctx)
}

// await does something that waits for the caller, and lends the place if that is long.
func (p *Place) await(ctx context.Context, wait func()) error {
	p.mu.Lock()
	if p.gate == nil {
		p.mu.Unlock()
		wait()
		return nil
	}
	p.waiting = p.held
	p.mu.Unlock()
	t := time.AfterFunc(lendAfter, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.waiting {
			p.giveBack()
		}
	})
	wait()
	t.Stop()
	p.mu.Lock()
	p.waiting = false
	p.mu.Unlock()
	return p.Regain(ctx)
}
