// Package call holds the part of a Runtime's Run that is the same on every engine:
// pumping stdin so that it is always closed and never waited for, output that stops
// when Run returns, and removals that outlive the call.
package call

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Call is one Run. Begin it, use its Ctx and writers, and End it on every path.
type Call struct {
	// Ctx ends with the caller's context, or when a Write of the caller's failed; its
	// cause is then that failure.
	Ctx            context.Context
	Stdout, Stderr io.Writer
	// Place is the call's behind a Gate, where there is one.
	Place Place

	key    string
	caller context.Context
	cancel context.CancelCauseFunc
	stdin  io.ReadCloser
	once   sync.Once // closes stdin
	ended  atomic.Bool
	out    [2]*guard
}

// Begin starts a call of the runtime with the given key.
func Begin(ctx context.Context, key string, stdio runtime.Stdio) *Call {
	c := &Call{key: key, caller: ctx, stdin: stdio.Stdin}
	c.Ctx, c.cancel = context.WithCancelCause(ctx)
	for i, w := range []io.Writer{stdio.Stdout, stdio.Stderr} {
		c.out[i] = &guard{to: w, last: time.Now(), failed: func(err error) {
			c.cancel(fmt.Errorf("writing the output: %w", err))
		}}
	}
	c.Stdout, c.Stderr = c.out[0], c.out[1]
	return c
}

// PumpStdin copies stdin to w in the background and then calls closeWrite, once, so
// that the command sees the end of its input. It stops when the command stops
// reading. Call it when the command has started.
//
// An input that breaks off is never passed off as one that ended: when stdin fails, the
// call fails, and when the call has ended, closeWrite is not called.
func (c *Call) PumpStdin(w io.Writer, closeWrite func() error) {
	go func() {
		defer c.closeStdin()
		if c.stdin != nil {
			in := &source{call: c}
			// A failing Write is a command that ended or does not want more, which is
			// its right.
			_, _ = io.Copy(w, in)
			if in.err != nil {
				c.cancel(fmt.Errorf("reading the input: %w", in.err)) // nothing if End was first
				return
			}
		}
		if c.Ctx.Err() == nil {
			_ = closeWrite()
		}
	}()
}

// source tells an error of reading from one of writing.
type source struct {
	call *Call
	err  error // other than io.EOF
}

func (s *source) Read(p []byte) (n int, err error) {
	if s.call.ended.Load() { // w may go on taking what a stdin that minds no Close gives
		s.err = io.ErrClosedPipe
		return 0, s.err
	}
	if lost := s.call.Place.await(s.call.Ctx, func() { n, err = s.call.stdin.Read(p) }); lost != nil {
		s.err = lost // the call has ended
		return 0, lost
	}
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// Drain waits for the end of the output of a command that has ended: for what copied
// gives, or until there was none for the time quiet, when something else than the
// command holds the output open. It reports whether the output ended, and fails when
// copying failed or the call ended.
func (c *Call) Drain(copied <-chan error, quiet time.Duration) (ended bool, err error) {
	began := time.Now() // output may still be on its way, however long there was none
	silence := func() time.Duration { return min(c.quiet(), time.Since(began)) }
	for {
		t := time.NewTimer(quiet - silence())
		select {
		case err := <-copied:
			t.Stop()
			return true, err
		case <-c.Ctx.Done():
			t.Stop()
			return false, c.Ctx.Err()
		case <-t.C:
		}
		if silence() >= quiet {
			return false, nil
		}
	}
}

// quiet is how long no output has come; zero while some is being written.
func (c *Call) quiet() time.Duration {
	return min(c.out[0].quiet(), c.out[1].quiet())
}

// End closes stdin and keeps later output from the caller's writers. It waits for a
// Write that is under way, never for a Read. A second End does nothing.
func (c *Call) End() {
	c.ended.Store(true)
	c.closeStdin()
	for _, g := range c.out {
		g.shut()
	}
	c.cancel(nil)
}

// Err is the error of a call whose Ctx ended, or nil. A failed Write is not passed off
// as a context that ended.
func (c *Call) Err(started bool) error {
	if c.Ctx.Err() == nil || c.caller.Err() != nil {
		return runtime.ContextError(c.caller, c.key, started)
	}
	return runtime.BrokenOff(context.Cause(c.Ctx), c.key, started)
}

func (c *Call) closeStdin() {
	c.once.Do(func() {
		if c.stdin != nil {
			_ = c.stdin.Close()
		}
	})
}

// guard passes writes on until it is shut, and reports the first that failed.
type guard struct {
	mu     sync.Mutex
	to     io.Writer // nil: discard
	failed func(error)
	closed bool
	last   time.Time // end of the last Write
}

func (g *guard) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.closed:
		return 0, io.ErrClosedPipe
	case g.to == nil:
		g.last = time.Now()
		return len(p), nil
	}
	n, err := g.to.Write(p)
	g.last = time.Now()
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		g.closed = true
		g.failed(err)
	}
	return n, err
}

// quiet is the time since the last Write; it waits for none, so zero during one.
func (g *guard) quiet() time.Duration {
	if !g.mu.TryLock() {
		return 0
	}
	defer g.mu.Unlock()
	return time.Since(g.last)
}

func (g *guard) shut() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
}

// Removals are the clean-ups that a Runtime still has under way. The zero value is
// ready.
type Removals struct {
	mu     sync.Mutex
	wg     sync.WaitGroup
	closed bool
}

// Enter counts a call, so that Close waits for it; leave it with Done. It fails when
// the runtime was closed.
func (r *Removals) Enter(key string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return &runtime.Error{Kind: runtime.ErrClosed, Runtime: key}
	}
	r.wg.Add(1)
	return nil
}

// Done ends what Enter began.
func (r *Removals) Done() { r.wg.Done() }

// Go runs remove in the background with a context that has ctx's values but not its
// end, and a deadline of its own. Only between Enter and Done.
func (r *Removals) Go(ctx context.Context, limit time.Duration, remove func(context.Context)) {
	r.wg.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer cancel()
		remove(ctx)
	})
}

// Close refuses further calls and waits for those that are under way and for the
// removals. It reports whether it was the first.
func (r *Removals) Close() bool {
	r.mu.Lock()
	first := !r.closed
	r.closed = true
	r.mu.Unlock()
	r.wg.Wait()
	return first
}

// Retry calls try until it succeeds, ctx ends, or give says that its error is final,
// with pauses that grow from first to most.
func Retry(ctx context.Context, first, most time.Duration, try func(context.Context) error, final func(error) bool) error {
	for pause := first; ; pause = min(2*pause, most) {
		err := try(ctx)
		if err == nil || final(err) {
			return err
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return errors.Join(err, ctx.Err())
		}
	}
}
