package dockerapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
)

// stream is one end of a container's stdio.
type stream interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// attach opens a stream to the container's stdin or, without input, from its stdout
// and stderr. Input and output go over connections of their own: on one, an engine
// that closes it with input unread resets it, and over TCP that costs output.
func (r *Runtime) attach(ctx context.Context, id string, input bool) (stream, error) {
	query := url.Values{"stream": {"1"}}
	if input {
		query.Set("stdin", "1")
	} else {
		query.Set("stdout", "1")
		query.Set("stderr", "1")
	}
	resp, err := r.raw.post(ctx, "/v"+r.cli.ClientVersion()+"/containers/"+id+"/attach", query)
	if err != nil {
		return nil, err
	}
	if s, ok := resp.Body.(stream); ok && resp.StatusCode == http.StatusSwitchingProtocols {
		return s, nil
	}
	defer resp.Body.Close()
	return nil, fmt.Errorf("the engine did not attach to the container (%s): %s", resp.Status, errorMessage(resp.Body))
}

// post asks for a connection of its own, which ctx ends only until the answer is
// there.
func (a *rawAPI) post(ctx context.Context, apiPath string, query url.Values) (*http.Response, error) {
	u := &url.URL{Scheme: "http", Host: a.base.Host, Path: path.Join("/", a.base.Path, apiPath), RawQuery: query.Encode()}
	if a.tls {
		u.Scheme = "https"
	}
	req := (&http.Request{Method: http.MethodPost, URL: u, Header: http.Header{}, Body: http.NoBody}).WithContext(ctx)
	for name, value := range a.headers {
		req.Header.Set(name, value)
	}
	if a.base.Scheme == "unix" || a.base.Scheme == "npipe" {
		req.Host = client.DummyHost
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "tcp")
	return a.streams.RoundTrip(req)
}

func errorMessage(body io.Reader) string {
	text, _ := io.ReadAll(io.LimitReader(body, 4<<10))
	var e struct{ Message string }
	if json.Unmarshal(text, &e) == nil && e.Message != "" {
		return e.Message
	}
	return string(text)
}

// exit is how a wait ended.
type exit struct {
	code int
	err  error
}

// wait registers a wait for the container's next exit, and returns when the engine
// has it; what it comes to is sent on the channel, always.
func (r *Runtime) wait(ctx context.Context, id string) (<-chan exit, error) {
	results, errs := r.cli.ContainerWait(ctx, id, container.WaitConditionNextExit)
	select {
	case err := <-errs: // not registered
		return nil, err
	default:
	}
	done := make(chan exit, 1)
	go func() {
		select {
		case res := <-results:
			if res.Error != nil && res.Error.Message != "" {
				done <- exit{err: fmt.Errorf("waiting for the container: %s", res.Error.Message)}
				return
			}
			done <- exit{code: int(res.StatusCode)}
		case err := <-errs:
			done <- exit{err: err}
		}
	}()
	return done, nil
}

// input writes to a command's stdin until the call ends. The stream may stay open for
// longer (see process.remove), and the caller's stdin must not be read then.
type input struct {
	ctx context.Context
	to  io.Writer
}

func (i *input) Write(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := i.to.Write(p)
	if err == nil {
		err = i.ctx.Err()
	}
	return n, err
}

// session is an attached container that has not been started.
type session struct {
	in, out stream
	exit    <-chan exit
}

// open attaches to a created container and registers the wait, all at once: none of
// them may come after the start, and each is a round trip.
func (r *Runtime) open(ctx context.Context, id string) (*session, error) {
	s := &session{}
	steps := []func() error{
		func() (err error) { s.out, err = r.attach(ctx, id, false); return err },
		func() (err error) { s.in, err = r.attach(ctx, id, true); return err },
		func() (err error) { s.exit, err = r.wait(ctx, id); return err },
	}
	errs := make(chan error, len(steps))
	for _, step := range steps {
		go func() { errs <- step() }()
	}
	var first error
	for range steps {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	if first != nil {
		s.close()
		return nil, first
	}
	return s, nil
}

func (s *session) closeOutput() {
	if s != nil {
		_ = s.out.Close()
	}
}

// close may be called more than once, and on nil.
func (s *session) close() {
	if s == nil {
		return
	}
	for _, c := range []stream{s.in, s.out} {
		if c != nil {
			_ = c.Close()
		}
	}
}
