package dockerapi

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/pkg/stdcopy"
	"github.com/stretchr/testify/require"
)

// fakeDocker is an engine that runs Go functions. It keeps the order of the requests,
// and takes other answers for any of them.
type fakeDocker struct {
	*httptest.Server
	apiVersion string
	// command is the container's process.
	command func(stdin io.Reader, stdout, stderr io.Writer) int
	// answer replaces the engine's own answer to a request, by its name in the log.
	answer map[string]http.HandlerFunc

	mu     sync.Mutex
	log    []string
	input  net.Conn
	output net.Conn
	ended  chan struct{} // when the command has
	code   int
	held   bool // the output stays open when the command ends
}

const fakeID = "0123456789abcdef"

func newFakeDocker(t *testing.T) *fakeDocker {
	t.Helper()
	d := &fakeDocker{
		apiVersion: "1.41",
		command:    func(io.Reader, io.Writer, io.Writer) int { return 0 },
		answer:     map[string]http.HandlerFunc{},
		ended:      make(chan struct{}),
	}
	d.Server = httptest.NewServer(d)
	t.Cleanup(func() {
		d.mu.Lock()
		for _, c := range []net.Conn{d.input, d.output} {
			if c != nil {
				_ = c.Close()
			}
		}
		d.mu.Unlock()
		d.CloseClientConnections()
		d.Close()
	})
	return d
}

// runtime is one for this engine that sees no configuration of whoever runs the tests.
func (d *fakeDocker) runtime(t *testing.T) *Runtime {
	t.Helper()
	rt, err := New(Options{Host: "tcp://" + d.Listener.Addr().String(), ConfigDir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rt.Close()) })
	return rt
}

// requests counts those of one name.
func (d *fakeDocker) requests(name string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.log {
		if r == name {
			n++
		}
	}
	return n
}

func (d *fakeDocker) position(name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, r := range d.log {
		if r == name {
			return i
		}
	}
	return -1
}

// name is what a request is for.
func (d *fakeDocker) name(r *http.Request) string {
	last := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	switch {
	case last == "wait":
		return "wait " + r.URL.Query().Get("condition")
	case last == "attach" && r.URL.Query().Get("stdin") != "":
		return "attach in"
	case last == "attach":
		return "attach out"
	case r.Method == http.MethodDelete:
		return "delete"
	case strings.Contains(r.URL.Path, "/containers/") && last == "json":
		return "inspect"
	case strings.HasSuffix(r.URL.Path, "/images/create"):
		return "pull"
	case strings.Contains(r.URL.Path, "/images/"):
		return "image"
	}
	return last
}

func (d *fakeDocker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := d.name(r)
	d.mu.Lock()
	d.log = append(d.log, name)
	d.mu.Unlock()
	w.Header().Set("Api-Version", d.apiVersion)
	w.Header().Set("Content-Type", "application/json")
	if h := d.answer[name]; h != nil {
		h(w, r)
		return
	}
	switch name {
	case "_ping":
	case "create":
		reply(http.StatusCreated, `{"Id":"`+fakeID+`","Warnings":[]}`)(w, r)
	case "attach in":
		d.mu.Lock()
		defer d.mu.Unlock()
		d.input = hijack(w)
	case "attach out":
		d.mu.Lock()
		defer d.mu.Unlock()
		d.output = hijack(w)
	case "start":
		go d.run()
		w.WriteHeader(http.StatusNoContent)
	case "wait next-exit", "wait removed":
		w.(http.Flusher).Flush()
		d.mu.Lock()
		ended := d.ended
		d.mu.Unlock()
		select {
		case <-ended:
			_ = json.NewEncoder(w).Encode(map[string]any{"StatusCode": d.code})
		case <-r.Context().Done():
		}
	case "delete":
		w.WriteHeader(http.StatusNoContent)
	default:
		reply(http.StatusNotFound, `{"message":"No such container: `+fakeID+`"}`)(w, r)
	}
}

func (d *fakeDocker) run() {
	d.mu.Lock()
	in, out := d.input, d.output
	d.mu.Unlock()
	code := d.command(in, stdcopy.NewStdWriter(out, stdcopy.Stdout), stdcopy.NewStdWriter(out, stdcopy.Stderr))
	d.mu.Lock()
	defer d.mu.Unlock()
	d.code = code
	if !d.held {
		_ = out.Close()
		_ = in.Close()
	}
	close(d.ended)
}

func reply(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// inTurn answers with the last of its handlers once it has used up the others.
func inTurn(handlers ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		h := handlers[0]
		if len(handlers) > 1 {
			handlers = handlers[1:]
		}
		mu.Unlock()
		h(w, r)
	}
}

func hijack(w http.ResponseWriter) net.Conn {
	conn, buf, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_ = conn.SetDeadline(time.Time{})
	_, _ = io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	return &bufferedConn{Conn: conn, r: buf.Reader}
}

// bufferedConn gives what the server had read ahead.
type bufferedConn struct {
	net.Conn
	r *bufio.Reader
}

func (c *bufferedConn) Read(p []byte) (int, error) { return c.r.Read(p) }
