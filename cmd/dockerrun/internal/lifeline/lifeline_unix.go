//go:build unix

package lifeline

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// FD is the lifeline's number in the process that Run starts.
const FD = 3

// Supported says that Run works on this system.
const Supported = true

// Run runs this program once more, with args, as the package says, and gives its exit
// status. A signal from signals is passed on to it.
func Run(args []string, signals <-chan os.Signal) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("finding this program: %w", err)
	}
	line, ours, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer ours.Close()
	cmd := exec.Command(self, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{line} // the first is number FD
	// What is sent to our group, by a terminal or by who kills us, is ours to pass on.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = line.Close()
	if err != nil {
		return 0, err
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case s := <-signals:
			_ = cmd.Process.Signal(s)
		case <-ended:
		}
	}()
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal()), nil
		}
		return exit.ExitCode(), nil
	}
	return 0, err
}

// keepFromChildren closes the lifeline in what this process starts.
func keepFromChildren(fd int) { unix.CloseOnExec(fd) }

// letGo gives up stdin, stdout and stderr. They are replaced rather than closed, so that
// nothing else gets their numbers.
func letGo() {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return // then they are held until the removal is done
	}
	defer null.Close()
	for fd := range 3 {
		_ = unix.Dup2(int(null.Fd()), fd)
	}
}
