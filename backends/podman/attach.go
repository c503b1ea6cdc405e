package podman

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// stream is a connection to a container's input or output.
type stream struct {
	io.ReadWriteCloser
}

// attach opens a connection to the input or to the output of a container that has
// not been started. It is never repeated: on a container that has exited it would
// make it anew and lose its status.
//
// Input and output take a connection each. On one for both, Podman loses output when
// the command ends without reading its input.
func (c *conn) attach(ctx context.Context, id string, input bool) (*stream, error) {
	in, out := strconv.FormatBool(input), strconv.FormatBool(!input)
	query := url.Values{
		"stdin": {in}, "stdout": {out}, "stderr": {out}, "stream": {"true"}, "logs": {"false"},
		// Left out, it would be ctrl-p,ctrl-q, and these two bytes in the input its end.
		"detachKeys": {""},
	}
	header := http.Header{"Connection": {"Upgrade"}, "Upgrade": {"tcp"}}
	res, err := c.send(ctx, http.MethodPost, containerPath(id, "/attach"), query, header, nil)
	if err != nil {
		return nil, err
	}
	body, ok := res.Body.(io.ReadWriteCloser)
	if res.StatusCode != http.StatusSwitchingProtocols || !ok {
		res.Body.Close()
		return nil, fmt.Errorf("attaching: the service answered %q instead of handing the connection over; is a proxy in between?", res.Status)
	}
	return &stream{body}, nil
}

// CloseWrite tells the command that its input has ended.
func (s *stream) CloseWrite() error {
	if c, ok := s.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return s.Close()
}
