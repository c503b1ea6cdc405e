//go:build linux

package main

import (
	"encoding/binary"
	goruntime "runtime"

	"golang.org/x/sys/unix"
)

// mounts is what would change what the container sees.
func mounts() []attempt {
	return []attempt{
		call("mount a tmpfs", func() error { return unix.Mount("none", "/tmp", "tmpfs", 0, "") }),
		call("mount a new proc", func() error { return unix.Mount("none", "/tmp", "proc", 0, "") }),
		call("mount a cgroup tree", func() error { return unix.Mount("none", "/tmp", "cgroup2", 0, "") }),
		call("mount one directory on another", func() error { return unix.Mount("/etc", "/tmp", "", unix.MS_BIND, "") }),
		call("make the root writable", func() error { return unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, "") }),
		call("unmount what hides the kernel's timers", func() error { return unix.Unmount("/proc/timer_list", unix.MNT_DETACH) }),
		call("open a file system", func() error { return fd(unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)) }),
		call("copy a tree of mounts", func() error {
			return fd(unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE|unix.AT_RECURSIVE|unix.OPEN_TREE_CLOEXEC))
		}),
		call("change the root", func() error { return unix.Chroot("/tmp") }),
		call("swap the root", func() error { return unix.PivotRoot("/tmp", "/tmp") }),
		call("open a file by its handle", func() error {
			return fd(unix.OpenByHandleAt(unix.AT_FDCWD, unix.NewFileHandle(1, []byte{2, 0, 0, 0, 0, 0, 0, 0}), unix.O_RDONLY))
		}),
		raw("reach disk quotas", unix.SYS_QUOTACTL, 0x80000100), // Q_SYNC
	}
}

// fd closes what should not have been opened.
func fd(n int, err error) error {
	if err == nil {
		_ = unix.Close(n)
	}
	return err
}

// kernel is what would change the kernel, or reach code of it that has been attacked
// before. Where it is let through, the arguments keep it from doing anything: no module,
// no program, no time, a restart that is not one.
func kernel() []attempt {
	var (
		empty = make([]byte, 128) // more than any of the structures has
		name  = []byte("hostile\x00")
	)
	return []attempt{
		raw("load a module", unix.SYS_INIT_MODULE, empty, 0, empty),
		raw("load a module from a file", unix.SYS_FINIT_MODULE, 0, empty, 0),
		raw("unload a module", unix.SYS_DELETE_MODULE, name, unix.O_NONBLOCK),
		raw("load another kernel", unix.SYS_KEXEC_LOAD, 0, 0, 0, 0),
		raw("restart the machine", unix.SYS_REBOOT, unix.LINUX_REBOOT_MAGIC1, unix.LINUX_REBOOT_MAGIC2, unix.LINUX_REBOOT_CMD_CAD_OFF, 0),
		call("set the clock", func() error { return unix.Settimeofday(nil) }),
		call("set the host's name", func() error { return unix.Sethostname([]byte("hostile")) }),
		call("set the domain's name", func() error { return unix.Setdomainname([]byte("hostile")) }),
		raw("swap to a file", unix.SYS_SWAPON, empty, 0),
		raw("log the accounts of processes", unix.SYS_ACCT, 0),
		call("read the kernel's log", func() error {
			_, err := unix.Klogctl(unix.SYSLOG_ACTION_READ_ALL, make([]byte, 4096))
			return err
		}),
		raw("load a BPF program", unix.SYS_BPF, unix.BPF_PROG_LOAD, empty, len(empty)),
		raw("make a BPF map", unix.SYS_BPF, unix.BPF_MAP_CREATE, empty, len(empty)),
		raw("watch events of the CPU", unix.SYS_PERF_EVENT_OPEN, empty, 0, -1, -1, 0),
		raw("handle faults of memory", unix.SYS_USERFAULTFD, unix.O_CLOEXEC),
		call("set up an io_uring", func() error {
			w := words([]any{1, empty})
			n, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, w[0], w[1], 0)
			goruntime.KeepAlive(empty)
			if errno != 0 {
				return errno
			}
			return unix.Close(int(n))
		}),
		call("watch all files", func() error { return fd(unix.FanotifyInit(unix.FAN_CLASS_NOTIF|unix.FAN_CLOEXEC, 0)) }),
		call("read the session's keyring", func() error {
			_, err := unix.KeyctlInt(unix.KEYCTL_GET_KEYRING_ID, unix.KEY_SPEC_SESSION_KEYRING, 0, 0, 0)
			return err
		}),
		call("add a key", func() error {
			_, err := unix.AddKey("user", "hostile", []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)
			return err
		}),
		call("ask for a key", func() error {
			_, err := unix.RequestKey("user", "hostile", "", unix.KEY_SPEC_PROCESS_KEYRING)
			return err
		}),
		raw("choose the place of memory", unix.SYS_SET_MEMPOLICY, 0, 0, 0),
		raw("hang up the terminal", unix.SYS_VHANGUP),
	}
}

// namespaces is what would give the hook namespaces in which it is somebody.
func namespaces() []attempt {
	var (
		none   = []byte("none\x00")
		root   = []byte("/\x00")
		tmp    = []byte("/tmp\x00")
		tmpfs  = []byte("tmpfs\x00")
		timers = []byte("/proc/timer_list\x00")
	)
	clone3 := make([]byte, 88)
	binary.LittleEndian.PutUint64(clone3, unix.CLONE_NEWUSER)
	binary.LittleEndian.PutUint64(clone3[4*8:], uint64(unix.SIGCHLD))
	return []attempt{
		call("leave the mount namespace", func() error { return unix.Unshare(unix.CLONE_NEWNS) }),
		call("leave the network namespace", func() error { return unix.Unshare(unix.CLONE_NEWNET) }),
		call("leave the PID namespace", func() error { return unix.Unshare(unix.CLONE_NEWPID) }),
		call("a child in a user namespace", func() error { return child(unix.SYS_CLONE, unix.CLONE_NEWUSER|int(unix.SIGCHLD)) }),
		call("a child in a user namespace, by clone3", func() error { return child(unix.SYS_CLONE3, clone3, len(clone3)) }),
		asRoot("mount a tmpfs", unix.SYS_MOUNT, none, tmp, tmpfs, 0, 0),
		asRoot("make the root writable", unix.SYS_MOUNT, none, root, 0, unix.MS_REMOUNT|unix.MS_BIND, 0),
		asRoot("unmount what hides the kernel's timers", unix.SYS_UMOUNT2, timers, unix.MNT_DETACH),
		asRoot("set the host's name", unix.SYS_SETHOSTNAME, none, 1),
		asRoot("load a module", unix.SYS_INIT_MODULE, none, 0, none),
		call("enter a namespace of PID 1", func() error {
			ns, err := unix.Open("/proc/1/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer func() { _ = unix.Close(ns) }()
			return unix.Setns(ns, unix.CLONE_NEWNS)
		}),
		{"enter a namespace of a process of the host", func(t target) (string, string) {
			pid, err := unix.PidfdOpen(t.HostPID, 0)
			if err == nil {
				defer func() { _ = unix.Close(pid) }()
				err = unix.Setns(pid, unix.CLONE_NEWNET)
			}
			return told(err)
		}},
	}
}

// child makes one that ends at once.
func child(number uintptr, args ...any) error {
	w := words(args)
	pid, _, errno := unix.RawSyscall6(number, w[0], w[1], 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		for { // a copy of one thread of a Go program can make calls of the kernel and no more
			unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	goruntime.KeepAlive(args)
	_, err := unix.Wait4(int(pid), nil, 0, nil)
	return err
}

// asRoot makes a call of the kernel in a child that has a user and a mount namespace, and
// all capabilities in them, where the kernel lets it have that.
func asRoot(name string, number uintptr, args ...any) attempt {
	return call(name+" as root of a user namespace", func() error {
		w := words(args)
		pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, unix.CLONE_NEWUSER|unix.CLONE_NEWNS|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		if pid == 0 {
			_, _, errno = unix.RawSyscall6(number, w[0], w[1], w[2], w[3], w[4], 0)
			for { // see child
				unix.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(errno), 0, 0)
			}
		}
		goruntime.KeepAlive(args)
		var status unix.WaitStatus
		if _, err := unix.Wait4(int(pid), &status, 0, nil); err != nil {
			return err
		}
		if status.ExitStatus() != 0 {
			return unix.Errno(status.ExitStatus())
		}
		return nil
	})
}
