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
)

// hostPaths are directories that, with all in them, are the host's own business.
var hostPaths = []string{
	"/etc", "/proc", "/sys", "/dev", "/boot",
	"/var/lib/docker", "/var/lib/containers", "/var/lib/containerd", "/var/lib/kubelet", "/run/containers", "/run/docker",
	"/run/user", "/run/dbus", "/run/systemd", "/run/k3s", "/var/run/user", "/var/run/dbus", "/var/run/systemd", "/var/run/k3s",
	"/Windows", "/ProgramData", "/Program Files",
}

// homes are where home directories are; those of root and of this process besides.
var homes = []string{"/home", "/Users", "/var/home"}

// credentialPaths are where credentials are kept, below a home directory.
var credentialPaths = []string{
	".ssh", ".aws", ".azure", ".kube", ".gnupg", ".password-store", ".docker/config.json", ".config/gcloud", ".config/gh", ".config/op",
	".config/rclone", ".config/containers/auth.json", ".local/share/keyrings", ".local/share/containers", ".netrc", ".git-credentials", ".vault-token",
	".terraform.d/credentials.tfrc.json", ".cargo/credentials.toml", ".oci",
}

// sensitive says what is wrong with a source for a mount, by its path alone, and which
// allowance is for it. endpoint is the engine's address.
func sensitive(source, endpoint string) (allowance, what string) {
	p := path.Clean(filepath.ToSlash(source))
	if driveRE.MatchString(source) { // C:\Users\me is judged as /Users/me
		p = path.Clean(strings.ReplaceAll(source[2:], `\`, "/"))
	}
	if rest, ok := strings.CutPrefix(p, "/private/"); ok { // where macOS has /etc and /var
		p = "/" + rest
	}
	if !path.IsAbs(p) {
		return "", "" // looked at when it is absolute
	}
	if p == "/" {
		return allowHostPaths, "its source is the whole host filesystem"
	}
	for _, sock := range sockets(endpoint) {
		if within(sock, p) {
			return allowSockets, "its source gives control of the container engine (" + sock + ")"
		}
	}
	for _, dir := range hostPaths {
		if within(p, dir) || within(dir, p) {
			return allowHostPaths, "its source is, is in, or has in it " + dir + " of the host"
		}
	}
	return sensitiveHome(p)
}

func sensitiveHome(p string) (allowance, what string) {
	home := isHome(p)
	for _, dir := range homes {
		home = home || within(dir, p)
	}
	if home {
		return allowCredentials, "its source is a home directory, or has some in it"
	}
	for _, credentials := range credentialPaths {
		if strings.Contains(p+"/", "/"+credentials+"/") {
			return allowCredentials, "its source is where credentials are kept (" + credentials + ")"
		}
		// The directories in a home that lead there.
		for dir := path.Dir(credentials); dir != "."; dir = path.Dir(dir) {
			if rest, ok := strings.CutSuffix(p, "/"+dir); ok && isHome(rest) {
				return allowCredentials, "its source is where credentials are kept (" + credentials + ")"
			}
		}
	}
	return "", ""
}

func isHome(p string) bool {
	own, _ := os.UserHomeDir()
	return p == "/root" || own != "" && p == path.Clean(filepath.ToSlash(own)) && p != "/" || slices.Contains(homes, path.Dir(p))
}

// within reports whether p is dir or in it. Both are clean.
func within(p, dir string) bool {
	return p == dir || strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/")
}

// sockets are the control sockets of engines, under the names that they have.
func sockets(endpoint string) []string {
	var out []string
	for _, sock := range engineSockets {
		out = append(out, sock, "/var"+sock)
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		out = append(out, path.Join(dir, "docker.sock"), path.Join(dir, "podman", "podman.sock"))
	}
	if sock, ok := strings.CutPrefix(endpoint, "unix://"); ok {
		out = append(out, path.Clean(sock))
	}
	return out
}

// CheckStrictMounts looks on this host at where the sources of bind mounts lead, through
// symlinks, and gives the mounts with the places that it looked at, so that the engine
// mounts just those. The error is a [Weakenings]. Sources must be absolute; endpoint is
// the engine's address, as [Info] has it.
func (i Isolation) CheckStrictMounts(mounts []Mount, endpoint string) ([]Mount, error) {
	s := &strict{allow: i.Allow}
	out := slices.Clone(mounts)
	var writable []string // places on this host where something is mounted
	if !s.allows(allowRWMounts) && slices.ContainsFunc(mounts, func(m Mount) bool { return m.Type == MountBind }) {
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
				s.refuse(allowHostPaths, field, m.String(), "its source leads to where this process may not look")
				continue
			}
			return nil, sourceError(field, m, err)
		}
		out[n].Source = real
		for _, look := range []func() (allowance, what string){
			func() (string, string) { return sensitive(real, endpoint) },
			func() (string, string) { return sensitiveFile(real) },
			func() (string, string) { return writableBelow(m, real, writable) },
		} {
			if allowance, what := look(); what != "" && !s.allows(allowance) {
				s.refuse(allowance, field, m.String(), what)
				break
			}
		}
	}
	if len(s.faults) > 0 {
		return nil, s.faults
	}
	return out, nil
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
