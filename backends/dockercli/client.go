package dockercli

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// client is the command line, and all in which one differs from another.
type client struct {
	path         string // absolute
	host         string // Options.Host
	podman       bool
	version      string
	major, minor int // 0, 0: not known
}

// versionRE reads "Docker version 28.2.2, build e6534b4" and "podman version 4.3.1".
var versionRE = regexp.MustCompile(`(?m)^([\w-]+) version v?(\d+)\.(\d+)([^\s,]*)`)

// find asks the command line what it is, once. A failure is not kept: somebody may
// install it. When ctx ends, nobody waits any longer, be it for another call that asks.
func (r *Runtime) find(ctx context.Context) (*client, error) {
	if cl := r.client.Load(); cl != nil {
		return cl, nil
	}
	if r.asking.Enter(ctx) != nil {
		return nil, runtime.ContextError(ctx, Key, false)
	}
	defer r.asking.Leave()
	if cl := r.client.Load(); cl != nil {
		return cl, nil
	}
	path, err := exec.LookPath(r.opts.Path)
	if err == nil {
		path, err = filepath.Abs(path) // it may be run in another directory
	}
	if err != nil {
		return nil, missingClient(r.opts.Path, err)
	}
	out, err := (&client{path: path}).output(ctx, versionLimit, "--version")
	if err != nil {
		if ctxErr := runtime.ContextError(ctx, Key, false); ctxErr != nil {
			return nil, ctxErr
		}
		return nil, &runtime.Error{Kind: runtime.ErrUnavailable, Runtime: Key,
			Message: path + " --version failed; it must be docker's command line, or podman's", Err: err}
	}
	cl, err := parseVersion(out)
	if err != nil {
		return nil, &runtime.Error{Kind: runtime.ErrUnavailable, Runtime: Key, Message: path, Err: err}
	}
	cl.path, cl.host = path, r.opts.Host
	r.client.Store(cl)
	return cl, nil
}

func missingClient(path string, err error) *runtime.Error {
	message := fmt.Sprintf("%s can't be run; install the command line of Docker or Podman, or give the path of one", path)
	if errors.Is(err, exec.ErrNotFound) {
		message = fmt.Sprintf("there is no %s in PATH; install the command line of Docker or Podman, or give the path of one", path)
	}
	return &runtime.Error{Kind: runtime.ErrUnavailable, Runtime: Key, Message: message, Err: err}
}

// parseVersion takes any program that answers as docker does; only podman, and what is
// known to be too old, is told apart.
func parseVersion(out string) (*client, error) {
	m := versionRE.FindStringSubmatch(out)
	if m == nil {
		return &client{}, nil
	}
	// Podman gives the name that it was called by: podman-remote, or docker as a link.
	cl := &client{podman: strings.HasPrefix(m[1], "podman") || m[1] == "docker", version: m[2] + "." + m[3] + m[4]}
	cl.major, _ = strconv.Atoi(m[2])
	cl.minor, _ = strconv.Atoi(m[3])
	switch {
	case cl.podman && !cl.atLeast(4, 0):
		return nil, fmt.Errorf("podman %s is too old: 4.0 or newer is needed", cl.version)
	case m[1] == "Docker" && !cl.atLeast(20, 10):
		return nil, fmt.Errorf("docker %s is too old: 20.10 or newer is needed", cl.version)
	}
	return cl, nil
}

func (cl *client) atLeast(major, minor int) bool {
	return cl.major > major || cl.major == major && cl.minor >= minor
}

// args puts the flags that choose the engine before a subcommand.
func (cl *client) args(subcommand ...string) []string {
	switch {
	case cl.host == "":
		return subcommand
	case cl.podman:
		return append([]string{"--url=" + cl.host}, subcommand...)
	}
	return append([]string{"--host=" + cl.host}, subcommand...)
}

// removeArgs removes a container whatever its state, and its anonymous volumes.
func (cl *client) removeArgs(container string) []string {
	if cl.podman {
		return cl.args("rm", "--force", "--volumes", "--time=0", container)
	}
	return cl.args("rm", "--force", "--volumes", container)
}

// eventsArgs gives what the engine still knows of a container, one JSON object a
// line, and ends.
func (cl *client) eventsArgs(name string, since int64) []string {
	filter := "--filter=container=" + name
	if cl.podman {
		return cl.args("events", "--stream=false", "--since="+strconv.FormatInt(since, 10), filter, "--format=json")
	}
	// 0 is the engine's way to say "all that you remember, and then stop": no clock of
	// ours has to agree with one of its.
	return cl.args("events", "--since=0", "--until=0", filter, "--format={{json .}}")
}

// labelArgs lists the IDs of the containers that carry a label, given as key=value.
func (cl *client) labelArgs(label string) []string {
	return cl.args("ps", "--all", "--quiet", "--no-trunc", "--filter=label="+label)
}

func (cl *client) String() string {
	switch {
	case cl.version == "":
		return cl.path
	case cl.podman:
		return "podman " + cl.version
	}
	return "docker " + cl.version
}
