package call

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"github.com/docker/docker/pkg/stdcopy"
	"github.com/stretchr/testify/require"
)

// FuzzWire: whatever comes, in whatever pieces, gives the same bytes and the same end;
// only a stream of whole frames ends well, and docker's own reader makes the same of it.
func FuzzWire(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x02ab\x02\x00\x00\x00\x00\x00\x00\x01c"), []byte{1})
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x02a"), []byte{9, 1})
	f.Add([]byte("\x03\x00\x00\x00\x00\x00\x00\x04oops"), []byte{3})
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00\x01"), []byte{8})
	f.Add([]byte("\x01\x00\x00\x00\x04\x00\x00\x01\x01"), []byte{})
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x01a"), []byte{2})
	f.Fuzz(func(t *testing.T, wire, cuts []byte) {
		type end struct {
			out, errOut string
			fails       string
			within      bool
		}
		read := func(r io.Reader) end {
			var out, errOut bytes.Buffer
			var frames Frames
			e := end{}
			if err := frames.Copy(r, &out, &errOut); err != nil {
				e.fails = err.Error()
			}
			e.out, e.errOut, e.within = out.String(), errOut.String(), frames.Within()
			return e
		}
		got := read(bytes.NewReader(wire))
		require.Equal(t, got, read(&inPieces{wire, cuts}), "pieces make no difference")
		require.Equal(t, wholeFrames(wire), got.fails == "")
		require.Equal(t, got.fails != "", got.within, "what failed, failed in a frame")
		if got.fails == "" {
			var out, errOut bytes.Buffer
			_, err := stdcopy.StdCopy(&out, &errOut, bytes.NewReader(wire))
			require.NoError(t, err)
			require.Equal(t, []string{out.String(), errOut.String()}, []string{got.out, got.errOut})
		}
	})
}

// wholeFrames reports whether wire is frames of the two streams to its last byte.
func wholeFrames(wire []byte) bool {
	for len(wire) >= 8 && (wire[0] == 1 || wire[0] == 2) {
		size := uint64(binary.BigEndian.Uint32(wire[4:8]))
		if size > maxFrame || uint64(len(wire)-8) < size {
			return false
		}
		wire = wire[8+size:]
	}
	return len(wire) == 0
}

// inPieces reads so many bytes at a time, and then the rest.
type inPieces struct{ data, cuts []byte }

func (p *inPieces) Read(to []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := min(len(p.data), len(to))
	if len(p.cuts) > 0 {
		n, p.cuts = min(n, max(1, int(p.cuts[0]))), p.cuts[1:]
	}
	copy(to, p.data[:n])
	p.data = p.data[n:]
	return n, nil
}
