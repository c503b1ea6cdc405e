package warm

import (
	"io"
	"sync"
)

// keptInput is how much of a call's input is kept, in bytes, until the command has
// started: so that another container can have it when this one turns out to be dead. No
// more is read until then.
const keptInput = 256 << 10

// feed is the stdin of one call. What was read of it stays, until settle.
type feed struct {
	from io.Reader // nil: empty

	reading sync.Mutex // held during a Read of from

	mu      sync.Mutex
	kept    []byte
	err     error         // of from, io.EOF too
	settled bool          // nothing has to be kept any more
	moved   chan struct{} // closed by settle
}

func newFeed(from io.Reader) *feed {
	return &feed{from: from, moved: make(chan struct{})}
}

// settle says that there will be no other reader.
func (f *feed) settle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.settled {
		f.settled = true
		close(f.moved)
	}
}

// failure is what the caller's stdin failed with, other than at its end.
func (f *feed) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == io.EOF {
		return nil
	}
	return f.err
}

// reader reads the feed from its beginning, for one container. It is not for
// concurrent use; stop is.
type reader struct {
	feed *feed
	off  int // what it has had of feed.kept

	once    sync.Once
	stopped chan struct{}
}

func (f *feed) reader() *reader { return &reader{feed: f, stopped: make(chan struct{})} }

// stop makes all later Reads fail. It waits for none.
func (r *reader) stop() { r.once.Do(func() { close(r.stopped) }) }

func (r *reader) isStopped() bool {
	select {
	case <-r.stopped:
		return true
	default:
		return false
	}
}

func (r *reader) Read(p []byte) (int, error) {
	f := r.feed
	f.reading.Lock() // another container's Read may still be blocked, and what it gets is ours
	defer f.reading.Unlock()
	for {
		f.mu.Lock()
		switch {
		case r.isStopped():
			f.mu.Unlock()
			return 0, io.ErrClosedPipe
		case r.off < len(f.kept):
			n := copy(p, f.kept[r.off:])
			r.off += n
			if f.settled && r.off == len(f.kept) {
				f.kept, r.off = nil, 0
			}
			f.mu.Unlock()
			return n, nil
		case f.err != nil || f.from == nil:
			err := f.err
			f.mu.Unlock()
			if err == nil {
				err = io.EOF
			}
			return 0, err
		case f.settled || len(f.kept) < keptInput:
			f.mu.Unlock()
			return r.read(p)
		}
		f.mu.Unlock()
		select {
		case <-f.moved:
		case <-r.stopped:
		}
	}
}

// read reads on in the caller's stdin. feed.reading is held.
func (r *reader) read(p []byte) (int, error) {
	f := r.feed
	n, err := f.from.Read(p)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case r.isStopped(): // nobody takes it here any more, so the next reader must have it
		f.kept = append(f.kept, p[:n]...)
	case !f.settled:
		f.kept = append(f.kept, p[:n]...)
		r.off += n
	}
	f.err = err
	return n, err
}

// input is the stdin of a warm container: nothing until the header comes, then the
// header, then nothing until the call does, then the call's.
type input struct {
	mu     sync.Mutex
	header []byte // what is still to be read of it
	body   *reader
	begun  [2]bool // reading of the header, and of the call's input
	shut   bool    // the container is gone
	spent  bool    // its command has ended

	change chan struct{} // gets a value at every change
	closed chan struct{}
	once   sync.Once
}

func newInput() *input {
	return &input{change: make(chan struct{}, 1), closed: make(chan struct{})}
}

// send gives the container its header, or its input, or both; nil is none. It reports
// whether there was still somebody to have it.
func (in *input) send(header []byte, body *reader) bool {
	in.mu.Lock()
	if in.shut || in.spent {
		in.mu.Unlock()
		return false
	}
	if header != nil {
		in.header = header
	}
	if body != nil {
		in.body = body
	}
	in.mu.Unlock()
	select {
	case in.change <- struct{}{}:
	default:
	}
	return true
}

// spend makes further sends be in vain: the command has ended.
func (in *input) spend() {
	in.mu.Lock()
	in.spent = true
	in.mu.Unlock()
}

// read reports whether reading of the header, and of the call's input, was begun.
func (in *input) read() (header, body bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.begun[0], in.begun[1]
}

// Read is for one goroutine at a time.
func (in *input) Read(p []byte) (int, error) {
	for {
		in.mu.Lock()
		if in.shut {
			in.mu.Unlock()
			return 0, io.ErrClosedPipe
		}
		body := in.body
		if len(in.header) > 0 {
			n := copy(p, in.header)
			in.header, in.begun[0] = in.header[n:], true
			in.mu.Unlock()
			return n, nil
		}
		in.begun[1] = in.begun[1] || body != nil
		in.mu.Unlock()
		if body != nil {
			return body.Read(p)
		}
		select {
		case <-in.change:
		case <-in.closed:
			return 0, io.ErrClosedPipe
		}
	}
}

// Close is called by the Runtime when the container's Run returns.
func (in *input) Close() error {
	in.once.Do(func() { close(in.closed) })
	in.mu.Lock()
	in.shut = true
	body := in.body
	in.mu.Unlock()
	if body != nil {
		body.stop()
	}
	return nil
}
