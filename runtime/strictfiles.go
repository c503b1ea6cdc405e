package runtime

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// CheckStrictMounts looks on this host at where the sources of bind mounts lead, through
// symlinks, and gives the mounts with the places that it looked at, so that the engine
// mounts just those. The error is a [Weakenings]. Sources must be absolute; endpoint is
// the engine's address, as [Info] has it.
func (i Isolation) CheckStrictMounts(mounts []Mount, endpoint string) ([]Mount, error) {
	s := &strict{allow: i.Allow}
	out := slices.Clone(mounts)
	if !slices.ContainsFunc(mounts, func(m Mount) bool { return m.Type == MountBind }) {
		return out, nil
	}
	endpoints := alsoKnownAs(endpoint)
	var listening []string // sockets of this host's processes
	if !s.allows(allowSockets) {
		listening = boundSockets()
	}
	var writable []string // places on this host where something is mounted
	if !s.allows(allowRWMounts) {
		writable = writableMounts()
	}
	for n, m := range mounts {
		if m.Type != MountBind {
			continue
		}
		field := fmt.Sprintf("mounts[%d]", n)
		real, err := filepath.EvalSymlinks(m.Source)
		if err != nil {
			if errors.Is(err, fs.ErrPermission) {
				s.refuse(allowHostPaths, field, m.Redacted(), "its source leads to where this process may not look")
				continue
			}
			return nil, sourceError(field, m, err)
		}
		out[n].Source = real
		looks := make([]func() (allowance, what string), 0, 5)
		for _, e := range endpoints {
			looks = append(looks, func() (string, string) { return sensitive(real, e) })
		}
		for _, look := range append(looks,
			func() (string, string) { return sensitiveFile(real) },
			func() (string, string) { return socketBelow(real, listening) },
			func() (string, string) { return writableBelow(m, real, writable) },
		) {
			if allowance, what := look(); what != "" && !s.allows(allowance) {
				s.refuse(allowance, field, m.Redacted(), what)
				break
			}
		}
	}
	if len(s.faults) > 0 {
		return nil, s.faults
	}
	return out, nil
}

// alsoKnownAs gives an endpoint, and for a socket where its path leads.
func alsoKnownAs(endpoint string) []string {
	out := []string{endpoint}
	if sock, ok := socketOf(endpoint); ok {
		for _, lead := range []func(string) (string, error){filepath.EvalSymlinks, evalDir} {
			if real, err := lead(sock); err == nil {
				out = append(out, "unix://"+real)
			}
		}
	}
	return out
}

// writableBelow says that a read-only mount of real takes something along that is not.
func writableBelow(m Mount, real string, writable []string) (allowance, what string) {
	i := slices.IndexFunc(writable, func(dir string) bool { return dir != real && within(dir, real) })
	if i < 0 || !m.ReadOnly() {
		return "", ""
	}
	return allowRWMounts, "its source has something mounted at " + writable[i] + ", which many engines leave writable below a read-only mount"
}

// sensitiveFile looks at what a source is and has in it.
func sensitiveFile(real string) (allowance, what string) {
	info, err := os.Stat(real)
	if err != nil {
		return "", "" // it was there just now; the engine says what it thinks of it
	}
	switch mode := info.Mode(); {
	case mode&fs.ModeSocket != 0:
		return allowSockets, "its source is a socket"
	case mode&fs.ModeDevice != 0:
		return allowDevices, "its source is a device"
	case !mode.IsDir():
		return "", ""
	}
	if entries, err := os.ReadDir(real); err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Type()&fs.ModeSocket != 0 }) {
		return allowSockets, "its source has a socket in it"
	}
	for _, credentials := range credentialPaths {
		if _, err := os.Lstat(filepath.Join(real, credentials)); err == nil {
			return allowCredentials, "its source has credentials in it (" + credentials + ")"
		}
	}
	return "", ""
}

// socketBelow says that a process of this host listens on a socket somewhere in real.
func socketBelow(real string, listening []string) (allowance, what string) {
	i := slices.IndexFunc(listening, func(sock string) bool { return within(sock, real) })
	if i < 0 {
		return "", ""
	}
	return allowSockets, "its source has a socket in it (" + listening[i] + ")"
}

// boundSockets are the sockets with a path that processes of this host's have, where Linux
// tells: sockets deep in a source are found without a walk through it.
func boundSockets() []string {
	data, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return nil
	}
	var out []string
	for line := range strings.Lines(string(data)) {
		// Num RefCount Protocol Flags Type St Inode Path
		i := strings.Index(line, " /")
		if i < 0 {
			continue // one without a path, or in the abstract
		}
		sock := strings.TrimSuffix(line[i+1:], "\n")
		dir := path.Dir(sock)
		real, known := socketDirs.Load(dir)
		if !known {
			if real, err = filepath.EvalSymlinks(dir); err != nil {
				real = dir
			}
			socketDirs.Store(dir, real)
		}
		out = append(out, path.Join(real.(string), path.Base(sock)))
	}
	return out
}

// socketDirs are where directories with sockets in them lead, which hardly ever changes: to
// look again at each call would take as long as the call.
var socketDirs sync.Map

// evalDir is EvalSymlinks for what need not be there, in a directory that is.
func evalDir(file string) (string, error) {
	dir, err := filepath.EvalSymlinks(path.Dir(file))
	return path.Join(dir, path.Base(file)), err
}

// checkTargets refuses targets and a working directory below a mount from this host that
// are not there: some engines make them, on the host, even when the mount is read-only.
// image is where the command's working directory is from when spec has none; it may be nil.
func (i Isolation) checkTargets(spec Spec, image *Image) error {
	s := &strict{allow: i.Allow}
	type target struct{ field, path string }
	var targets []target
	for n, m := range spec.Mounts {
		targets = append(targets, target{fmt.Sprintf("mounts[%d]", n), m.Target})
	}
	for _, t := range spec.Tmpfs {
		targets = append(targets, target{"tmpfs", t.Target})
	}
	switch {
	case spec.Dir != "":
		targets = append(targets, target{"workdir", spec.Dir})
	case image != nil && image.WorkingDir != "":
		targets = append(targets, target{"the image's workdir", image.WorkingDir})
	}
	for _, t := range targets {
		p := path.Clean(t.path)
		m := innermost(spec, p)
		if m == nil || m.Type != MountBind || hasBelow(m.Source, strings.TrimPrefix(p, path.Clean(m.Target)+"/")) {
			continue
		}
		s.refuse(allowRWMounts, t.field, t.path, "is not there in "+m.Source+", where engines may make it, on the host")
	}
	if len(s.faults) > 0 {
		return s.faults
	}
	return nil
}

// innermost is the mount that a path lies in, below its target; nil: none, or a tmpfs.
func innermost(spec Spec, p string) (m *Mount) {
	deepest := 0
	for i := range spec.Mounts {
		if t := path.Clean(spec.Mounts[i].Target); t != p && within(p, t) && len(t) > deepest {
			m, deepest = &spec.Mounts[i], len(t)
		}
	}
	for _, tmpfs := range spec.Tmpfs {
		if t := path.Clean(tmpfs.Target); t != p && within(p, t) && len(t) > deepest {
			m, deepest = nil, len(t)
		}
	}
	return m
}

// hasBelow reports whether something is there in a directory, without symlinks that lead
// out of it: in the container they would lead elsewhere.
func hasBelow(dir, name string) bool {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false
	}
	defer root.Close()
	_, err = root.Stat(name)
	return err == nil
}

// checkEnvFiles looks where files of variables lead.
func (i Isolation) checkEnvFiles(files []string) error {
	s := &strict{allow: i.Allow}
	for _, file := range files {
		if real, err := filepath.EvalSymlinks(file); err == nil {
			s.envFile(real)
		} // else reading it says why
	}
	if len(s.faults) > 0 {
		return s.faults
	}
	return nil
}

func (s *strict) envFile(file string) {
	if abs, err := filepath.Abs(file); err == nil {
		file = abs
	}
	if allowance, _ := sensitiveHome(path.Clean(filepath.ToSlash(file))); allowance != "" {
		s.refuse(allowance, "env-file", file, "is where credentials are kept")
	}
}
