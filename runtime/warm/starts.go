package warm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/internal/gate"
)

func (s *shelf) start(waiting bool) {
	p := s.pool
	u := newUnit(s)
	u.waiting = waiting
	s.starting[u] = struct{}{}
	if !waiting {
		p.ahead++
	}
	late := time.AfterFunc(readyLimit, func() { p.isLate(u) })
	context.AfterFunc(u.ctx, func() { late.Stop() })
	p.running.Go(func() {
		var err error
		if u.image, err = s.look(u.life.ctx, lookAgain); err == nil {
			err = s.suits(u)
		}
		if err != nil {
			u.err = err
			u.end()
			return
		}
		if u.direct {
			t := time.AfterFunc(assumed, u.running)
			defer t.Stop()
		}
		u.run()
	})
}

// suits says why containers of the image can't be warm.
func (s *shelf) suits(u *unit) error {
	if s.eager() {
		if argv := commandLine(u.image, s.spec); len(argv) == 0 {
			return errNoCommand
		}
	}
	if u.direct {
		return nil
	}
	if err := gate.CheckEnv(u.image.Env); err != nil {
		return fmt.Errorf("image %s: %w", s.spec.Image, err)
	}
	if s.eager() {
		_, err := u.header(s.spec.Env, s.spec)
		return err
	}
	return nil
}

// errNoCommand is for the engine to say in its own words.
var errNoCommand = errors.New("neither the call nor the image has a command")

// isReady is called when u is up.
func (p *Pool) isReady(u *unit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if u.state != starting {
		return
	}
	s := u.shelf
	s.readied++
	s.onItsWay(u)
	u.ready = time.Now()
	u.life.ready()
	s.last = u.ready
	if s.image.changedSince(u.image) {
		s.giveUp(u)
	} else {
		s.offer(u)
	}
	if s.refuses() != nil { // whoever still waits would do so for nothing
		s.dismiss(s.coming())
	}
	s.announce()
	p.restockAll()
}

// isLate gives up on a container that is not ready when it should be.
func (p *Pool) isLate(u *unit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if u.state != starting {
		return
	}
	s := u.shelf
	if !s.stuck(u.began) {
		time.AfterFunc(slowStart, func() { p.isLate(u) })
		return
	}
	s.onItsWay(u)
	s.giveUp(u)
	s.fail(u, errLate)
	p.restockAll()
}

var errLate = fmt.Errorf("a warm container was not ready after %v", readyLimit)

// onItsWay ends u's being started.
func (s *shelf) onItsWay(u *unit) {
	delete(s.starting, u)
	if !u.waiting {
		s.pool.ahead--
	}
}

// ended is called when u is over.
func (p *Pool) ended(u *unit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := u.shelf
	was := u.state
	u.become(gone)
	switch was {
	case starting:
		s.onItsWay(u)
		s.fail(u, s.reason(u))
	case idle:
		s.died(u, u.outcome())
	}
	p.restockAll()
}

// spent is called when u's command has ended. If no call has u, none gets it any more, as
// the engine may take a while to say that it is over.
func (p *Pool) spent(u *unit) {
	code := u.stdout.status()
	p.mu.Lock()
	defer p.mu.Unlock()
	if u.state != idle {
		return
	}
	u.become(gone)
	u.letGo()
	u.shelf.died(u, endedWith(code))
	p.restockAll()
}

// died takes u, which has ended while it waited, out of the stock.
func (s *shelf) died(u *unit, how string) {
	if i := slices.Index(s.idle, u); i >= 0 {
		s.idle = slices.Delete(s.idle, i, i+1)
	}
	s.pool.stats.Died++
	s.pool.meter.died(u.ctx)
	if time.Since(u.ready) < soon {
		s.fail(u, fmt.Errorf("a warm container ended %s; does the command wait for its input?", how))
	}
}

func (u *unit) outcome() string {
	if u.err != nil {
		return "with an error: " + u.err.Error()
	}
	return endedWith(u.status.Code)
}

func endedWith(code int) string { return fmt.Sprintf("by itself with status %d", code) }

// reason is why u did not get ready.
func (s *shelf) reason(u *unit) error {
	switch {
	case u.err == nil:
		return fmt.Errorf("a warm container ended %s before it was ready", u.outcome())
	case !u.direct && (errors.Is(u.err, runtime.ErrCommandNotFound) || errors.Is(u.err, runtime.ErrNotExecutable)):
		return fmt.Errorf("image %s has no %s that works, which warm containers need: %w", s.spec.Image, gate.Shell, u.err)
	}
	return u.err
}

// fail blocks the shelf for a while. The calls that wait for more than what is on its
// way go cold.
func (s *shelf) fail(u *unit, why error) {
	p := s.pool
	if p.closed {
		return
	}
	s.failed++
	s.why = why
	pause := min(firstPause<<min(s.failed-1, 10), mostPause)
	switch {
	case errors.Is(why, runtime.ErrCommandNotFound), errors.Is(why, runtime.ErrNotExecutable):
		if s.eager() && !u.direct {
			// The exact command can be started without a gate.
			s.direct, pause = true, 0
			break
		}
		pause = p.opts.IdleTTL
		p.warn(why)
	case errors.Is(why, runtime.ErrImageMissing):
		pause = firstPause // the call says so itself, and may pull it
	default:
		if why == errLate {
			pause = max(pause, readyLimit) // calls have waited enough
		}
		p.warn(why)
	}
	s.blocked = time.Now().Add(pause)
	s.dismiss(s.coming())
	s.announce()
}
