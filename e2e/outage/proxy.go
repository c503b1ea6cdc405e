package outage

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Fault says what a [Proxy] does to the answers of an engine. The zero value is nothing.
type Fault struct {
	// Delay comes before each answer.
	Delay time.Duration
	// Fails answers the requests that it chooses with 500, and the engine gets none of
	// them. Nil chooses none.
	Fails func(*http.Request) bool
	// Spoils says that a container's output is spoiled after its first After bytes.
	Spoils bool
	After  int
	How    Spoiling
}

// Spoiling is what becomes of a stream.
type Spoiling int

const (
	// End ends the stream as if it were complete.
	End Spoiling = iota
	// Reset breaks the connection.
	Reset
	// Stall lets nothing more come, and leaves the connection open.
	Stall
)

func (s Spoiling) String() string { return [...]string{"ended", "reset", "stalled"}[s] }

// Proxy stands before an engine and passes on what both say, but for its fault.
type Proxy struct {
	// Host is its address, as the configuration of a sandbox takes it.
	Host string

	engine   string // path of its socket
	listener net.Listener
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu    sync.Mutex
	fault Fault
	sent  int // bytes of the last output that was not spoiled
}

// NewProxy starts a proxy before the engine with the socket at unix://PATH. It listens
// on loopback, as only TCP knows a reset. Close it.
func NewProxy(host string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{Host: "tcp://" + l.Addr().String(), engine: strings.TrimPrefix(host, "unix://"), listener: l}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.running.Go(func() { p.serve(c.(*net.TCPConn)) })
		}
	})
	return p, nil
}

// Set changes the fault, for answers from now on.
func (p *Proxy) Set(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.sent = f, 0
}

// Output is how many bytes the last stream of output had since Set.
func (p *Proxy) Output() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent
}

func (p *Proxy) current() Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault
}

// Close ends the proxy and all connections through it.
func (p *Proxy) Close() error {
	p.cancel()
	err := p.listener.Close()
	p.running.Wait()
	return err
}

// serve passes on the requests of one connection, one after the other.
func (p *Proxy) serve(client *net.TCPConn) {
	defer client.Close()
	upstream, err := net.Dial("unix", p.engine)
	if err != nil {
		return
	}
	engine := upstream.(*net.UnixConn)
	defer engine.Close()
	defer context.AfterFunc(p.ctx, func() {
		_ = client.Close()
		_ = engine.Close()
	})()
	fromClient, fromEngine := bufio.NewReader(client), bufio.NewReader(engine)
	for {
		req, err := http.ReadRequest(fromClient)
		if err != nil {
			return
		}
		fault := p.current()
		if fault.Fails != nil && fault.Fails(req) {
			_, _ = io.Copy(io.Discard, req.Body)
			if answer500(client) != nil {
				return
			}
			continue
		}
		if req.Write(engine) != nil {
			return
		}
		resp, err := http.ReadResponse(fromEngine, req)
		if err != nil {
			return
		}
		select {
		case <-time.After(fault.Delay):
		case <-p.ctx.Done():
			return
		}
		if resp.StatusCode == http.StatusSwitchingProtocols {
			p.splice(req, resp, client, engine, fromClient, fromEngine)
			return
		}
		err = resp.Write(client)
		_ = resp.Body.Close()
		if err != nil || resp.Close || req.Close {
			return
		}
	}
}

func answer500(w io.Writer) error {
	const body = `{"cause":"the proxy's doing","message":"the proxy's doing","response":500}`
	resp := http.Response{StatusCode: http.StatusInternalServerError, ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}
	return resp.Write(w)
}

// splice passes on a connection that is a stream from here on.
func (p *Proxy) splice(req *http.Request, resp *http.Response, client *net.TCPConn, engine *net.UnixConn, fromClient, fromEngine io.Reader) {
	// Without a body: what follows is the stream's.
	head := http.Response{StatusCode: resp.StatusCode, ProtoMajor: 1, ProtoMinor: 1, Header: resp.Header}
	if head.Write(client) != nil {
		return
	}
	inputEnded := make(chan struct{})
	p.running.Go(func() {
		defer close(inputEnded)
		_, _ = io.Copy(engine, fromClient)
		_ = engine.CloseWrite()
	})
	fault := p.current()
	query := req.URL.Query()
	isOutput := query.Get("stdout") == "1" || query.Get("stdout") == "true"
	if !isOutput || !fault.Spoils {
		n, _ := io.Copy(client, fromEngine)
		if isOutput {
			p.mu.Lock()
			p.sent = int(n)
			p.mu.Unlock()
		}
		_ = client.CloseWrite()
		<-inputEnded
		return
	}
	_, _ = io.CopyN(client, fromEngine, int64(fault.After))
	switch fault.How {
	case End:
		_ = client.CloseWrite()
		_, _ = io.Copy(io.Discard, fromEngine) // the engine is not to notice
	case Reset:
		_ = client.SetLinger(0)
	case Stall:
		select {
		case <-inputEnded: // the client has gone
		case <-p.ctx.Done():
		}
	}
}
