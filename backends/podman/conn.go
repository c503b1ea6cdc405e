package podman

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/containers/podman/v5/pkg/bindings"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
	"github.com/AltairaLabs/dockerrun/runtime"
)

const (
	dialLimit = 15 * time.Second
	// idleLimit is when an unused connection is closed, so that a quiet program holds
	// none.
	idleLimit = 30 * time.Second
	// idleConns is how many connections are kept for the next call. Each call uses up
	// to three at once.
	idleConns = 64
)

// conn is a service that has answered.
type conn struct {
	client   *http.Client
	base     string // what comes before /containers/...
	endpoint string // for people
	service  service

	mu   sync.Mutex
	info *info // cached, once asked for
}

// connector makes the connection at the first use, for all callers at once, and again
// when it was dropped.
type connector struct {
	options Options
	bind    bind

	mu      sync.Mutex
	current *conn
	pending *dial
	closed  bool
}

// bind is how the bindings connect.
type bind func(context.Context, bindings.Options) (context.Context, error)

type dial struct {
	done chan struct{}
	conn *conn
	err  error
}

// get gives the connection and waits for one that is being made. Ending ctx ends the
// wait only: others may wait for the same one.
func (c *connector) get(ctx context.Context) (*conn, error) {
	c.mu.Lock()
	if c.current != nil {
		defer c.mu.Unlock()
		return c.current, nil
	}
	if c.closed {
		c.mu.Unlock()
		return nil, &runtime.Error{Kind: runtime.ErrClosed, Runtime: Key}
	}
	d := c.pending
	if d == nil {
		d = &dial{done: make(chan struct{})}
		c.pending = d
		go c.dial(d)
	}
	c.mu.Unlock()
	select {
	case <-d.done:
		return d.conn, d.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *connector) dial(d *dial) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), dialLimit, fmt.Errorf("no answer within %s", dialLimit))
	defer cancel()
	d.conn, d.err = connect(ctx, c.options, c.bind)
	c.mu.Lock()
	c.pending = nil
	switch {
	case d.conn == nil:
	case c.closed:
		d.conn.client.CloseIdleConnections()
	default:
		c.current = d.conn
	}
	c.mu.Unlock()
	close(d.done)
}

// drop makes the next call connect anew, as when the service went away.
func (c *connector) drop(old *conn) {
	c.mu.Lock()
	if c.current == old {
		c.current = nil
	}
	c.mu.Unlock()
	old.client.CloseIdleConnections()
}

func (c *connector) close() {
	c.mu.Lock()
	c.closed = true
	old := c.current
	c.current = nil
	c.mu.Unlock()
	if old != nil {
		old.client.CloseIdleConnections()
	}
}

func connect(ctx context.Context, o Options, bind bind) (*conn, error) {
	u, from, err := findHost(o.Host)
	if err != nil {
		return nil, unavailable(err, nil, from)
	}
	if err := knock(ctx, u); err != nil {
		return nil, unavailable(err, u, from)
	}
	// Over ssh they mind no context, and wait for a host that takes the connection and says
	// nothing for as long as it does so.
	bound, err := call.Answer(ctx, func() (context.Context, error) {
		return bind(ctx, bindings.Options{
			URI: u.String(), Identity: o.SSHKey, TLSCAFile: o.TLSCA, TLSCertFile: o.TLSCert, TLSKeyFile: o.TLSKey,
		})
	})
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, unavailable(err, u, from)
	}
	made, err := bindings.GetClient(bound)
	if err != nil {
		return nil, unavailable(err, u, from)
	}
	c := &conn{client: made.Client, base: "http://d", endpoint: u.Redacted()}
	if v := bindings.ServiceVersion(bound); v != nil {
		c.service.version = *v
	}
	if transport, ok := made.Client.Transport.(*http.Transport); ok {
		// A copy: the one that has answered the ping may be in use already.
		next := transport.Clone()
		next.MaxIdleConnsPerHost, next.IdleConnTimeout = idleConns, idleLimit
		c.client = &http.Client{Transport: next}
		transport.CloseIdleConnections()
	}
	if u.Scheme == "tcp" {
		scheme := "http"
		if o.TLSCA != "" || o.TLSCert != "" || o.TLSKey != "" {
			scheme = "https"
		}
		c.base = (&url.URL{Scheme: scheme, Host: u.Host, Path: u.Path}).String()
	}
	c.base += "/v" + newestVersion.String() + "/libpod"
	return c, nil
}

// knock fails at once where the bindings would try three times, with sleeps, whatever
// becomes of their context.
func knock(ctx context.Context, u *url.URL) error {
	network, address := "unix", u.Path
	switch {
	case u.Scheme == "tcp" && os.Getenv("CONTAINER_PROXY") == "":
		network, address = "tcp", u.Host
	case u.Scheme != "unix":
		return nil
	}
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	if err := c.Close(); err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	return nil
}
