package podman

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// process is what a container of the fake runs. It gets the input's bytes until
// the half-close.
type process func(stdin io.Reader, stdout, stderr io.Writer, killed <-chan struct{}) int

// fakeService behaves as Podman's service does, as far as a call uses it.
type fakeService struct {
	t       *testing.T
	host    string
	version string
	process process
	// intercept answers a request itself when it returns true.
	intercept func(w http.ResponseWriter, r *http.Request, op string) bool
	warnings  []string
	exitCode  *int // instead of the process's
	oomKilled bool

	mu         sync.Mutex
	log        []string // operations in order
	queries    map[string]string
	header     http.Header
	containers map[string]*fakeContainer
	requests   []createRequest
}

type fakeContainer struct {
	started, exited bool
	code            int
	killed          chan struct{}
	ready           chan struct{} // closed by start
	stdin           *io.PipeReader
	feed            *io.PipeWriter
	out             net.Conn
	done            chan struct{}
}

func newFakeState(t *testing.T, p process) *fakeService {
	return &fakeService{t: t, version: "5.8.2", process: p, containers: map[string]*fakeContainer{}, queries: map[string]string{}}
}

// newFake runs a fake until the test's end.
func newFake(t *testing.T, p process) *fakeService {
	t.Helper()
	f := newFakeState(t, p)
	server := httptest.NewServer(f)
	t.Cleanup(func() {
		f.mu.Lock()
		for _, c := range f.containers {
			c.kill()
		}
		f.mu.Unlock()
		server.CloseClientConnections()
		server.Close()
	})
	f.host = strings.Replace(server.URL, "http://", "tcp://", 1)
	return f
}

func (f *fakeService) runtime() *Runtime {
	f.t.Helper()
	rt, err := New(Options{Host: f.host})
	require.NoError(f.t, err)
	f.t.Cleanup(func() { assert.NoError(f.t, rt.Close()) })
	return rt
}

// operations lists what was asked for, in order, but for repeated inspects.
func (f *fakeService) operations() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, op := range f.log {
		if op == "ping" || op == "inspect" && len(out) > 0 && out[len(out)-1] == "inspect" {
			continue
		}
		out = append(out, op)
	}
	return out
}

func (f *fakeService) left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.containers)
}

// idOf gives the ID of a container that is named by its ID or by its name.
func (f *fakeService) idOf(ref string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, req := range f.requests {
		if req.Name == ref {
			return fmt.Sprintf("id%d", i)
		}
	}
	return ref
}

func (f *fakeService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, path, _ := strings.Cut(r.URL.Path, "/libpod/")
	parts := strings.Split(path, "/")
	op := parts[len(parts)-1]
	id := ""
	ofContainer := parts[0] == "containers" && len(parts) > 1 && parts[1] != "create"
	if ofContainer {
		id = f.idOf(parts[1])
		switch {
		case r.Method == http.MethodDelete:
			op = "remove"
		case op == "json":
			op = "inspect"
		case op == "attach" && r.URL.Query().Get("stdin") == "true":
			op = "attach-in"
		case op == "attach":
			op = "attach-out"
		}
	}
	op = strings.TrimPrefix(op, "_")
	f.mu.Lock()
	f.log = append(f.log, op)
	f.queries[op] = r.URL.RawQuery
	f.header = r.Header.Clone()
	c := f.containers[id]
	intercept := f.intercept
	f.mu.Unlock()
	if intercept != nil && intercept(w, r, op) {
		return
	}
	switch {
	case op == "ping":
		w.Header().Set("Libpod-API-Version", f.version)
	case op == "create":
		f.create(w, r)
	case ofContainer && c == nil:
		fail(w, 404, "no such container", "no container with name or ID found: no such container")
	case op == "attach-in" || op == "attach-out":
		f.attach(w, c, op)
	case op == "start":
		f.mu.Lock()
		c.started = true
		f.mu.Unlock()
		close(c.ready)
		w.WriteHeader(204)
	case op == "inspect":
		f.mu.Lock()
		state := map[string]any{"Status": "running", "ExitCode": 0}
		if c.exited {
			state = map[string]any{"Status": "exited", "ExitCode": c.code, "OOMKilled": f.oomKilled}
		}
		f.mu.Unlock()
		answer(w, 200, map[string]any{"State": state})
	case op == "remove":
		f.mu.Lock()
		c.kill()
		delete(f.containers, id)
		f.mu.Unlock()
		answer(w, 200, []any{map[string]any{"Id": id}})
	default:
		fail(w, 404, "not found", "no such endpoint: "+r.URL.Path)
	}
}

func (f *fakeService) create(w http.ResponseWriter, r *http.Request) {
	var req createRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		fail(w, 500, err.Error(), err.Error())
		return
	}
	c := &fakeContainer{killed: make(chan struct{}), ready: make(chan struct{}), done: make(chan struct{})}
	c.stdin, c.feed = io.Pipe()
	f.mu.Lock()
	id := fmt.Sprintf("id%d", len(f.requests))
	f.requests = append(f.requests, req)
	f.containers[id] = c
	f.mu.Unlock()
	answer(w, 201, map[string]any{"Id": id, "Warnings": f.warnings})
}

func (c *fakeContainer) kill() {
	select {
	case <-c.killed:
	default:
		close(c.killed)
	}
}

func (f *fakeService) attach(w http.ResponseWriter, c *fakeContainer, op string) {
	f.mu.Lock()
	started := c.started
	f.mu.Unlock()
	assert.False(f.t, started, "attached after the start")
	conn, buffered, err := w.(http.Hijacker).Hijack()
	if !assert.NoError(f.t, err) {
		return
	}
	fmt.Fprint(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	if op == "attach-in" {
		go feed(c, conn, buffered)
		return
	}
	c.out = conn
	go f.run(c)
}

func feed(c *fakeContainer, conn net.Conn, buffered *bufio.ReadWriter) {
	_, err := io.Copy(c.feed, buffered)
	c.feed.CloseWithError(err) // nil: the end of the input
	<-c.done
	conn.Close()
}

func (f *fakeService) run(c *fakeContainer) {
	select {
	case <-c.ready:
	case <-c.killed:
		c.end(f, 137)
		return
	}
	c.end(f, f.process(c.stdin, frames{c.out, 1}, frames{c.out, 2}, c.killed))
}

// end closes the output first; inspect knows of the exit a little later, as Podman
// does.
func (c *fakeContainer) end(f *fakeService, code int) {
	c.stdin.Close()
	c.out.Close()
	f.mu.Lock()
	if f.exitCode != nil {
		code = *f.exitCode
	}
	c.exited, c.code = true, code
	f.mu.Unlock()
	close(c.done)
}

// frames writes as Podman multiplexes.
type frames struct {
	to     io.Writer
	stream byte
}

func (w frames) Write(p []byte) (int, error) {
	const most = 8 << 10
	for done := 0; done < len(p); {
		part := p[done:min(done+most, len(p))]
		header := [8]byte{w.stream}
		binary.BigEndian.PutUint32(header[4:], uint32(len(part)))
		if _, err := w.to.Write(append(header[:], part...)); err != nil {
			return done, err
		}
		done += len(part)
	}
	return len(p), nil
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that has gone is the test's doing
}

func fail(w http.ResponseWriter, status int, cause, message string) {
	answer(w, status, map[string]any{"cause": cause, "message": message, "response": status})
}

// cat copies its input and exits with 0.
func cat(stdin io.Reader, stdout, _ io.Writer, _ <-chan struct{}) int {
	_, _ = io.Copy(stdout, stdin)
	return 0
}

// forever runs until it is killed.
func forever(_ io.Reader, _, _ io.Writer, killed <-chan struct{}) int {
	<-killed
	return 137
}

// serveUnix runs a fake on a unix socket until stop is called.
func serveUnix(t *testing.T, sock string) (stop func()) {
	t.Helper()
	f := newFakeState(t, cat)
	l, err := net.Listen("unix", sock)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(f)
	server.Listener.Close()
	server.Listener = l
	server.Start()
	return func() {
		server.CloseClientConnections()
		server.Close()
	}
}
