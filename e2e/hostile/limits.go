//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// limits is what would take more than a call's share, where the call survives it. What
// they take they give back.
func limits() []attempt {
	return []attempt{
		{"open files without end", openFiles},
		{"fill what can be written to", fillAll},
	}
}

// openFiles goes no further than a machine without a limit minds.
func openFiles(target) (string, string) {
	const most = 200_000
	var open []int
	defer func() {
		for _, n := range open {
			_ = unix.Close(n)
		}
	}()
	for len(open) < most {
		n, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			outcome, _ := told(err)
			return outcome, fmt.Sprint(len(open))
		}
		open = append(open, n)
	}
	return "ok", fmt.Sprint(len(open))
}

// fillAll names the places that take more than mostFill. Its detail is what the others took.
func fillAll(target) (string, string) {
	places, _, err := writableMounts()
	if err != nil {
		return told(err)
	}
	endless := map[string]bool{}
	var took []string
	for place := range places {
		path, _, _ := strings.Cut(place, ":")
		outcome, size := fill(filepath.Join(path, "fill"))
		if outcome == "ok" {
			endless[path] = true
		}
		took = append(took, fmt.Sprintf("%s %s %d", path, outcome, size))
	}
	slices.Sort(took)
	return joined(endless), strings.Join(took, ", ")
}

// mostFill is more than a place in memory should have, and less than harms a machine.
const mostFill = 256 << 20

// fill writes as much as a directory takes, and takes it away again.
func fill(path string) (outcome string, size int) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		outcome, _ = told(err)
		return outcome, 0
	}
	defer func() { _, _ = f.Close(), os.Remove(path) }()
	chunk := make([]byte, 1<<20)
	for size < mostFill {
		n, err := f.Write(chunk)
		size += n
		if err != nil {
			outcome, _ = told(err)
			return outcome, size
		}
	}
	return "ok", size
}
