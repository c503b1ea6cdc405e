// Package hostcheck looks at this machine for what keeps its container engines from being
// used, and says what to do about it. It contacts no engine and changes nothing.
package hostcheck

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	goruntime "runtime"
)

// Levels of a [Finding].
const (
	Error   = "error"   // keeps calls from working
	Warning = "warning" // keeps some from working, or makes them less than they could be
	Note    = "note"    // good to know
)

// Finding is one thing that was found out, and what to do.
type Finding struct {
	Level   string `json:"level"`
	Message string `json:"message"`
	Do      string `json:"do,omitempty"`
}

// Host is a machine, as one of its users sees it.
type Host struct {
	OS     string // as Go spells it
	Root   string // where its files are; empty: /
	Home   string
	User   string
	UID    int   // -1 where there are none
	Groups []int // that the process has

	Getenv   func(string) string
	LookPath func(string) (string, error)
}

// This is the machine and user that the process is on.
func This() Host {
	h := Host{OS: goruntime.GOOS, UID: os.Getuid(), Getenv: os.Getenv, LookPath: exec.LookPath}
	h.Home, _ = os.UserHomeDir() // empty: there is nothing to look at below it
	if u, err := user.Current(); err == nil {
		h.User = u.Username
	}
	if groups, err := os.Getgroups(); err == nil {
		h.Groups = append(groups, os.Getgid())
	}
	return h
}

// file is where a path of the machine is.
func (h Host) file(path string) string { return filepath.Join(h.Root, path) }

func (h Host) has(command string) bool {
	_, err := h.LookPath(command)
	return err == nil
}
