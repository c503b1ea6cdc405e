package runtimetest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/internal/gate"
)

// gate is the program of a container that package runtime/warm keeps ready: what the
// shell of an image would make of it, with the programs of the Fake for commands.
func (f *Fake) gate(ctx context.Context, p *Process) int {
	if _, err := io.WriteString(p.Stdout, gate.Ready); err != nil {
		return 2
	}
	stdin := bufio.NewReader(p.Stdin)
	line, err := stdin.ReadString('\n')
	if err != nil {
		return 0
	}
	token, env, argv, err := gate.Parse(line)
	if err != nil {
		_, _ = fmt.Fprintln(p.Stderr, err)
		return 2
	}

	child := newProcess(p.Spec)
	child.Args, child.Env, child.Dir, child.User = argv, processEnv(p.Env, env, ""), p.Dir, p.User
	child.Stdin = struct {
		io.Reader
		io.Closer
	}{stdin, p.Stdin}
	stdout, stderr := &childOutput{to: p.Stdout}, &childOutput{to: p.Stderr}
	child.Stdout, child.Stderr = stdout, stderr
	status := f.start(ctx, child, func() { _, _ = io.WriteString(p.Stdout, token+"\n") })

	_, _ = fmt.Fprintf(p.Stdout, "%s %d\n", token, status.Code)
	_, _ = fmt.Fprintf(p.Stderr, "%s %d\n", token, status.Code)
	p.exit(status)
	return status.Code
}

// start runs a command as a child, if there is one.
func (f *Fake) start(ctx context.Context, child *Process, starts func()) runtime.Status {
	if len(child.Args) == 0 {
		return runtime.Status{Code: 127}
	}
	program, ok := f.program(child.Args[0], child.Getenv("PATH"))
	switch {
	case !ok:
		return runtime.Status{Code: 127}
	case program == nil:
		return runtime.Status{Code: 126}
	}
	starts()
	done := make(chan struct{})
	go func() { // Process.Kill ends the goroutine
		defer close(done)
		child.exit(runtime.Status{Code: program(ctx, child) & 0xff})
	}()
	<-child.dead
	<-done
	return child.status
}

// childOutput can be closed without closing the gate's own.
type childOutput struct {
	mu     sync.Mutex
	to     io.Writer
	closed bool
}

func (o *childOutput) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return 0, io.ErrClosedPipe
	}
	return o.to.Write(p)
}

func (o *childOutput) Close() error {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	return nil
}
