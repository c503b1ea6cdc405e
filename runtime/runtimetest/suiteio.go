package runtimetest

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/AltairaLabs/dockerrun/runtime/runtimetest/internal/probe"
)

// input is stdin that holds data.
func input(data []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(data)) }

func text(s string) io.ReadCloser { return io.NopCloser(strings.NewReader(s)) }

// bigInput is more than any buffer on the way to the command takes.
func bigInput() io.ReadCloser { return input(probe.Pattern(probe.SeedStdout, 16<<20)) }

// output keeps what is written, and a count of what was written after its end.
type output struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	ready chan struct{} // closed at the first Write, when set
	once  sync.Once
	ended bool
	late  int
	err   error // what Write returns, when set
}

// newOutput is output that says when the first byte is there.
func newOutput() *output { return &output{ready: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ready != nil && len(p) > 0 {
		o.once.Do(func() { close(o.ready) })
	}
	if o.err != nil {
		return 0, o.err
	}
	if o.ended {
		o.late++
		return len(p), nil
	}
	return o.buf.Write(p)
}

func (o *output) bytes() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.buf.Bytes())
}

// end counts Writes from here on.
func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
}

func (o *output) lateWrites() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.late
}

// stuckInput blocks in Read until release, whatever Close says.
type stuckInput struct {
	free   chan struct{}
	closed atomic.Int32
	reads  atomic.Int32
}

func newStuckInput() *stuckInput { return &stuckInput{free: make(chan struct{})} }

func (i *stuckInput) Read([]byte) (int, error) {
	i.reads.Add(1)
	<-i.free
	return 0, io.EOF
}

func (i *stuckInput) Close() error {
	i.closed.Add(1)
	return nil
}

func (i *stuckInput) release() { close(i.free) }

// endlessInput never ends, and counts the Reads that begin after its end.
type endlessInput struct {
	ended  atomic.Bool
	late   atomic.Int32
	reads  atomic.Int32
	closed atomic.Int32
}

func (i *endlessInput) Read(p []byte) (int, error) {
	i.reads.Add(1)
	if i.ended.Load() {
		i.late.Add(1)
	}
	clear(p)
	return len(p), nil
}

func (i *endlessInput) Close() error {
	i.closed.Add(1)
	return nil
}
