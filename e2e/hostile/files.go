//go:build linux

package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// files is what would change something that outlives the call, or show what is not the
// hook's to see. What is written is what nobody minds, should it get through.
func files() []attempt {
	attempts := []attempt{
		makes("make a file in the root", "/hostile"),
		makes("make a file in /etc", "/etc/hostile"),
		makes("make a file in /bin", "/bin/hostile"),
		makes("make a file in a directory of the image that all may write to", "/data/hostile"),
		makes("make a file in /var/tmp", "/var/tmp/hostile"),
		makes("make a file in /run", "/run/hostile"),
		makes("make a file in /dev", "/dev/hostile"),
		makes("make a file in /sys", "/sys/hostile"),
		makes("make a file in /proc", "/proc/hostile"),
		call("run a program of the host when a cgroup is empty", releaseAgent),
		call("make a cgroup", func() error { return unix.Mkdir("/sys/fs/cgroup/hostile", 0o755) }),
		call("change the program", func() error { return fd(unix.Open("/probe", unix.O_WRONLY|unix.O_CLOEXEC, 0)) }),
		call("change who may log in", func() error { return fd(unix.Open("/etc/passwd", unix.O_WRONLY|unix.O_CLOEXEC, 0)) }),
		call("change what names mean", func() error { return fd(unix.Open("/etc/hosts", unix.O_WRONLY|unix.O_CLOEXEC, 0)) }),
		reads("read the kernel's memory", "/proc/kcore"),
		reads("read the kernel's keys", "/proc/keys"),
		reads("read the kernel's timers", "/proc/timer_list"),
		reads("read the firmware's tables", "/sys/firmware/acpi/tables/DSDT"),
		reads("read root's directory", "/root"),
		{"read a file of the host", func(t target) (string, string) { return read(t.HostFile) }},
		{"read a file of the host through PID 1", func(t target) (string, string) { return read("/proc/1/root" + t.HostFile) }},
		{"read a file of the host by going up", func(t target) (string, string) {
			return read(t.Mounted + strings.Repeat("/..", 20) + t.HostFile)
		}},
		{"read a file of the host through a mounted symlink", func(t target) (string, string) { return read(t.Symlink) }},
		{"write into a mount", func(t target) (string, string) { return create(filepath.Join(t.Mounted, "hostile")) }},
		{"what can be written to", writable},
	}
	for _, file := range []struct{ what, path, value string }{
		{"run a program of the host at a crash", "/proc/sys/kernel/core_pattern", "|/hostile"},
		{"run a program of the host at a hot plug", "/sys/kernel/uevent_helper", "/hostile"},
		{"run a program of the host for a module", "/proc/sys/kernel/modprobe", "/hostile"},
		{"press SysRq", "/proc/sysrq-trigger", "h"}, // help
		{"change a setting of memory", "/proc/sys/vm/overcommit_memory", "0"},
		{"change a setting of the network", "/proc/sys/net/ipv4/ip_forward", "1"},
		{"change the host's name by file", "/proc/sys/kernel/hostname", "hostile"},
		{"change which users there are", "/proc/self/uid_map", "0 0 4294967295"},
	} {
		attempts = append(attempts, writes(file.what, file.path, file.value))
	}
	return attempts
}

// releaseAgent names a program in each cgroup tree that there is.
func releaseAgent() error {
	var refused error = unix.ENOENT // where there is none
	for _, pattern := range []string{"/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/*/release_agent"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, file := range files {
			if refused = write(file, "/hostile"); refused == nil {
				return nil
			}
		}
	}
	return refused
}

func makes(name, path string) attempt {
	return attempt{name, func(target) (string, string) { return create(path) }}
}

func create(path string) (string, string) {
	n, err := unix.Open(path, unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err == nil {
		_ = unix.Close(n)
		err = unix.Unlink(path)
	}
	return told(err)
}

func writes(name, path, value string) attempt {
	return call(name, func() error { return write(path, value) })
}

// write opens without O_CREAT: what there is none of stays so.
func write(path, value string) error {
	n, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(n) }()
	_, err = unix.Write(n, []byte(value))
	return err
}

func reads(name, path string) attempt {
	return attempt{name, func(target) (string, string) { return read(path) }}
}

// read tells "nothing" of a file, or a directory, that is there and empty.
func read(path string) (string, string) {
	n, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return told(err)
	}
	defer func() { _ = unix.Close(n) }()
	buf := make([]byte, 64)
	size, err := unix.Read(n, buf)
	if err == unix.EISDIR {
		names, err := os.ReadDir(path)
		if err == nil && len(names) == 0 {
			return "nothing", ""
		}
		return told(err)
	}
	if err != nil {
		return told(err)
	}
	if size == 0 {
		return "nothing", ""
	}
	return "ok", fmt.Sprintf("%q", buf[:size])
}

// writable tells the mounts that a file can be made in, with their types.
func writable(target) (string, string) {
	found, mounts, err := writableMounts()
	if err != nil {
		return told(err)
	}
	return joined(found), mounts
}

func writableMounts() (found map[string]bool, mounts string, err error) {
	data, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, "", err
	}
	found = map[string]bool{}
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line) // source, place, type, ...
		if len(words) > 2 && words[2] != "proc" && unix.Access(words[1], unix.W_OK) == nil {
			if stat, err := os.Stat(words[1]); err == nil && stat.IsDir() {
				found[words[1]+":"+words[2]] = true
			}
		}
	}
	return found, string(data), nil
}

func joined(set map[string]bool) string {
	if len(set) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(set)), " ")
}
