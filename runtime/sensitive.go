package runtime

import (
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
	"/run/secrets", "/run/credentials", "/var/run/secrets", "/var/run/credentials", "/var/backups", "/var/spool/cron",
	"/Windows", "/ProgramData", "/Program Files",
}

// homes are where home directories are; those of root and of this process besides.
var homes = []string{"/home", "/Users", "/var/home"}

// credentialPaths are where credentials are kept, below a home directory.
var credentialPaths = []string{
	".ssh", ".aws", ".azure", ".kube", ".gnupg", ".password-store", ".docker/config.json", ".config/gcloud", ".config/gh", ".config/op",
	".config/rclone", ".config/containers/auth.json", ".local/share/keyrings", ".local/share/containers", ".local/share/docker", ".netrc", ".git-credentials", ".vault-token",
	".terraform.d/credentials.tfrc.json", ".cargo/credentials", ".cargo/credentials.toml", ".oci", ".pgpass", ".pypirc",
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
	if sock, ok := socketOf(endpoint); ok {
		out = append(out, path.Clean(sock))
	}
	return out
}

// socketOf is the path of an endpoint that is a socket. Podman takes the scheme in any case.
func socketOf(endpoint string) (string, bool) {
	scheme, sock, ok := strings.Cut(endpoint, "://")
	return sock, ok && strings.EqualFold(scheme, "unix")
}
