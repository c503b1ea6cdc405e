package podman

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// rootfulSocket is where systemd's podman.socket listens for root.
const rootfulSocket = "/run/podman/podman.sock"

// startHint says how a service comes to life.
const startHint = "start it with `systemctl --user start podman.socket` (as root: `systemctl start podman.socket`) or `podman system service --time=0`"

// findHost gives the service's address and where it was named. It looks for sockets
// but connects to none.
func findHost(host string) (u *url.URL, from string, err error) {
	if host != "" {
		u, err = parseHost(host)
		return u, "host", err
	}
	if env := os.Getenv("CONTAINER_HOST"); env != "" {
		u, err = parseHost(env)
		if err != nil {
			err = fmt.Errorf("CONTAINER_HOST: %w", err)
		}
		return u, "CONTAINER_HOST", err
	}
	u, err = findSocket(usualSockets())
	return u, "", err
}

// usualSockets are where `systemctl start podman.socket` listens, own first.
func usualSockets() []string {
	socks := []string{rootfulSocket}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		socks = append([]string{filepath.Join(dir, "podman", "podman.sock")}, socks...)
	}
	return socks
}

// findSocket gives the first that exists.
func findSocket(socks []string) (*url.URL, error) {
	for _, sock := range socks {
		// A directory that may not be searched counts as a socket: that it exists but is
		// out of reach is what the user has to hear.
		if _, err := os.Stat(sock); err == nil || os.IsPermission(err) {
			return &url.URL{Scheme: "unix", Path: sock}, nil
		}
	}
	return nil, &runtime.Error{
		Kind: runtime.ErrUnavailable, Runtime: Key,
		Message: fmt.Sprintf("no Podman service found: CONTAINER_HOST is not set, and there is no %s; %s, or set host",
			strings.Join(socks, " and no "), startHint),
	}
}

// parseHost reads a service's address.
func parseHost(host string) (*url.URL, error) {
	if filepath.IsAbs(host) {
		return &url.URL{Scheme: "unix", Path: host}, nil
	}
	u, err := url.Parse(host)
	if err != nil {
		return nil, fmt.Errorf("%q is no address: it takes unix:///path, tcp://host:port or ssh://user@host/path", redact(host))
	}
	switch u.Scheme {
	case "unix":
		// unix://run/x is what people write for unix:///run/x; podman takes both.
		if u.Host != "" {
			u = &url.URL{Scheme: "unix", Path: "/" + u.Host + u.Path}
		}
		if u.Path == "" {
			return nil, fmt.Errorf("%q has no path: it takes unix:///path", host)
		}
	case "tcp", "ssh":
		if u.Host == "" {
			return nil, fmt.Errorf("%q has no host: it takes %s://host", host, u.Scheme)
		}
	default:
		return nil, fmt.Errorf("%q is no address: it takes unix:///path, tcp://host:port or ssh://user@host/path", redact(host))
	}
	return u, nil
}

// redact takes a password out of an address that is to be shown.
func redact(host string) string {
	if i := strings.LastIndex(host, "@"); i >= 0 {
		if scheme, rest, ok := strings.Cut(host[:i], "://"); ok {
			if user, _, has := strings.Cut(rest, ":"); has {
				return scheme + "://" + user + ":xxxxx" + host[i:]
			}
		}
	}
	return host
}
