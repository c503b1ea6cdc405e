package runtimetest

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"syscall"
	"time"
)

// Host is a [Program] that runs a program of this machine, such as /bin/sh, in the
// test's own working directory: for tests of what is sent to a command that has to be
// the real one. Nothing confines it.
func Host(path string) Program {
	return func(ctx context.Context, p *Process) int {
		cmd := exec.CommandContext(ctx, path, p.Args[1:]...)
		cmd.Env = p.Env
		cmd.Stdout, cmd.Stderr = p.Stdout, p.Stderr
		cmd.WaitDelay = time.Second // for what it leaves running with its pipes
		stdin, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			_, _ = io.WriteString(p.Stderr, err.Error()+"\n")
			return 126
		}
		go func() {
			// Not cmd.Stdin: Wait would wait for a Read of p.Stdin.
			_, _ = io.Copy(stdin, p.Stdin)
			_ = stdin.Close()
		}()
		err = cmd.Wait()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
				return 128 + int(ws.Signal())
			}
		}
		return cmd.ProcessState.ExitCode()
	}
}
