//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// SUID is a copy of this program that the image has for root, with the bit set that makes
// who runs it root.
const SUID = "/suid"

// privileges is what would make the hook somebody else.
func privileges() []attempt {
	attempts := []attempt{
		call("become root", func() error { return unix.Setresuid(0, 0, 0) }),
		call("become a member of root's group", func() error { return unix.Setresgid(0, 0, 0) }),
		call("join other groups", func() error { return unix.Setgroups([]int{0, 6}) }), // 6 is disk
		call("take a capability", func() error {
			header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			data := [2]unix.CapUserData{}
			data[0].Effective, data[0].Permitted = 1<<unix.CAP_SYS_ADMIN, 1<<unix.CAP_SYS_ADMIN
			return unix.Capset(&header, &data[0])
		}),
		call("inherit a capability", func() error {
			return unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_SYS_ADMIN, 0, 0)
		}),
		call("have new privileges again", func() error { return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) }),
		call("switch the filter of system calls off", func() error { return unix.Prctl(unix.PR_SET_SECCOMP, 0, 0, 0, 0) }),
		raw("have another personality", unix.SYS_PERSONALITY, 0x0040000), // ADDR_NO_RANDOMIZE
		call("raise the limit of open files", func() error {
			var limit unix.Rlimit
			if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
				return err
			}
			limit.Max++
			limit.Cur = limit.Max
			return unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
		}),
		{"run a program that makes one root", func(target) (string, string) { return output(SUID, "suid") }},
		call("give a file to root", func() error {
			if err := os.WriteFile("/tmp/mine", nil, 0o600); err != nil {
				return err
			}
			return errors.Join(unix.Chown("/tmp/mine", 0, 0), os.Remove("/tmp/mine"))
		}),
		{"run a program from /tmp", runFromTmp},
	}
	for _, field := range []string{"Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"} {
		attempts = append(attempts, attempt{"status " + field, func(target) (string, string) { return status(field) }})
	}
	return attempts
}

// status is what the kernel says of this process.
func status(field string) (string, string) {
	data, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return told(err)
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.Join(strings.Fields(value), " "), ""
		}
	}
	return "not told", ""
}

// suid is what the copy for root does: it says who it is.
func suid([]string) error {
	_, err := fmt.Printf("uid %d", unix.Geteuid())
	return err
}

func output(path string, args ...string) (string, string) {
	out, err := exec.Command(path, args...).Output()
	if err != nil {
		return told(err)
	}
	return string(out), ""
}

func runFromTmp(target) (string, string) {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return told(err)
	}
	const file = "/tmp/own"
	if err := os.WriteFile(file, self, 0o755); err != nil {
		return told(err)
	}
	defer func() { _ = os.Remove(file) }()
	return output(file, "suid")
}
