package runtime

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// sweepEvery is how often a Launcher that makes calls looks for what others left. With
	// SweepGrace it bounds how long after its deadline a container can be there.
	sweepEvery = 20 * time.Second
	// sweepPause is what is between two looks at least.
	sweepPause = 5 * time.Second
	// listLimit bounds the look, and sweepLimit what comes of it.
	listLimit  = 10 * time.Second
	sweepLimit = 2 * time.Minute
	// sweepOnClose is how long Close lets removals go on.
	sweepOnClose = 5 * time.Second
)

// sweeps are the Sweeps that a Launcher makes behind its callers' backs: one at its first
// call, and further ones while there are calls, or containers of other launchers that will
// be left if those die. In between it is a timer at most, and no goroutine.
type sweeps struct {
	sweeper Sweeper // nil: the runtime is none
	warn    func(*slog.Logger, string)

	began time.Time
	clock sweepClock // for one goroutine at a time, as running has it

	mu       sync.Mutex
	closed   bool
	logger   *slog.Logger // of the last call
	called   bool         // since the last sweep began
	running  bool
	removing bool
	cancel   context.CancelFunc // of the one that is running
	last     time.Time          // when the last one ended
	failed   int                // removals in a row
	next     time.Time          // what the timer is set for; zero: nothing
	timer    *time.Timer
	wg       sync.WaitGroup
}

func newSweeps(rt Runtime, warn func(*slog.Logger, string)) *sweeps {
	s := &sweeps{warn: warn, began: time.Now()}
	s.sweeper, _ = find[Sweeper](rt)
	return s
}

// call is told of each call, which it does not delay.
func (s *sweeps) call(logger *slog.Logger) {
	if s.sweeper == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logger, s.called = logger, true
	if !s.running {
		s.arm(s.last.Add(sweepEvery))
	}
}

// arm has a sweep made then, unless one comes earlier. mu is held.
func (s *sweeps) arm(t time.Time) {
	if s.closed || !s.next.IsZero() && !t.Before(s.next) {
		return
	}
	s.next = t
	if s.timer != nil {
		s.timer.Stop()
	}
	s.timer = time.AfterFunc(time.Until(t), s.sweep)
}

func (s *sweeps) sweep() {
	s.mu.Lock()
	if s.closed || s.running || s.next.IsZero() {
		s.mu.Unlock()
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), sweepLimit)
	defer cancel()
	s.running, s.called, s.next, s.cancel = true, false, time.Time{}, cancel
	s.wg.Add(1)
	defer s.wg.Done()
	logger := s.logger
	s.mu.Unlock()

	t := s.clock.now(time.Now(), time.Since(s.began))
	left, others, err := s.list(ctx, t)
	var removed []Container
	if err == nil && s.begin(len(left)) {
		removed, err = discard(ctx, s.sweeper, left)
	}
	for _, c := range removed {
		logger.Debug("dockerrun: removed a container that its launcher left",
			"container", c.Name, "owner", c.Owner, "deadline", c.Deadline, "state", c.State)
	}
	failed := err != nil && len(left) > 0
	if failed {
		s.warn(logger, err.Error())
	}
	s.end(failed, others, t)
}

func (s *sweeps) list(ctx context.Context, t time.Time) (left, others []Container, err error) {
	ctx, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	return leftovers(ctx, s.sweeper, t)
}

// begin says whether there is something to remove, and a Launcher to remove it.
func (s *sweeps) begin(left int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removing = left > 0 && !s.closed
	return s.removing
}

// end decides when to look again, after a look at t by the clock.
func (s *sweeps) end(failed bool, others []Container, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running, s.removing, s.last = false, false, time.Now()
	if s.called {
		s.arm(s.last.Add(sweepEvery))
	}
	if s.failed++; !failed {
		s.failed = 0
	} else {
		s.arm(s.last.Add(sweepEvery << min(s.failed, 6)))
	}
	own := owner()
	for _, c := range others {
		if c.Deadline.IsZero() || c.Owner == own {
			continue
		}
		due := s.last.Add(c.Deadline.Add(SweepGrace + time.Second).Sub(t))
		if soonest := s.last.Add(sweepPause); due.Before(soonest) {
			due = soonest
		}
		s.arm(due)
	}
}

// close ends what is under way: a look at once, removals when they are done or soon.
func (s *sweeps) close() {
	s.mu.Lock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.running {
		if s.removing {
			defer time.AfterFunc(sweepOnClose, s.cancel).Stop()
		} else {
			s.cancel()
		}
	}
	s.mu.Unlock()
	s.wg.Wait()
}
