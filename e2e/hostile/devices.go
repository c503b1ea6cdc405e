//go:build linux

package main

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// devices is what would reach hardware, or the engine.
func devices() []attempt {
	attempts := []attempt{
		{"see a device", strangeDevices},
		call("make the node of a disk", func() error { return unix.Mknod("/tmp/disk", unix.S_IFBLK|0o600, int(unix.Mkdev(8, 0))) }),
		call("make the node of memory", func() error { return unix.Mknod("/tmp/mem", unix.S_IFCHR|0o600, int(unix.Mkdev(1, 1))) }),
		call("open the terminal", func() error { return fd(unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC, 0)) }),
	}
	for _, path := range []string{
		"/dev/mem", "/dev/kmsg", "/dev/kvm", "/dev/sda", "/dev/vda", "/dev/fuse", "/dev/net/tun", "/dev/loop-control", "/dev/vsock", "/dev/vhost-net",
		"/var/run/docker.sock", "/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock",
	} {
		attempts = append(attempts, call("open "+path, func() error {
			if strings.HasSuffix(path, ".sock") {
				return dial(path)
			}
			return fd(unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0))
		}))
	}
	return attempts
}

func dial(path string) error {
	n, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(n) }()
	return unix.Connect(n, &unix.SockaddrUnix{Name: path})
}

// strangeDevices names the device nodes besides those that every container has.
func strangeDevices(target) (string, string) {
	usual := []string{"console", "full", "null", "ptmx", "random", "tty", "urandom", "zero"}
	strange := map[string]bool{}
	err := filepath.WalkDir("/dev", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type()&fs.ModeDevice != 0 && !strings.HasPrefix(path, "/dev/pts/") && !slices.Contains(usual, d.Name()) {
			strange[path] = true
		}
		return nil
	})
	if err != nil {
		return told(err)
	}
	return joined(strange), ""
}
