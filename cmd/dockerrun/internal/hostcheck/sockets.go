package hostcheck

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Kinds of engines by what they speak.
const (
	Docker = "docker"
	Podman = "podman"
)

// Socket is where a product's engine listens.
type Socket struct {
	Kind, Product, Path string
	context             string // of docker's, that means it
}

// sockets are where products put theirs: below the home directory unless absolute.
// $NAME at the beginning is a variable's value.
var sockets = []Socket{
	{Docker, "Docker", "/var/run/docker.sock", "default"},
	{Docker, "rootless Docker", "$XDG_RUNTIME_DIR/docker.sock", "rootless"},
	{Docker, "Docker Desktop", ".docker/run/docker.sock", "desktop-linux"},
	{Docker, "Docker Desktop", ".docker/desktop/docker.sock", "desktop-linux"},
	{Docker, "Colima", ".colima/default/docker.sock", "colima"},
	{Docker, "Colima", ".config/colima/default/docker.sock", "colima"},
	{Docker, "Rancher Desktop", ".rd/docker.sock", "rancher-desktop"},
	{Docker, "OrbStack", ".orbstack/run/docker.sock", "orbstack"},
	{Docker, "Lima", ".lima/docker/sock/docker.sock", "lima-docker"},
	{Podman, "Podman", "$XDG_RUNTIME_DIR/podman/podman.sock", ""},
	{Podman, "rootful Podman", "/run/podman/podman.sock", ""},
	{Podman, "podman machine", "$TMPDIR/podman/podman-machine-default-api.sock", ""},
	{Podman, "podman machine", ".local/share/containers/podman/machine/podman.sock", ""},
	{Podman, "podman machine", ".local/share/containers/podman/machine/qemu/podman.sock", ""},
	{Podman, "podman machine", ".local/share/containers/podman/machine/podman-machine-default/podman.sock", ""},
	{Podman, "Podman Desktop", ".local/share/containers/podman/machine/applehv/podman.sock", ""},
}

// Sockets are the known ones of a kind that this machine has and the user may use.
func (h Host) Sockets(kind string) []Socket {
	var found []Socket
	for _, s := range sockets {
		path, ok := h.expand(s.Path)
		if !ok || s.Kind != kind {
			continue
		}
		info, err := os.Stat(h.file(path))
		if err != nil || info.Mode().Type() != fs.ModeSocket || !h.mayUse(info) {
			continue
		}
		s.Path = path
		found = append(found, s)
	}
	return found
}

func (h Host) expand(path string) (string, bool) {
	if rest, ok := strings.CutPrefix(path, "$"); ok {
		name, rest, _ := strings.Cut(rest, "/")
		dir := h.Getenv(name)
		return filepath.Join(dir, rest), dir != ""
	}
	if filepath.IsAbs(path) {
		return path, true
	}
	return filepath.Join(h.Home, path), h.Home != ""
}

// Others says which engines of a kind listen elsewhere than at the address that was tried.
func (h Host) Others(kind, tried string) []Finding {
	var found []Finding
	for _, s := range h.Sockets(kind) {
		if sameFile(h.file(s.Path), h.file(strings.TrimPrefix(tried, "unix://"))) {
			continue
		}
		do := "use --host=unix://" + s.Path + ", which is the key host of a sandbox"
		if s.context != "" {
			do += ", or docker context use " + s.context
		} else {
			do += ", or set CONTAINER_HOST to it"
		}
		found = append(found, Finding{Note, fmt.Sprintf("%s has a socket at %s", s.Product, s.Path), do})
	}
	return found
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
