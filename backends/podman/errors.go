package podman

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/containers/podman/v5/pkg/errorhandling"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// failure makes the error of a request that failed into one of ours. A connection
// that broke is given up, so that the next call makes a new one.
func (r *Runtime) failure(ctx context.Context, c *conn, err error, doing string, started bool) error {
	if ended := runtime.ContextError(ctx, Key, started); ended != nil {
		return ended
	}
	if isLost(err) {
		r.connector.drop(c)
	}
	return classify(err, doing, c.endpoint, started)
}

// classify finds the kind of err. It goes by the cause that Podman gives: the status
// of the same failure differs between versions.
func classify(err error, doing, endpoint string, started bool) error {
	if e, ok := errors.AsType[*runtime.Error](err); ok {
		return e
	}
	out := &runtime.Error{Kind: runtime.ErrEngine, Runtime: Key, Started: started, Message: doing, Err: err}
	if e, ok := errors.AsType[*errorhandling.ErrorModel](err); ok {
		out.Message, out.Kind = kindOf(e, doing)
		return out
	}
	if isLost(err) {
		out.Kind = runtime.ErrUnavailable
		out.Message = fmt.Sprintf("%s: lost the service at %s", doing, endpoint)
	}
	return out
}

// isLost reports that a connection broke, before the answer or within it.
func isLost(err error) bool {
	if _, ok := errors.AsType[*url.Error](err); ok {
		return true
	}
	_, ok := errors.AsType[net.Error](err)
	return ok || errors.Is(err, io.ErrUnexpectedEOF)
}

// kindOf goes by the cause of an error of the API.
func kindOf(e *errorhandling.ErrorModel, doing string) (message string, kind error) {
	text := e.Message
	switch e.Because {
	case "image not known":
		return "the service does not have the image", runtime.ErrImageMissing
	case "OCI runtime attempted to invoke a command that was not found":
		// Anything that the OCI runtime misses has this cause, a sysctl for one.
		if aboutExec(text) {
			return "the image has no such program, or the file's interpreter is missing", runtime.ErrCommandNotFound
		}
	case "OCI permission denied":
		// A ulimit that may not be raised has it too.
		if aboutExec(text) {
			return "the program may not be executed: is it a file, and has it the executable bit?", runtime.ErrNotExecutable
		}
		if strings.Contains(text, "rlimit") {
			return "the service may not set a ulimit that high", runtime.ErrUnsupported
		}
	case "no such file or directory":
		if doing == doingCreate {
			return "something that the spec names does not exist on the service's host", runtime.ErrInvalidSpec
		}
	case "network not found", "unknown capability", "no matching entries in passwd file", "no matching entries in group file":
		return doing, runtime.ErrInvalidSpec
	case "no such container":
		if doing == doingCreate { // that of --network container:ID and the like
			return doing, runtime.ErrInvalidSpec
		}
	case "that name is already in use":
		return "the container's name is taken", runtime.ErrEngine
	}
	switch {
	case strings.HasPrefix(e.Because, "workdir "):
		return "the image has no such working directory", runtime.ErrInvalidSpec
	case strings.HasPrefix(e.Because, "unresolvable CDI devices"):
		return "the service's host has no such CDI device", runtime.ErrUnsupported
	case strings.Contains(text, "cgroup controller") && strings.Contains(text, "not available"):
		return "the service can't enforce a limit: its user has not been given the cgroup controller", runtime.ErrUnsupported
	}
	return doing, runtime.ErrEngine
}

// aboutExec reports whether a message of runc or crun is about starting the program
// itself.
func aboutExec(text string) bool {
	for _, words := range []string{`: exec: `, "executable", "exec container process"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// isGone reports that there is no such container. A service that finds it gone halfway
// through a request answers 500 with that cause.
func isGone(err error) bool {
	e, ok := errors.AsType[*errorhandling.ErrorModel](err)
	return ok && (e.ResponseCode == http.StatusNotFound || e.Because == "no such container")
}

// answered reports that the failure is the service's answer.
func answered(err error) bool {
	_, ok := errors.AsType[*errorhandling.ErrorModel](err)
	return ok
}

// settled reports that it is known what the service did: it answered, or never got
// the request. Otherwise it may have done what it was asked, or not.
func settled(err error) bool {
	if answered(err) {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// unavailable says why there is no connection, and what to do about it. from is
// where u was named; empty: it was found.
func unavailable(err error, u *url.URL, from string) error {
	if e, ok := errors.AsType[*runtime.Error](err); ok {
		return e
	}
	out := &runtime.Error{Kind: runtime.ErrUnavailable, Runtime: Key, Err: err}
	if u == nil {
		out.Kind, out.Message = runtime.ErrInvalidSpec, "the service's address"
		return out
	}
	where := u.Redacted()
	if from != "" {
		where += " (from " + from + ")"
	}
	text := err.Error()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		out.Message = fmt.Sprintf("there is no socket at %s; %s", where, startHint)
	case errors.Is(err, fs.ErrPermission) && u.Scheme == "unix":
		out.Message = fmt.Sprintf("user %d may not use the socket %s; use your own service (%s) or run as the socket's owner", os.Getuid(), where, startHint)
	case errors.Is(err, syscall.ECONNREFUSED):
		out.Message = fmt.Sprintf("nothing listens at %s; %s", where, startHint)
	case strings.Contains(text, "server API version is too old"):
		out.Message = fmt.Sprintf("the service at %s is too old: it takes Podman 4.0 or later", where)
	case strings.Contains(text, "ping response was"):
		out.Message = fmt.Sprintf("what answers at %s is not a Podman service", where)
	case u.Scheme == "ssh":
		out.Message = fmt.Sprintf("no connection to %s; does `ssh %s` work without a question, and is podman.socket enabled there?", where, u.Hostname())
	default:
		out.Message = "no connection to " + where
	}
	return out
}
