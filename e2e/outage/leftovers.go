package outage

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// dirPrefix begins the names of engines' directories; the test process follows.
const dirPrefix = "dockerrun-own-"

// EndStale ends the engines of test processes that were killed, which had no time to.
func EndStale() error {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*"))
	errs := []error{err}
	for _, dir := range dirs {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), dirPrefix), "-")
		if n, err := strconv.Atoi(pid); err != nil || !errors.Is(syscall.Kill(n, 0), syscall.ESRCH) {
			continue
		}
		killAll(dir)
		errs = append(errs, unmountAll(dir), os.RemoveAll(dir))
	}
	return errors.Join(errs...)
}

// killAll ends the processes of an engine that lived in the directory: its monitors and
// shims, and the one that holds a rootless engine's namespaces.
func killAll(dir string) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		pids := processesOf(dir)
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // gone meanwhile, if that fails
		}
	}
}

// processesOf are those whose arguments or environment name the directory. One that has
// ended and was not waited for has neither any more.
func processesOf(dir string) []int {
	var pids []int
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		args, _ := os.ReadFile(filepath.Join(process, "cmdline")) // gone meanwhile, if that fails
		env, _ := os.ReadFile(filepath.Join(process, "environ"))
		if !bytes.Contains(args, []byte(dir+"/")) && !bytes.Contains(env, []byte(dir+"/")) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(process)); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// unmountAll takes away what is mounted in the directory, the last mount first.
func unmountAll(dir string) error {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var errs []error
	for _, line := range slices.Backward(strings.Split(string(data), "\n")) {
		fields := strings.Fields(line)
		if len(fields) < 5 || !strings.HasPrefix(fields[4], dir+"/") {
			continue
		}
		if err := syscall.Unmount(fields[4], syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOENT) {
			errs = append(errs, fmt.Errorf("unmounting %s: %w", fields[4], err))
		}
	}
	return errors.Join(errs...)
}

// isStopped reports whether no thread of a process group can run. One in D is on its way
// there, or in a vfork whose child was stopped before its exec.
func isStopped(group int) bool {
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		if _, pgrp := stateOf(process); pgrp != group {
			continue
		}
		threads, _ := filepath.Glob(filepath.Join(process, "task/[0-9]*"))
		for _, thread := range threads {
			if state, _ := stateOf(thread); !strings.Contains("TZXD", state) {
				return false
			}
		}
	}
	return true
}

// stateOf is the state of a process or thread, a letter, and its process group; of one
// that is gone, nothing.
func stateOf(dir string) (state string, group int) {
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return "", 0
	}
	// pid (name, which may have spaces and brackets) state ppid pgrp ...
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	group, _ = strconv.Atoi(fields[2])
	return fields[0], group
}
