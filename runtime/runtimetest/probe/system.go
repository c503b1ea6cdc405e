//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
	"unsafe"

	"github.com/AltairaLabs/dockerrun/runtime/runtimetest/internal/probe"
)

// system is the real operating system.
type system struct{}

func (system) Block() {
	for {
		time.Sleep(time.Hour)
	}
}

func (system) Sleep(d time.Duration) { time.Sleep(d) }

func (system) IgnoreTerm() { signal.Ignore(syscall.SIGTERM) }

func (system) CloseStdin() error { return os.Stdin.Close() }

func (system) CloseStdout() error { return os.Stdout.Close() }

func (system) ReadFile(name string) ([]byte, error) { return os.ReadFile(name) }

func (system) WriteFile(name string, data []byte) error { return os.WriteFile(name, data, 0o644) }

func (system) AppendFile(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func (system) Child() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "sleep", "1h")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd.Start()
}

// OOM touches every page, as memory that was never written to takes none.
func (system) OOM() error {
	const chunk = 4 << 20
	var all [][]byte
	for range 128 { // 512 MiB: over any limit of a test, and without one no danger to the host
		b := make([]byte, chunk)
		for i := 0; i < len(b); i += os.Getpagesize() {
			b[i] = 1
		}
		all = append(all, b)
	}
	return fmt.Errorf("took %d MiB", len(all)*chunk>>20)
}

// Kill ends the process by a signal even where it is PID 1 of a container, which
// ignores what it sends to itself.
func (system) Kill(sig int) error {
	if os.Getpid() != 1 {
		if err := byDefault(sig); err != nil {
			return err
		}
		if err := syscall.Kill(os.Getpid(), syscall.Signal(sig)); err != nil {
			return err
		}
		time.Sleep(time.Second) // the signal is on its way
		return nil
	}
	switch syscall.Signal(sig) {
	case syscall.SIGKILL:
		// The kernel's own SIGKILL gets through: that for too much CPU time.
		limit := syscall.Rlimit{Cur: 1, Max: 1}
		if err := syscall.Setrlimit(syscall.RLIMIT_CPU, &limit); err != nil {
			return err
		}
		for n := uint64(0); ; n++ {
			_ = n // burn it
		}
	case syscall.SIGSEGV:
		// So does a fault, once Go's handler is gone.
		if err := byDefault(sig); err != nil {
			return err
		}
		fault()
	}
	return fmt.Errorf("signal %d can't end PID 1; it takes 9 or 11", sig)
}

// byDefault takes Go's handler of a signal away.
func byDefault(sig int) error {
	if syscall.Signal(sig) == syscall.SIGKILL {
		return nil // which has none
	}
	var action [64]byte // a zeroed sigaction is SIG_DFL
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig),
		uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

//go:noinline
func fault() {
	var nowhere *int
	*nowhere = 1
}

func (system) Identity() (probe.Identity, error) {
	var (
		who  = probe.Identity{PID: os.Getpid(), UID: os.Getuid(), GID: os.Getgid()}
		errs [4]error
		nics []net.Interface
	)
	who.Groups, errs[0] = os.Getgroups()
	who.Dir, errs[1] = os.Getwd()
	who.Hostname, errs[2] = os.Hostname()
	nics, errs[3] = net.Interfaces()
	for _, nic := range nics {
		who.Interfaces = append(who.Interfaces, nic.Name)
	}
	return who, errors.Join(errs[:]...)
}
