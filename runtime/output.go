package runtime

import (
	"bytes"
	"fmt"
	"sync"
)

// limitBuffer holds what is written to it, and fails on more than max bytes. With keep
// it holds at most that much: the first and the last half of it.
type limitBuffer struct {
	name string
	max  int64 // bytes
	keep int   // bytes; 0: all

	mu    sync.Mutex
	total int64
	head  bytes.Buffer
	tail  []byte // a ring of keep/2 bytes
	next  int    // where the next byte goes in tail
	full  bool   // tail has wrapped
	err   error
}

// Write is for one writer at a time; the lock is for bytes and over, which a caller
// may need while a Runtime that broke its promise still writes.
func (b *limitBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return 0, b.err
	}
	n := len(p)
	if room := b.max - b.total; int64(n) > room {
		p = p[:room]
		b.err = &Error{
			Kind: ErrOutputLimit, Started: true,
			Message: fmt.Sprintf("%s is over the limit of %d bytes (max_output)", b.name, b.max),
		}
	}
	b.total += int64(len(p))
	b.store(p)
	if b.err != nil {
		return len(p), b.err
	}
	return n, nil
}

func (b *limitBuffer) store(p []byte) {
	if b.keep <= 0 {
		b.head.Write(p)
		return
	}
	half := b.keep / 2
	if room := half - b.head.Len(); room > 0 {
		n := min(room, len(p))
		b.head.Write(p[:n])
		p = p[n:]
	}
	if len(p) == 0 {
		return
	}
	if b.tail == nil {
		b.tail = make([]byte, half)
	}
	if len(p) > half {
		p = p[len(p)-half:]
	}
	for len(p) > 0 {
		n := copy(b.tail[b.next:], p)
		p = p[n:]
		if b.next += n; b.next == half {
			b.next, b.full = 0, true
		}
	}
}

// bytes is what was kept, in order, with a line for what was not.
func (b *limitBuffer) bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := bytes.Clone(b.head.Bytes())
	kept := int64(len(out) + b.next)
	if b.full {
		kept = int64(len(out) + len(b.tail))
	}
	if left := b.total - kept; left > 0 {
		out = append(out, fmt.Sprintf("\n[... %d bytes left out ...]\n", left)...)
	}
	if b.full {
		out = append(out, b.tail[b.next:]...)
	}
	return append(out, b.tail[:b.next]...)
}

// over is the error of a Write that went over the limit.
func (b *limitBuffer) over() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}
