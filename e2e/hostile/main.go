//go:build linux

// Command hostile is a hook that tries to get out of its container, or to harm what is
// around it. `hostile attempts` makes many tries in one call and tells in a line of JSON
// how each ended; what would end the call itself is a command of its own. It knows
// nothing of what it may and may not: that is for the test that reads it. Nothing that
// it does harms a machine where it works; see the comments of those that could.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	goruntime "runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// target is what there is to attack, from stdin.
type target struct {
	HostAddrs []string `json:"host_addrs"` // where the host listens, on each of its addresses
	Loopback  string   `json:"loopback"`   // the same, on its loopback
	Abstract  string   `json:"abstract"`   // an abstract socket of the host
	HostPID   int      `json:"host_pid"`   // a process of the host
	HostFile  string   `json:"host_file"`  // a file of the host that is not mounted
	Symlink   string   `json:"symlink"`    // a symlink to that, in a mount
	Mounted   string   `json:"mounted"`    // a directory that is mounted
	Secret    string   `json:"secret"`     // another call's, reversed: so that it is not found here
}

// attempt is one try. Its outcome is "ok" where it worked, the name of an errno, or a
// word of its own.
type attempt struct {
	name string
	try  func(target) (outcome, detail string)
}

type result struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
	Detail  string `json:"detail,omitempty"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(97)
	}
}

func run(args []string) error {
	commands := map[string]func(args []string) error{
		"answer":      answer,
		"attempts":    func([]string) error { return attempts(os.Stdin, os.Stdout) },
		"deaf":        deaf,
		"flood":       flood,
		"forge":       forge,
		"fork-bomb":   forkBomb,
		"hold":        hold,
		"memory-bomb": memoryBomb,
		"outlive":     outlive,
		"stubborn":    stubborn,
		"suid":        suid,
		"symlink":     func(args []string) error { return os.Symlink(args[0], args[1]) },
	}
	if len(args) == 0 || commands[args[0]] == nil {
		return fmt.Errorf("no such command: %q", args)
	}
	return commands[args[0]](args[1:])
}

// answer gives back what it was asked.
func answer([]string) error {
	_, err := io.Copy(os.Stdout, os.Stdin)
	return err
}

// attempts reads its target first, as a hook that is started ahead has to wait.
func attempts(in io.Reader, out io.Writer) error {
	var t target
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		return err
	}
	goruntime.LockOSThread() // some change the thread that makes them
	var all []attempt
	for _, some := range [][]attempt{network(), mounts(), kernel(), namespaces(), processes(), privileges(), files(), devices(), limits()} {
		all = append(all, some...)
	}
	enc := json.NewEncoder(out)
	for _, a := range all {
		outcome, detail := a.try(t)
		if err := enc.Encode(result{a.name, outcome, detail}); err != nil {
			return err
		}
	}
	return nil
}

// call is an attempt that is one call of the kernel.
func call(name string, f func() error) attempt {
	return attempt{name, func(target) (string, string) { return told(f()) }}
}

// raw is an attempt that is one call of the kernel by number; see syscall.
func raw(name string, number uintptr, args ...any) attempt {
	return call(name, func() error { return syscall(number, args...) })
}

// syscall makes a call of the kernel. Arguments are ints and, for pointers, []byte.
func syscall(number uintptr, args ...any) error {
	w := words(args)
	_, _, errno := unix.Syscall6(number, w[0], w[1], w[2], w[3], w[4], w[5])
	goruntime.KeepAlive(args)
	if errno != 0 {
		return errno
	}
	return nil
}

func words(args []any) (w [6]uintptr) {
	for i, arg := range args {
		switch arg := arg.(type) {
		case int:
			w[i] = uintptr(arg)
		case []byte:
			w[i] = uintptr(unsafe.Pointer(&arg[0]))
		}
	}
	return w
}

// told is an error as an outcome.
func told(err error) (outcome, detail string) {
	if err == nil {
		return "ok", ""
	}
	if errno := unix.Errno(0); errors.As(err, &errno) {
		return unix.ErrnoName(errno), err.Error()
	}
	return "error", err.Error()
}
