//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// processes is what would reach another process: one of the host, or of another call.
func processes() []attempt {
	return []attempt{
		{"see processes of others", strangers},
		{"find another call's secret", findSecret},
		of("kill a process of the host", func(pid int) error { return unix.Kill(pid, 0) }), // 0 asks only whether it could
		of("trace a process of the host", func(pid int) error { return unix.PtraceSeize(pid) }),
		of("read the memory of a process of the host", func(pid int) error {
			local := make([]byte, 8)
			_, err := unix.ProcessVMReadv(pid, []unix.Iovec{{Base: &local[0], Len: 8}}, []unix.RemoteIovec{{Base: 0x400000, Len: 8}}, 0)
			return err
		}),
		of("hold a process of the host", func(pid int) error { return fd(unix.PidfdOpen(pid, 0)) }),
		of("read the environment of a process of the host", func(pid int) error {
			_, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
			return err
		}),
		of("compare with a process of the host", func(pid int) error {
			return syscall(unix.SYS_KCMP, pid, pid, 0, 0, 0)
		}),
		call("get before others for the CPU", func() error { return unix.Setpriority(unix.PRIO_PROCESS, 0, -20) }),
		raw("run as a real-time process", unix.SYS_SCHED_SETSCHEDULER, 0, unix.SCHED_FIFO, []byte{1, 0, 0, 0}),
		raw("get before others for the disk", unix.SYS_IOPRIO_SET, 1, 0, 1<<13), // real-time
		writes("be the last to be killed for memory", "/proc/self/oom_score_adj", "-1000"),
	}
}

func of(name string, try func(pid int) error) attempt {
	return attempt{name, func(t target) (string, string) { return told(try(t.HostPID)) }}
}

// strangers counts the processes that are neither this one nor one that it descends from.
func strangers(target) (string, string) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return told(err)
	}
	family := map[int]bool{}
	for pid := os.Getpid(); pid > 0; pid = parent(pid) {
		family[pid] = true
	}
	var others []string
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err == nil && !family[pid] {
			name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			others = append(others, fmt.Sprintf("%d %.80q", pid, name))
		}
	}
	if len(others) == 0 {
		return "none", fmt.Sprintf("%d of its own", len(family))
	}
	return "others", strings.Join(others, ", ")
}

func parent(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	words := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(words) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(words[1])
	return n
}

// findSecret looks for another call's secret where one could be: in environments and
// command lines, and in all files that a hook could have written.
func findSecret(t target) (string, string) {
	bytesOf := []byte(t.Secret)
	slices.Reverse(bytesOf)
	var looked int
	found := func(file string) bool {
		data, err := os.ReadFile(file)
		looked++
		return err == nil && bytes.Contains(data, bytesOf)
	}
	for _, pattern := range []string{"/proc/[0-9]*/environ", "/proc/[0-9]*/cmdline"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return told(err)
		}
		for _, file := range files {
			if found(file) {
				return "found", file
			}
		}
	}
	where := ""
	errFound := errors.New("found")
	for _, dir := range []string{"/tmp", "/dev/shm", "/dev/mqueue", "/data", "/run", "/var", t.Mounted} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil
			}
			if strings.Contains(path, string(bytesOf)) || found(path) {
				where = path
				return errFound
			}
			return nil
		})
		if err != nil {
			return "found", where
		}
	}
	return "none", fmt.Sprintf("looked at %d files", looked)
}
