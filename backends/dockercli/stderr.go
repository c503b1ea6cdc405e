package dockercli

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// maxHeld is how much is kept back that could be the command line's own.
const maxHeld = 64 * 1024

// stderrFilter takes the lines of the command line out of the stderr that it shares
// with the command. Warnings that stand before the command's first byte are reported
// and dropped. From a line on that could be an error of the command line, everything
// is held, until the exit says whose it was.
type stderrFilter struct {
	to   io.Writer
	warn func(string)

	mu      sync.Mutex
	buf     []byte // undecided; begins at a line's start unless inLine
	holding bool
	inLine  bool   // the rest of a line that was passed on
	passed  bool   // the command has written something
	last    []byte // the end of what was passed on
	open    bool   // nothing is looked at any more
}

// Write never fails, as the command line would die of it.
func (f *stderrFilter) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	f.buf = append(f.buf, p...)
	if !f.open && !f.holding {
		f.scan()
	}
	if f.open || len(f.buf) > maxHeld {
		f.holding = false
		f.inLine = f.buf[len(f.buf)-1] != '\n'
		f.pass(len(f.buf))
	}
	return len(p), nil
}

// scan decides on as many lines as it can.
func (f *stderrFilter) scan() {
	pass := 0 // so many bytes are the command's
	defer func() { f.pass(pass) }()
	for pass < len(f.buf) {
		rest := f.buf[pass:]
		line, _, whole := bytes.Cut(rest, []byte{'\n'})
		if f.inLine {
			pass += lineEnd(line, whole)
			f.inLine = !whole
			continue
		}
		switch whose(string(line), whole, !f.passed && pass == 0) {
		case itsWarning:
			f.warn(warningText(string(line)))
			f.buf = rest[lineEnd(line, whole):]
		case perhapsItsError:
			f.holding = true
			return
		case undecided:
			return
		case theCommands:
			pass += lineEnd(line, whole)
			f.inLine = !whole
		}
	}
}

func lineEnd(line []byte, whole bool) int {
	if whole {
		return len(line) + 1
	}
	return len(line)
}

// pass gives n bytes to the caller.
func (f *stderrFilter) pass(n int) {
	if n == 0 {
		return
	}
	_, _ = f.to.Write(f.buf[:n])
	f.passed = true
	f.last = append(f.last, f.buf[max(0, n-maxWarning):n]...)
	if over := len(f.last) - maxWarning; over > 0 {
		f.last = append(f.last[:0], f.last[over:]...)
	}
	f.buf = f.buf[n:]
	if len(f.buf) == 0 {
		f.buf = nil // let go of what was sent
	}
}

// flush passes on what is held, and whatever comes later.
func (f *stderrFilter) flush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open = true
	f.pass(len(f.buf))
}

// held is what could be the command line's error.
func (f *stderrFilter) held() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return string(f.buf)
}

// interrupted gives what the command line said of an engine that went away, where that
// follows a line which the command had not ended, so that it looked like the command's.
// Empty: it said no such thing.
func (f *stderrFilter) interrupted() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	begin := bytes.LastIndex(f.last, []byte(`time="`))
	if begin < 0 {
		return ""
	}
	line := strings.TrimSpace(string(f.last[begin:]))
	if m := logRE.FindStringSubmatch(line); m == nil || m[1] != "error" || !strings.HasPrefix(m[2], waitLost) {
		return ""
	}
	return line
}

// wrote reports whether the command has certainly written something.
func (f *stderrFilter) wrote() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.passed
}

// The verdicts on a line.
type owner int

const (
	theCommands owner = iota
	itsWarning
	perhapsItsError
	undecided // the line is not complete
)

// whose judges a line, or the beginning of one. Warnings are the command line's only at
// the head of the stream.
func whose(line string, whole, head bool) owner {
	if startsError(line) {
		return perhapsItsError
	}
	if head && whole && isWarning(line) {
		return itsWarning
	}
	if !whole && len(line) < maxWarning && (couldStartError(line) || head && couldBeWarning(line)) {
		return undecided
	}
	return theCommands
}

// prefixed reports whether line begins with one of the prefixes, or for a partial line
// whether it still may.
func prefixed(line string, prefixes []string, partial bool) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(line, p) || partial && strings.HasPrefix(p, line) {
			return true
		}
	}
	return false
}
