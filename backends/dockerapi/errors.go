package dockerapi

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// sayings are the engine's words for what its status codes do not tell apart, first
// match first. testdata/errors.json has samples of each.
var sayings = []struct {
	text *regexp.Regexp
	kind error
}{
	{regexp.MustCompile(`(?i)no such image|does not (match|provide) the specified platform`), runtime.ErrImageMissing},
	{regexp.MustCompile(`(?i)exec: .*(executable file not found|no such file or directory)|executable file .* not found` +
		`|failed to load .*: no such file or directory|error finding executable .*: no such file or directory`), runtime.ErrCommandNotFound},
	{regexp.MustCompile(`(?i)exec: .*(permission denied|is a directory|exec format error)|open executable: permission denied|exists but it is not a regular file` +
		`|failed to load .*: (permission denied|exec format error)`), runtime.ErrNotExecutable},
	{regexp.MustCompile(`(?i)unknown runtime specified|unknown or invalid runtime name|could not select device driver`), runtime.ErrUnsupported},
	{regexp.MustCompile(`(?i)client version .* is too (new|old)`), runtime.ErrUnsupported},
	{regexp.MustCompile(`(?i)unable to find (user|group)|error gathering device information`), runtime.ErrInvalidSpec},
}

// commandRE matches where the engine names the program that it could not start, whose
// name could read like anything.
var commandRE = regexp.MustCompile(`exec: "(?:[^"\\]|\\.)*"(?:: stat .*(: no such file or directory|: permission denied|: not a directory))?`)

// cannotConnect begins the client's error about an engine that refuses connections.
const cannotConnect = "Cannot connect to the Docker daemon"

// classify gives err, of a request to the engine at host, its kind. id is the
// container that the request was about, if any.
func classify(err error, host, id string) *runtime.Error {
	e := &runtime.Error{Runtime: Key, Kind: runtime.ErrEngine}
	if unreachable(err) {
		e.Kind, e.Message, e.Err = runtime.ErrUnavailable, advice(err, host), err
		if strings.HasPrefix(err.Error(), cannotConnect) {
			e.Err = nil // the client's words for what advice says better; it has dropped the cause
		}
		return e
	}
	text := strings.TrimPrefix(err.Error(), "Error response from daemon: ")
	words := commandRE.ReplaceAllString(text, `exec: "..."$1`)
	for _, s := range sayings {
		if s.text.MatchString(words) {
			e.Kind, e.Message = s.kind, shortened(text)
			return e
		}
	}
	switch {
	case cerrdefs.IsNotFound(err) && id != "" && strings.Contains(text, id):
		text = "the container is gone, and something else must have removed it: " + text
	case cerrdefs.IsNotFound(err), cerrdefs.IsInvalidArgument(err):
		e.Kind = runtime.ErrInvalidSpec // a network that is not there, a limit too low, ...
	case cerrdefs.IsNotImplemented(err):
		e.Kind = runtime.ErrUnsupported
	case cerrdefs.IsUnavailable(err):
		e.Kind = runtime.ErrUnavailable
	}
	e.Message = shortened(text)
	return e
}

// shortened leaves out the layers that a failed start goes through.
func shortened(text string) string {
	for _, layers := range []string{"unable to start container process: ", "starting root container: starting sandbox: "} { // runc's and gVisor's
		if i := strings.LastIndex(text, layers); i >= 0 {
			text = text[i+len(layers):]
		}
	}
	return strings.TrimSuffix(strings.TrimSpace(text), ": unknown")
}

// undecided tells whether err leaves open what became of a request: the engine may
// have done what it was asked, or may yet do it.
func undecided(err error) bool {
	if _, ok := errors.AsType[*runtime.Error](err); ok {
		return false // ours: it was never sent
	}
	return unreachable(err) && !neverSent(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// neverSent tells whether no connection was made at all.
func neverSent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial" || strings.Contains(err.Error(), cannotConnect)
}

func unreachable(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return client.IsErrConnectionFailed(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "make sure the URL is valid, and Docker 18.09 or later")
}

// advice says what to do about an engine at host that does not answer.
func advice(err error, host string) string {
	text := err.Error()
	socket, unix := strings.CutPrefix(host, "unix://")
	_, dns := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, fs.ErrPermission) || strings.Contains(text, "permission denied while trying to connect"):
		return "this user may not use " + host + ": join its group (sudo usermod -aG docker $USER, then log in again), or use rootless Docker"
	case unix && neverSent(err):
		if _, statErr := os.Stat(socket); errors.Is(statErr, fs.ErrNotExist) {
			return "there is no socket " + socket + ": install or start Docker (sudo systemctl start docker), or name another engine with host or DOCKER_HOST"
		}
		return "nothing answers at " + host + ": start Docker (sudo systemctl start docker)"
	case strings.HasPrefix(host, "ssh://"):
		return "the engine at " + host + " can't be reached: try ssh " + sshTarget(host) + " docker version"
	case dns || strings.Contains(text, "no such host"):
		return "the host of " + host + " is not known: check host, DOCKER_HOST or the docker context"
	case neverSent(err):
		return "nothing answers at " + host + ": check host, DOCKER_HOST or the docker context, and that the engine runs"
	}
	return "the connection to " + host + " broke"
}

func sshTarget(host string) string {
	u, err := url.Parse(host)
	if err != nil {
		return "HOST"
	}
	if u.User != nil {
		return u.User.Username() + "@" + u.Hostname()
	}
	return u.Hostname()
}
