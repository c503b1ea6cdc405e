package probe

import (
	"context"
	"errors"
	"io"
	"time"
)

// exit STATUS ends with that status and reads nothing.
func exitWith(_ context.Context, _ *Process, args []string) error {
	n, err := number(args, 0)
	if err != nil {
		return err
	}
	return exit(n)
}

// complain TEXT STATUS writes a text to stderr and ends with the status.
func complain(ctx context.Context, p *Process, args []string) error {
	if _, err := io.WriteString(p.Stderr, word(args, 0, "")); err != nil {
		return err
	}
	return exitWith(ctx, p, args[min(1, len(args)):])
}

// kill SIGNAL ends by a signal's number.
func kill(_ context.Context, p *Process, args []string) error {
	n, err := number(args, 0)
	if err != nil {
		return err
	}
	if err := p.Kill(n); err != nil {
		return err
	}
	return errors.New("survived the signal")
}

// oom says Ready and takes memory until it is killed.
func oom(_ context.Context, p *Process, _ []string) error {
	if _, err := io.WriteString(p.Stdout, Ready); err != nil {
		return err
	}
	if err := p.OOM(); err != nil {
		return err
	}
	return errors.New("there was always more memory")
}

// sleep DURATION sleeps and ends with 0.
func sleep(_ context.Context, p *Process, args []string) error {
	d, err := time.ParseDuration(word(args, 0, ""))
	if err != nil {
		return err
	}
	p.Sleep(d)
	return nil
}

// block says Ready and waits for ever, reading nothing.
func block(_ context.Context, p *Process, _ []string) error {
	if _, err := io.WriteString(p.Stdout, Ready); err != nil {
		return err
	}
	p.Block()
	return nil
}

// ignore-term is block for a process that SIGTERM does not end.
func ignoreTerm(ctx context.Context, p *Process, args []string) error {
	p.IgnoreTerm()
	return block(ctx, p, args)
}

// child is block with a child that holds the pipes too.
func child(ctx context.Context, p *Process, args []string) error {
	if err := p.Child(); err != nil {
		return err
	}
	return block(ctx, p, args)
}

// orphan leaves a child behind that holds the pipes, and ends with 0.
func orphan(_ context.Context, p *Process, _ []string) error {
	if err := p.Child(); err != nil {
		return err
	}
	_, err := io.WriteString(p.Stdout, Ready)
	return err
}
