package runtimetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest/internal/probe"
)

func loadCases() []testCase {
	return []testCase{
		{"load/calls at once", "All methods are safe for concurrent use. No goroutine, process, file descriptor or container is left over.", manyCalls},
	}
}

// manyCalls makes calls of all kinds at once, and counts what is left of them.
func manyCalls(s *suite) {
	// What is there once and for all (pollers, resolvers) is there after a first call.
	warm := s.New(s.TB)
	ctx, cancel := context.WithTimeout(context.Background(), 4*s.Patience)
	defer cancel()
	if _, err := warm.Run(ctx, s.spec("exit", "0"), runtime.Stdio{}); err != nil {
		s.Fatal(err)
	}
	if err := errors.Join(warm.Close(), s.rt.Close()); err != nil {
		s.Fatal(err)
	}
	before := takeStock()

	s.rt = s.New(s.TB)
	s.closed = false
	var wg sync.WaitGroup
	for i := range s.Parallel {
		wg.Go(func() {
			if err := s.oneOfMany(ctx, i); err != nil {
				s.Errorf("call %d: %v", i, err)
			}
		})
	}
	returnsWithin(s.TB, fmt.Sprintf("%d calls at once", s.Parallel), 5*s.Patience, wg.Wait)
	s.closeRuntime()
	s.eventually(func() string { return takeStock().since(before) })
}

// oneOfMany is a call whose kind and data depend on its number. It runs on a
// goroutine of its own, so it ends no test.
func (s *suite) oneOfMany(ctx context.Context, i int) error {
	var out, errs output
	run := func(spec runtime.Spec, data []byte) (runtime.Status, error) {
		return s.rt.Run(ctx, spec, runtime.Stdio{Stdin: input(data), Stdout: &out, Stderr: &errs})
	}
	switch i % 4 {
	case 0, 1:
		data := probe.Pattern(byte(i+3), 100_000+i)
		status, err := run(s.spec("echo"), data)
		if err != nil || status.Code != 0 {
			return fmt.Errorf("echo: %+v, %w, stderr %s", status, err, brief(errs.bytes()))
		}
		if !bytes.Equal(out.bytes(), data) {
			return fmt.Errorf("echo gave %d bytes that are not the %d it was given", len(out.bytes()), len(data))
		}
	case 2:
		status, err := run(s.spec("both", fmt.Sprint(70_000+i), fmt.Sprint(80_000+i), fmt.Sprint(i)), nil)
		if err != nil || status.Code != i&0xff {
			return fmt.Errorf("both: %+v, %w", status, err)
		}
		if !bytes.Equal(out.bytes(), probe.Pattern(probe.SeedStdout, 70_000+i)) || !bytes.Equal(errs.bytes(), probe.Pattern(probe.SeedStderr, 80_000+i)) {
			return errors.New("both: the output is not what the command wrote")
		}
	case 3:
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		up := newOutput()
		go func() {
			s.wait(up.ready)
			cancel()
		}()
		_, err := s.rt.Run(ctx, s.spec("block"), runtime.Stdio{Stdin: &endlessInput{}, Stdout: up})
		if !errors.Is(err, context.Canceled) {
			return fmt.Errorf("a call that was canceled: %w", err)
		}
	}
	return nil
}
