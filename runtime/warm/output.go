package warm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/internal/gate"
)

const (
	// earlyOutput is how much, in bytes, of what a command writes before its call is
	// kept for it. More of it waits for the call.
	earlyOutput = 64 << 10
	// maxNoise is how long, in bytes, a shell's message can be.
	maxNoise = 4 << 10
)

// output stands between one stream of a warm container and the call that gets it. The
// runtime that runs the container writes to it, one Write at a time.
type output struct {
	gated bool   // it begins and ends as a gate's does; else all of it is the command's
	noise string // how a message of the shell begins; empty: none comes on this stream
	said  func(line string)
	ended func() // the trailer is there

	mu      sync.Mutex
	lines   int // of the gate's own, still to come
	line    []byte
	trailer gate.Trailer
	suspect []byte    // what looks like the shell's message
	early   []byte    // what came before the call
	to      io.Writer // the call's; nil: discard
	emitted bool      // something reached the call
	over    bool      // the call wants no more

	taken    chan struct{} // closed when there is a call, or will be none
	takeOnce sync.Once
}

// take makes w what gets the stream, from its beginning.
func (o *output) take(w io.Writer) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer o.release() // a Write that waits comes after what is early
	o.to = w
	early := o.early
	o.early = nil
	if len(early) == 0 {
		return nil
	}
	return o.pass(early)
}

// release ends the wait for a call.
func (o *output) release() { o.takeOnce.Do(func() { close(o.taken) }) }

// end keeps later output from the call. It waits for a Write that is under way.
func (o *output) end() {
	o.release()
	o.mu.Lock()
	o.over, o.to = true, nil
	o.mu.Unlock()
}

// expect makes the trailer known.
func (o *output) expect(token string) {
	o.mu.Lock()
	o.trailer.Token = token
	o.mu.Unlock()
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.gated {
		return len(p), o.emit(p)
	}
	rest, err := o.head(p)
	if err != nil || len(rest) == 0 {
		return len(p), err
	}
	if o.trailer.Token == "" {
		return 0, o.broken("the gate of a warm container said %q before there was a command", rest)
	}
	if _, done := o.trailer.Status(); done {
		return len(p), nil
	}
	if err := o.trailer.Feed(rest, o.filter); errors.Is(err, gate.ErrTrailer) {
		return 0, o.broken("%w", err)
	} else if err != nil {
		return 0, err
	}
	if status, done := o.trailer.Status(); done {
		if !o.isNoise(status) {
			if err := o.flush(); err != nil {
				return 0, err
			}
		}
		o.mu.Unlock() // as for said
		o.ended()
		o.mu.Lock()
	}
	return len(p), nil
}

// broken is an error that is nobody's but the gate's.
func (o *output) broken(format string, args ...any) error {
	return &runtime.Error{Kind: runtime.ErrEngine, Started: true, Err: fmt.Errorf(format, args...)}
}

// head takes the gate's first lines off p.
func (o *output) head(p []byte) ([]byte, error) {
	for o.lines > 0 && len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			if o.line = append(o.line, p...); len(o.line) > maxNoise {
				return nil, o.broken("%s of the image does not run the gate; it said %q", gate.Shell, o.line)
			}
			return nil, nil
		}
		line := string(append(o.line, p[:i+1]...))
		o.line, p = nil, p[i+1:]
		want := gate.Ready
		if o.lines == 1 {
			want = o.trailer.Token + "\n"
			if want != "\n" && strings.HasPrefix(line, o.trailer.Token+" ") {
				o.lines = 0 // the trailer already: there was nothing to start
				return append([]byte(line), p...), nil
			}
		}
		if line != want {
			return nil, o.broken("%s of the image does not run the gate; it said %q", gate.Shell, line)
		}
		o.lines--
		o.mu.Unlock() // said may take locks whose holders want this one
		o.said(line)
		o.mu.Lock()
	}
	return p, nil
}

// filter holds back what may be the message of a shell that could not start the command.
func (o *output) filter(p []byte) error {
	if o.noise == "" {
		return o.emit(p)
	}
	o.suspect = append(o.suspect, p...)
	if len(o.suspect) <= maxNoise && o.suspicious() {
		return nil
	}
	return o.flush()
}

// suspicious reports whether each line of suspect may be the shell's.
func (o *output) suspicious() bool {
	for line := range bytes.Lines(o.suspect) {
		n := min(len(line), len(o.noise))
		if string(line[:n]) != o.noise[:n] {
			return false
		}
	}
	return true
}

// isNoise reports whether all that the command wrote is the message of a shell that
// could not start it.
func (o *output) isNoise(status int) bool {
	return (status == 126 || status == 127) && len(o.suspect) > 0 && bytes.HasSuffix(o.suspect, []byte("\n"))
}

// flush passes on what was held back for nothing.
func (o *output) flush() error {
	held := o.suspect
	o.suspect, o.noise = nil, ""
	if len(held) == 0 {
		return nil
	}
	return o.emit(held)
}

// rest passes on what was held back for a trailer that never came, as the container
// has ended without one.
func (o *output) rest() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.flush(); err != nil {
		return err
	}
	if rest := o.trailer.Rest(); len(rest) > 0 {
		return o.emit(rest)
	}
	return nil
}

// emit gives the call what is the command's. Without a call it keeps it, or waits.
func (o *output) emit(p []byte) error {
	for {
		switch {
		case o.over:
			return nil
		case o.isTaken():
			return o.pass(p)
		case len(o.early)+len(p) <= earlyOutput:
			o.early = append(o.early, p...)
			return nil
		}
		o.mu.Unlock()
		<-o.taken
		o.mu.Lock()
	}
}

func (o *output) isTaken() bool {
	select {
	case <-o.taken:
		return true
	default:
		return false
	}
}

func (o *output) pass(p []byte) error {
	o.emitted = true
	if o.to == nil {
		return nil
	}
	n, err := o.to.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return err
}

// wrote reports whether the call got anything.
func (o *output) wrote() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.emitted
}

// status is that of the trailer.
func (o *output) status() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	status, _ := o.trailer.Status()
	return status
}

// message is what the shell said when it could not start the command, or empty.
func (o *output) message() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if status, done := o.trailer.Status(); !done || !o.isNoise(status) {
		return ""
	}
	return string(o.suspect)
}
