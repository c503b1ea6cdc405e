package dockercli

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// defaultSocket is where docker looks when nothing says so.
const defaultSocket = "/var/run/docker.sock"

// Ping asks the engine for a sign of life; see [runtime.Pinger]. A socket of this
// machine is asked directly, as a command line may take long to start on a busy one. A
// local Podman has no service that could hang.
func (r *Runtime) Ping(ctx context.Context) error {
	if err := r.removals.Enter(Key); err != nil {
		return err
	}
	defer r.removals.Done()
	cl, err := r.find(ctx)
	if err != nil {
		return err
	}
	socket, ok := cl.socket(os.LookupEnv)
	switch {
	case ok && socket == "":
		return nil
	case ok:
		return pingSocket(ctx, socket)
	}
	if _, err = cl.output(ctx, 0, cl.args("version", "--format={{.Server.Version}}")...); err != nil {
		return engineError(ctx, err, runtime.ErrUnavailable)
	}
	return nil
}

// socket is the path of the engine's, empty for an engine without one; ok is false when
// it has another kind of address, or one that only the command line knows.
func (cl *client) socket(lookup func(string) (string, bool)) (path string, ok bool) {
	address, known := cl.endpoint(lookup)
	switch {
	case !known:
		return "", false
	case address == "" && cl.podman:
		return "", true
	case address == "":
		info, err := os.Stat(defaultSocket)
		return defaultSocket, err == nil && info.Mode().Type() == os.ModeSocket
	}
	return strings.CutPrefix(address, "unix://")
}

func pingSocket(ctx context.Context, path string) error {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine/_ping", nil)
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(req)
	if err == nil {
		return resp.Body.Close() // any answer is one
	}
	if ended := runtime.ContextError(ctx, Key, false); ended != nil {
		return ended
	}
	return &runtime.Error{Kind: runtime.ErrUnavailable, Runtime: Key, Message: fmt.Sprintf("the engine at %s does not answer", path), Err: err}
}
