package runtimetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// pipes stand between the caller's Stdio and a process, as the engine's do.
type pipes struct {
	caller context.Context
	ctx    context.Context // ends with the caller's, or when a stream of theirs failed
	cancel context.CancelCauseFunc
	in     *source
	stdout *sink
	stderr *sink
}

func newPipes(ctx context.Context, stdio runtime.Stdio) *pipes {
	p := &pipes{caller: ctx, in: &source{from: stdio.Stdin}}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	failed := func(err error) { p.cancel(fmt.Errorf("writing the output: %w", err)) }
	p.stdout = &sink{to: stdio.Stdout, failed: failed}
	p.stderr = &sink{to: stdio.Stderr, failed: failed}
	return p
}

// connect gives the process its ends and starts to read stdin.
func (s *pipes) connect(p *Process) {
	r, w := io.Pipe()
	p.Stdin, p.Stdout, p.Stderr = r, s.stdout, s.stderr
	go func() {
		// Ends with the input, or when nobody reads it any more.
		_, _ = io.Copy(w, s.in)
		if err := s.in.failure(); err != nil {
			// What breaks off must not look like a whole input.
			s.cancel(fmt.Errorf("reading the input: %w", err))
			return
		}
		_ = w.Close()
	}()
}

// disconnect makes reads and writes of a dead process fail.
func (s *pipes) disconnect(p *Process) {
	_ = p.Stdin.Close()
	s.stdout.end()
	s.stderr.end()
}

// err is the error of a call that ended before its command did, or nil.
func (s *pipes) err(key string) error {
	if s.ctx.Err() == nil || s.caller.Err() != nil {
		return runtime.ContextError(s.caller, key, true)
	}
	return runtime.BrokenOff(context.Cause(s.ctx), key, true)
}

// end lets go of the caller's Stdio.
func (s *pipes) end() {
	s.in.end()
	s.stdout.end()
	s.stderr.end()
	s.cancel(nil)
}

// source reads the caller's stdin until Run returns.
type source struct {
	mu    sync.Mutex
	from  io.ReadCloser
	ended bool
	err   error // of a Read, other than io.EOF
}

func (s *source) Read(b []byte) (int, error) {
	s.mu.Lock()
	ended := s.ended
	s.mu.Unlock()
	if ended || s.from == nil {
		return 0, io.EOF
	}
	n, err := s.from.Read(b) // without the lock: it may block for ever
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && err != io.EOF && !s.ended {
		s.err = err
	}
	return n, err
}

func (s *source) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *source) end() {
	s.mu.Lock()
	first := !s.ended
	s.ended = true
	s.mu.Unlock()
	if first && s.from != nil {
		_ = s.from.Close()
	}
}

// sink writes to the caller's writer until the process closes it or Run returns.
type sink struct {
	mu     sync.Mutex
	to     io.Writer
	failed func(error)
	ended  bool
}

// Write fails with EPIPE once there is no reader, as a pipe does.
func (s *sink) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return 0, syscall.EPIPE
	case s.to == nil:
		return len(b), nil
	}
	n, err := s.to.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		s.ended = true
		s.failed(err)
		return n, errors.Join(syscall.EPIPE, err)
	}
	return n, nil
}

// Close implements io.Closer for the process.
func (s *sink) Close() error {
	s.end()
	return nil
}

func (s *sink) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
}
