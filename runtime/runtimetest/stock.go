package runtimetest

import (
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
)

// stock is what this process holds: what a runtime may not leave behind.
type stock struct {
	goroutines map[string]string // stacks, by id
	files      map[string]string // targets, by descriptor; Linux only
	children   map[string]string // command lines, by pid; Linux only
}

func takeStock() stock {
	return stock{goroutines: goroutines(), files: openFiles(), children: childProcesses()}
}

// since says what there is that was not there before, or "".
func (s stock) since(before stock) string {
	var more []string
	add := func(what string, now, then map[string]string) {
		for key, value := range now {
			if _, ok := then[key]; !ok {
				more = append(more, fmt.Sprintf("%s %s: %s", what, key, value))
			}
		}
	}
	add("goroutine", s.goroutines, before.goroutines)
	// Numbers are used again, so they say nothing; more files than before do.
	if len(s.files) > len(before.files) {
		add("file", s.files, before.files)
	}
	add("process", s.children, before.children)
	if len(more) == 0 {
		return ""
	}
	return "left over:\n" + strings.Join(more, "\n")
}

// goroutines are all but the calling one, and those of the testing package and of
// signals, which nobody here starts.
func goroutines() map[string]string {
	buf := make([]byte, 1<<20)
	for {
		n := goruntime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	all := make(map[string]string)
	for i, stack := range strings.Split(string(buf), "\n\n") {
		id, rest, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
		if i == 0 || strings.Contains(rest, "\ntesting.") || strings.Contains(rest, "os/signal.loop") {
			continue
		}
		all[id] = rest
	}
	return all
}

func openFiles() map[string]string {
	all := make(map[string]string)
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return all
	}
	for _, e := range entries {
		// The descriptor that read the directory is gone by now.
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			all[e.Name()] = target
		}
	}
	return all
}

func childProcesses() map[string]string {
	all := make(map[string]string)
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return all
	}
	me := fmt.Sprint(os.Getpid())
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid ...; the name can hold anything.
		pid, _, _ := strings.Cut(string(data), " ")
		fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
		if len(fields) > 1 && fields[1] == me {
			line, _ := os.ReadFile(filepath.Join("/proc", pid, "cmdline"))
			all[pid] = strings.ReplaceAll(strings.TrimRight(string(line), "\x00"), "\x00", " ")
		}
	}
	return all
}
