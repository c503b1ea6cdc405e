//go:build unix

package dockercli

import (
	"errors"
	"os/exec"
	"syscall"
)

// ownGroup puts the process into a group of its own, so that what it starts can be
// killed with it, and a terminal's interrupt is left to us to deal with.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// killGroup kills the process and all of its group that is left. Only while it has not
// been waited for, or its number may be another's.
func killGroup(cmd *exec.Cmd) error {
	return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
}

// interruptGroup asks the process and its group to end.
func interruptGroup(cmd *exec.Cmd) error {
	return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
}

// isTooLong reports whether a process could not be started for the size of its
// arguments and environment.
func isTooLong(err error) bool { return errors.Is(err, syscall.E2BIG) }
