package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime/internal/telemetry"
)

// ErrPulling is in the error of a call that ended while its image was still being
// pulled. The pull goes on; a call after it finds the image.
var ErrPulling = errors.New("image is still being pulled")

// pulls are those under way, one for each image and platform.
type pulls struct {
	tel    *telemetry.Instruments
	mu     sync.Mutex
	wg     sync.WaitGroup
	active map[ImageRequest]*pull
	closed bool
}

type pull struct {
	began  time.Time
	cancel context.CancelFunc
	done   chan struct{} // closed when err is set
	err    error
}

// pull makes the image of spec present, as its policy asks, in a pull that all calls
// share and none of them ends.
func (l *Launcher) pull(ctx context.Context, spec Spec, opts Options) error {
	req := ImageRequest{Ref: spec.Image, Platform: spec.Platform, Pull: spec.Pull}
	if req.Pull == "" {
		req.Pull = PullMissing
	}
	p, err := l.pulls.join(ctx, l.rt, req, opts.PullTimeout)
	if err != nil {
		return err
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
	}
	ended := ContextError(ctx, "", false)
	return &Error{
		Kind:    kindOf(ended),
		Message: fmt.Sprintf("image %s, for %s so far; the pull goes on, so call again later", spec.Image, time.Since(p.began).Round(100*time.Millisecond)),
		Err:     fmt.Errorf("%w: %w", ErrPulling, ended),
	}
}

func kindOf(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ErrEngine
}

// join returns the pull for req that is under way, or starts one. Traces are those of
// the call that starts it.
func (s *pulls) join(ctx context.Context, rt Runtime, req ImageRequest, limit time.Duration) (*pull, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, &Error{Kind: ErrClosed}
	}
	if p, ok := s.active[req]; ok {
		return p, nil
	}
	trace := ContextTrace(ctx)
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), limit,
		fmt.Errorf("the pull took longer than %s (pull_timeout): %w", limit, context.DeadlineExceeded))
	p := &pull{began: time.Now(), cancel: cancel, done: make(chan struct{})}
	if s.active == nil {
		s.active = map[ImageRequest]*pull{}
	}
	s.active[req] = p
	s.wg.Go(func() {
		defer cancel()
		ctx, seen := observePull(ctx, s.tel, KeyOf(rt), req)
		trace.Pulling(req.Ref)
		_, p.err = GetImage(ctx, rt, req)
		if p.err != nil && ctx.Err() != nil {
			ended := &Error{Kind: ErrPullFailed, Message: "image " + req.Ref, Err: context.Cause(ctx)}
			if e, ok := errors.AsType[*Error](p.err); ok && e.Message != "" {
				ended.Message += ": " + e.Message // what it waited for
			}
			p.err = ended
		}
		trace.Pulled(req.Ref, p.err)
		seen(p.err)
		s.mu.Lock()
		delete(s.active, req)
		s.mu.Unlock()
		close(p.done)
	})
	return p, nil
}

func (s *pulls) close() {
	s.mu.Lock()
	s.closed = true
	for _, p := range s.active {
		p.cancel()
	}
	s.mu.Unlock()
	s.wg.Wait()
}
