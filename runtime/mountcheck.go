package runtime

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// engineSockets are the control sockets whose mount hands the engine, and with it
// mostly the host, to the container.
var engineSockets = []string{
	"/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock", "/run/crio/crio.sock",
}

// CheckMounts looks at the sources of bind mounts on this host, through symlinks. A
// source that does not exist is an error of kind [ErrInvalidSpec], and nothing is
// made in its place. What can be meant but is dangerous (an engine's control socket,
// the whole host) comes back as warnings. Sources must be absolute; see
// [Spec.AbsMounts]. Don't call it for an engine that sees another filesystem.
func CheckMounts(mounts []Mount) (warnings []string, err error) {
	for i, m := range mounts {
		if m.Type != MountBind {
			continue
		}
		real, err := filepath.EvalSymlinks(m.Source)
		switch {
		case err == nil:
		case errors.Is(err, fs.ErrPermission):
			continue // the engine may see what this process may not
		default:
			return nil, sourceError(fmt.Sprintf("mounts[%d]", i), m, err)
		}
		if w := dangerous(real); w != "" {
			warnings = append(warnings, fmt.Sprintf("mount %q: %s", m.Redacted(), w))
		}
	}
	return warnings, nil
}

// sourceError says why a source can't be found.
func sourceError(field string, m Mount, err error) *Error {
	if errors.Is(err, fs.ErrNotExist) {
		return invalid(field, m.Redacted(), missingSource(m.Source))
	}
	return invalid(field, m.Redacted(), "its source can't be used: "+err.Error())
}

// missingSource says how far the path does exist, as that is where the typo is.
func missingSource(source string) string {
	dir := filepath.Dir(source)
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	return fmt.Sprintf("its source %s does not exist on this host (%s does)", source, dir)
}

func dangerous(real string) string {
	if real == filepath.Dir(real) {
		return "gives the container the whole host filesystem"
	}
	sockets := slices.Clone(engineSockets)
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		sockets = append(sockets, filepath.Join(dir, "docker.sock"), filepath.Join(dir, "podman", "podman.sock"))
	}
	for _, sock := range sockets {
		if real == sock || strings.HasPrefix(sock, real+"/") || sock == strings.TrimPrefix(real, "/var") {
			return "gives the container control of the container engine (" + sock + ")"
		}
	}
	switch filepath.Base(real) {
	case "docker.sock", "podman.sock", "containerd.sock", "crio.sock":
		return "gives the container control of the container engine"
	}
	return ""
}
