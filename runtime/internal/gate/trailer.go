package gate

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxTrailer bounds what follows the token: a space, a status, a newline.
const maxTrailer = 8

// ErrTrailer is a trailer that is none.
var ErrTrailer = errors.New("the trailer of a warm container is broken")

// Trailer finds the trailer in one of the two outputs. Set Token before the first Feed.
type Trailer struct {
	Token string

	held   []byte // the end of what came, when a token may begin with it
	tail   []byte // what follows the token
	inTail bool
	done   bool
	status int
}

// Feed takes the next bytes and passes on what is the command's own among them, in
// order, to emit. Bytes that may be part of the trailer are held back. After the
// trailer there is nothing that counts.
func (t *Trailer) Feed(p []byte, emit func([]byte) error) error {
	if t.done {
		return nil
	}
	if t.inTail {
		return t.feedTail(p)
	}
	if len(t.held) > 0 {
		p = append(t.held, p...)
		t.held = nil
	}
	if i := bytes.Index(p, []byte(t.Token)); i >= 0 {
		t.inTail = true
		if err := emitAll(p[:i], emit); err != nil {
			return err
		}
		return t.feedTail(p[i+len(t.Token):])
	}
	keep := t.partial(p)
	t.held = bytes.Clone(p[len(p)-keep:])
	return emitAll(p[:len(p)-keep], emit)
}

func emitAll(p []byte, emit func([]byte) error) error {
	if len(p) == 0 {
		return nil
	}
	return emit(p)
}

// partial is how many bytes at the end of p a token may begin with.
func (t *Trailer) partial(p []byte) int {
	for n := min(len(p), len(t.Token)-1); n > 0; n-- {
		if p[len(p)-n] == t.Token[0] && strings.HasPrefix(t.Token, string(p[len(p)-n:])) {
			return n
		}
	}
	return 0
}

func (t *Trailer) feedTail(p []byte) error {
	t.tail = append(t.tail, p[:min(len(p), maxTrailer-len(t.tail))]...)
	line, _, ok := bytes.Cut(t.tail, []byte("\n"))
	if !ok && len(t.tail) < maxTrailer {
		return nil
	}
	status, err := strconv.Atoi(strings.TrimPrefix(string(line), " "))
	if !ok || err != nil || status < 0 || status > 255 || line[0] != ' ' {
		return fmt.Errorf("%w: %q", ErrTrailer, t.tail)
	}
	t.done, t.status = true, status
	return nil
}

// Rest is what was held back, when the output has ended without a trailer.
func (t *Trailer) Rest() []byte {
	if t.inTail {
		return nil
	}
	rest := t.held
	t.held = nil
	return rest
}

// Status is the command's exit status, once the trailer is there.
func (t *Trailer) Status() (status int, done bool) { return t.status, t.done }
