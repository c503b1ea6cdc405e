package runtimetest

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// files are those of one container that are no bind mount. The zero value is ready.
type files struct {
	mu   sync.Mutex
	data map[string][]byte
}

// ReadFile reads a file of the container. Bind mounts hold what the host has there;
// all else is empty at first, and gone with the container.
func (p *Process) ReadFile(name string) ([]byte, error) {
	name = p.abs(name)
	if host, _, ok := p.host(name); ok {
		return os.ReadFile(host)
	}
	p.files.mu.Lock()
	defer p.files.mu.Unlock()
	data, ok := p.files.data[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return data, nil
}

// WriteFile makes or replaces a file of the container; see [Process.ReadFile]. It
// fails where the container can't write: a read-only mount or root filesystem.
func (p *Process) WriteFile(name string, data []byte) error {
	name = p.abs(name)
	host, readOnly, ok := p.host(name)
	switch {
	case readOnly, !ok && p.Spec.ReadOnly && !p.writable(name):
		return &fs.PathError{Op: "open", Path: name, Err: errReadOnly}
	case ok:
		return os.WriteFile(host, data, 0o644)
	}
	p.files.mu.Lock()
	defer p.files.mu.Unlock()
	if p.files.data == nil {
		p.files.data = make(map[string][]byte)
	}
	p.files.data[name] = data
	return nil
}

func (p *Process) abs(name string) string {
	if !path.IsAbs(name) {
		name = path.Join(p.Dir, name)
	}
	return path.Clean(name)
}

// host finds the bind mount that name is in, if any: that with the longest target.
func (p *Process) host(name string) (file string, readOnly, ok bool) {
	best := -1
	for _, m := range p.Spec.Mounts {
		rest, in := within(name, m.Target)
		if !in || len(m.Target) <= best {
			continue
		}
		best = len(m.Target)
		ok = m.Type == runtime.MountBind
		file, readOnly = filepath.Join(m.Source, filepath.FromSlash(rest)), m.ReadOnly()
	}
	return file, readOnly, ok
}

// writable tells whether name is in a mount or tmpfs, on a read-only root filesystem.
func (p *Process) writable(name string) bool {
	for _, m := range p.Spec.Mounts {
		if _, in := within(name, m.Target); in {
			return true
		}
	}
	for _, t := range p.Spec.Tmpfs {
		if _, in := within(name, t.Target); in {
			return true
		}
	}
	return false
}

// within gives the part of name below dir.
func within(name, dir string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(name, path.Clean(dir))
	return rest, ok && (rest == "" || strings.HasPrefix(rest, "/"))
}
