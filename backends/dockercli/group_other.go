//go:build !unix

package dockercli

import "os/exec"

// There are no process groups here. The helpers of a command line end by themselves
// when the pipes to it break.

func ownGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }

func interruptGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }

// isTooLong is for the kernel to say, and here it does not say it apart.
func isTooLong(error) bool { return false }
