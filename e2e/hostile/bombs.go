//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// forkBomb makes children that do nothing until the kernel gives it no more, or there are
// as many as its argument. None of them is waited for.
func forkBomb(args []string) error {
	most, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	made := 0
	for ; made < most; made++ {
		pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if errno != 0 {
			return json.NewEncoder(os.Stdout).Encode(result{"fork without end", unix.ErrnoName(errno), strconv.Itoa(made)})
		}
		if pid == 0 {
			for { // see child
				unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
			}
		}
	}
	return json.NewEncoder(os.Stdout).Encode(result{"fork without end", "ok", strconv.Itoa(made)})
}

// memoryBomb takes MiB by MiB, up to its argument.
func memoryBomb(args []string) error {
	most, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	var all [][]byte
	for range most {
		chunk := make([]byte, 1<<20)
		for i := 0; i < len(chunk); i += os.Getpagesize() {
			chunk[i] = 1
		}
		all = append(all, chunk)
	}
	_, err = fmt.Printf("took %d MiB", len(all))
	return err
}

// flood writes to stdout for ever.
func flood([]string) error {
	chunk := bytes.Repeat([]byte("flood\n"), 10_000)
	for {
		if _, err := os.Stdout.Write(chunk); err != nil {
			return err
		}
	}
}

// deaf never reads its stdin, and closes it only by its end.
func deaf([]string) error {
	_, err := fmt.Print("deaf")
	return err
}

// stubborn ignores every signal that can be ignored, and never ends.
func stubborn([]string) error {
	signal.Ignore()
	fmt.Println("ready")
	for {
		time.Sleep(time.Hour)
	}
}

// hold keeps a secret as a hook would, in its environment, in files and in its output,
// and never ends. When it has got so far it runs itself once more as "hold ready".
func hold(args []string) error {
	if len(args) > 0 {
		return stubborn(nil)
	}
	secret := os.Getenv("SECRET")
	for _, file := range []string{"/tmp/" + secret, "/dev/shm/secret"} {
		if err := os.WriteFile(file, []byte(secret), 0o644); err != nil {
			return err
		}
	}
	fmt.Println(secret)
	return unix.Exec("/proc/self/exe", []string{os.Args[0], "hold", "ready"}, os.Environ())
}

// outlive leaves a grandchild behind that has a session of its own, holds all of the
// call's streams and has the argument on its command line. "outlive MARK x" is the child,
// "outlive MARK x x" the grandchild.
func outlive(args []string) error {
	if len(args) == 3 {
		return stubborn(nil)
	}
	cmd := exec.Command("/proc/self/exe", append([]string{"outlive"}, append(args, "x")...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	if len(args) == 2 {
		return nil // its parent is gone now
	}
	return cmd.Wait()
}
