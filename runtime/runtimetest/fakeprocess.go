package runtimetest

import (
	"io"
	goruntime "runtime"
	"strings"
	"sync"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Process is what a [Program] of a [Fake] runs in.
type Process struct {
	Args []string // the command line, entrypoint first
	Env  []string // all of it, KEY=value
	Dir  string   // working directory
	User string   // as the spec or the image has it; "root" without one
	Spec runtime.Spec

	// Stdin ends where the caller's does. Closing it, or returning without having
	// read it, is no error for anybody.
	Stdin io.ReadCloser
	// Stdout and Stderr fail when closed, and when the process has been killed.
	Stdout, Stderr io.WriteCloser

	files files
	made  time.Time

	once   sync.Once
	dead   chan struct{} // closed when status holds
	status runtime.Status
	killed bool // by itself; the program may still be on its way out
}

func newProcess(spec runtime.Spec) *Process {
	return &Process{Spec: spec, made: time.Now(), dead: make(chan struct{})}
}

// Getenv is the value of an environment variable, or "".
func (p *Process) Getenv(name string) string {
	for _, entry := range p.Env {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// Kill ends the process with a signal, by number, and the calling goroutine with it.
func (p *Process) Kill(signal int) {
	p.die(runtime.Status{Code: 128 + signal})
}

// OOM ends the process as the kernel does when it takes too much memory, and the
// calling goroutine with it.
func (p *Process) OOM() {
	p.die(runtime.Status{Code: 128 + 9, OOMKilled: true})
}

func (p *Process) die(s runtime.Status) {
	p.once.Do(func() {
		p.status, p.killed = s, true
		close(p.dead)
	})
	goruntime.Goexit()
}

func (p *Process) exit(s runtime.Status) {
	p.once.Do(func() {
		p.status = s
		close(p.dead)
	})
}
