package warm

import (
	"context"
	"slices"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

const (
	// A start that failed is not repeated for this long, and for longer after each
	// further one.
	firstPause = time.Second
	mostPause  = time.Minute
	// soon is how early after it was ready a container must not have ended by itself, or
	// it counts as a start that failed.
	soon = 3 * time.Second
	// assumed is when a container of a runtime that does not tell of its start counts as
	// started.
	assumed = time.Second
	// slowStart is how long a call waits while no container of its shelf gets ready before
	// it starts one as without a pool, and readyLimit what a container gets to be ready.
	// An engine that is only busy makes some ready all the time.
	slowStart  = 5 * time.Second
	readyLimit = 30 * time.Second
	// refillDelay keeps the start of the next container from slowing down the call that
	// the last one was taken for.
	refillDelay = 20 * time.Millisecond
)

// shelf is the stock of containers of one Spec. Pool.mu guards all of it but what is
// fixed.
type shelf struct {
	pool *Pool
	key  key          // fixed
	spec runtime.Spec // fixed

	image   imageCache
	direct  bool          // without a gate, as the image has no shell
	reserve time.Duration // what a container may need beyond its MaxAge for its call; 0: for ever

	idle     []*unit // oldest first
	starting map[*unit]struct{}
	waiters  []*waiter
	uses     int       // calls so far
	used     time.Time // by the last call

	why     error     // calls go cold because of it, until
	blocked time.Time // then
	failed  int       // starts in a row
	changed chan struct{}
	readied int       // how many became ready so far
	last    time.Time // when the last one did
	timer   *time.Timer
}

// waiter is a call that waits for a container, which it gets, or nil.
type waiter struct {
	until time.Time
	since time.Time
	got   chan *unit
}

func (s *shelf) eager() bool { return s.pool.opts.Start == Eager }

// take gives a container to a call: one that is ready, or the next that gets ready, for
// which one is started at once, as a cold start would. Without one it says why.
func (s *shelf) take(ctx context.Context) (*unit, error) {
	p := s.pool
	until, _ := ctx.Deadline()
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, nil
	}
	s = p.keep(s)
	s.uses++
	s.used = time.Now()
	s.allow(until)
	if u := s.pop(until); u != nil {
		p.stats.Hits++
		s.later(refillDelay)
		p.mu.Unlock()
		return u, nil
	}
	p.stats.Misses++
	if why := s.refuses(); why != nil {
		s.arm()
		p.mu.Unlock()
		return nil, why
	}
	w := &waiter{until: until, since: time.Now(), got: make(chan *unit, 1)}
	s.waiters = append(s.waiters, w)
	p.waiting++
	s.restock()
	p.mu.Unlock()
	select {
	case u := <-w.got:
		return u, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(s.waiters, w); i >= 0 {
		s.waiters = slices.Delete(s.waiters, i, i+1)
		p.waiting--
	} else if u := <-w.got; u != nil {
		s.offer(u)
	}
	s.restock()
	return nil, nil
}

// allow makes the engine leave containers alone for as long as calls are seen to take.
func (s *shelf) allow(until time.Time) {
	switch {
	case until.IsZero():
		s.reserve = 0
	case s.reserve > 0:
		s.reserve = max(s.reserve, time.Until(until).Round(time.Second)+time.Second)
	}
}

// lasts reports whether the engine leaves u alone until then.
func (u *unit) lasts(until time.Time) bool {
	return u.until.IsZero() || !until.IsZero() && !u.until.Before(until)
}

// pop takes the oldest container that serves a call until then. Those that do not are
// of no use any more: calls take longer than when they were made.
func (s *shelf) pop(until time.Time) *unit {
	for len(s.idle) > 0 {
		u := s.idle[0]
		s.idle = s.idle[1:]
		if u.lasts(until) && time.Since(u.began) < s.pool.opts.MaxAge {
			u.become(busy)
			return u
		}
		s.giveUp(u)
	}
	return nil
}

// offer gives a container that is ready to the call that has waited longest, or else
// to the stock.
func (s *shelf) offer(u *unit) {
	if u.state == gone { // it ended meanwhile
		return
	}
	for i, w := range s.waiters {
		if u.lasts(w.until) {
			s.waiters = slices.Delete(s.waiters, i, i+1)
			s.pool.waiting--
			u.waited = true
			u.become(busy)
			w.got <- u
			return
		}
	}
	if p := s.pool; p.closed || p.shelves[s.key] != s || len(s.idle) >= p.opts.Size {
		s.giveUp(u)
		return
	}
	u.waited = false // a call may have, and have given it back
	u.become(idle)
	s.idle = append(s.idle, u)
}

func (s *shelf) giveUp(u *unit) {
	u.become(gone)
	u.cancel()
}

// refuses says why no container is started now, or nil.
func (s *shelf) refuses() error {
	if s.why != nil && time.Now().Before(s.blocked) {
		return s.why
	}
	return nil
}

// restock starts what is missing: one for each call that waits, and only when no call of
// the pool waits, and a few at a time, what the stock lacks.
func (s *shelf) restock() {
	p := s.pool
	defer s.arm()
	if p.closed || s.refuses() != nil {
		return
	}
	for s.coming() < len(s.waiters) {
		s.start(true)
	}
	for p.waiting == 0 && p.ahead < p.opts.Refill && s.wanted() && len(s.idle)+len(s.starting) < p.opts.Size {
		s.start(false)
	}
}

// coming is how many containers are on their way and likely to arrive.
func (s *shelf) coming() int {
	n := 0
	for u := range s.starting {
		if !s.stuck(u.began) {
			n++
		}
	}
	return n
}

// stuck reports whether what has waited since then has done so for too long.
func (s *shelf) stuck(since time.Time) bool {
	return time.Since(since) >= slowStart && time.Since(s.last) >= slowStart
}

// wanted reports whether the shelf is to be kept full. One of many for a command of
// its own waits for a second call, as there may be a new one with each call.
func (s *shelf) wanted() bool {
	return time.Since(s.used) < s.pool.opts.IdleTTL && (s.uses > 1 || !s.eager() || len(s.pool.shelves) <= fewShelves)
}

// dismiss makes all calls but n go cold, those first that have waited longest.
func (s *shelf) dismiss(n int) {
	for len(s.waiters) > n {
		s.waiters[0].got <- nil
		s.waiters = s.waiters[1:]
		s.pool.waiting--
	}
}

// announce wakes those who watch the shelf.
func (s *shelf) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// later looks after the shelf then, if not before.
func (s *shelf) later(d time.Duration) { s.timer.Reset(d) }

// arm sets the timer for what is next to be done.
func (s *shelf) arm() {
	p := s.pool
	next := s.used.Add(p.opts.IdleTTL)
	if s.why != nil && s.wanted() && len(s.idle)+len(s.starting) < p.opts.Size && s.blocked.After(time.Now()) && s.blocked.Before(next) {
		next = s.blocked
	}
	for _, u := range s.idle {
		if old := u.began.Add(p.opts.MaxAge); old.Before(next) {
			next = old
		}
	}
	if len(s.waiters) > 0 {
		patience := s.waiters[0].since
		if s.last.After(patience) {
			patience = s.last
		}
		if patience = patience.Add(slowStart); patience.Before(next) {
			next = patience
		}
	}
	if p.closed {
		s.timer.Stop()
		return
	}
	// What is due and can't be done yet, as a container is still being started, is looked
	// at again when it is.
	s.timer.Reset(max(time.Until(next), firstPause/10))
}

// tick does what is due.
func (s *shelf) tick() {
	p := s.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.shelves[s.key] != s {
		return
	}
	if time.Since(s.used) >= p.opts.IdleTTL {
		s.drain()
		if len(s.starting) == 0 && len(s.waiters) == 0 {
			delete(p.shelves, s.key)
			return
		}
	}
	for len(s.waiters) > 0 && s.stuck(s.waiters[0].since) {
		s.dismiss(len(s.waiters) - 1)
	}
	s.idle = slices.DeleteFunc(s.idle, func(u *unit) bool {
		old := time.Since(u.began) >= p.opts.MaxAge
		if old {
			s.giveUp(u)
		}
		return old
	})
	s.restock()
}

// close gives up all that no call has.
func (s *shelf) close() {
	s.drain()
	for u := range s.starting {
		u.cancel()
	}
	s.dismiss(0)
	s.timer.Stop()
	s.announce()
}

// drain gives up what is ready.
func (s *shelf) drain() {
	for _, u := range s.idle {
		s.giveUp(u)
	}
	s.idle = nil
}
