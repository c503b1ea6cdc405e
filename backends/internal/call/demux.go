package call

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
)

// maxFrame is more than any frame of an engine's, which are at most 32 KiB.
const maxFrame = 1 << 26

// Streams of the frames in which engines send a command's output.
const (
	stdoutFrame = 1
	stderrFrame = 2
	engineFrame = 3 // Docker's own failure to read the output
)

// Frames are a command's output as engines send it, stdout and stderr in one stream. The
// zero value is ready for one Copy.
type Frames struct {
	within atomic.Bool
}

// Within reports whether a frame has begun to come whose end is still to come.
func (f *Frames) Within() bool { return f.within.Load() }

// Copy copies frames to stdout and stderr until the stream ends: an 8-byte header
// (the stream, three zeros, the length in network order), then the bytes. A stream
// that ends within a frame is io.ErrUnexpectedEOF; Docker's own reader would take it
// for a whole one.
func (f *Frames) Copy(r io.Reader, stdout, stderr io.Writer) error {
	buffered := bufio.NewReaderSize(r, 64<<10)
	for {
		switch _, err := buffered.Peek(1); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		f.within.Store(true)
		if err := copyFrame(buffered, stdout, stderr); err != nil {
			return err
		}
		f.within.Store(false)
	}
}

func copyFrame(r io.Reader, stdout, stderr io.Writer) error {
	var header [8]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return err // io.ErrUnexpectedEOF, as there is a byte of it
	}
	size := int64(binary.BigEndian.Uint32(header[4:]))
	var failed strings.Builder
	var to io.Writer
	switch header[0] {
	case stdoutFrame:
		to = stdout
	case stderrFrame:
		to = stderr
	case engineFrame:
		to = &failed
	}
	if to == nil || size > maxFrame {
		return fmt.Errorf("the engine sent a frame that is none: % x", header)
	}
	n, err := io.CopyN(to, r, size)
	switch {
	case errors.Is(err, io.EOF) && n < size:
		return io.ErrUnexpectedEOF
	case err != nil:
		return err
	case header[0] == engineFrame:
		return fmt.Errorf("the engine failed to read the output: %s", failed.String())
	}
	return nil
}
