package call

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDemux(t *testing.T) {
	t.Parallel()
	big := bytes.Repeat([]byte("x"), 100_000)
	for name, tc := range map[string]struct {
		in          string
		out, errOut string
		err         string
	}{
		"nothing":           {},
		"both":              {in: "\x01\x00\x00\x00\x00\x00\x00\x02ab\x02\x00\x00\x00\x00\x00\x00\x01c", out: "ab", errOut: "c"},
		"empty frame":       {in: "\x01\x00\x00\x00\x00\x00\x00\x00"},
		"cut in a header":   {in: "\x01\x00\x00", err: io.ErrUnexpectedEOF.Error()},
		"cut in the bytes":  {in: "\x01\x00\x00\x00\x00\x00\x00\x05ab", out: "ab", err: io.ErrUnexpectedEOF.Error()},
		"engine's error":    {in: "\x03\x00\x00\x00\x00\x00\x00\x04oops", err: "failed to read the output: oops"},
		"unknown stream":    {in: "\x07\x00\x00\x00\x00\x00\x00\x01a", err: "a frame that is none"},
		"impossible length": {in: "\x01\x00\x00\x00\xff\xff\xff\xff", err: "a frame that is none"},
		"large":             {in: "\x02\x00\x00\x00\x00\x01\x86\xa0" + string(big), errOut: string(big)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errOut bytes.Buffer
			err := new(Frames).Copy(iotest.HalfReader(bytes.NewReader([]byte(tc.in))), &out, &errOut)
			if tc.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.err)
			}
			assert.Equal(t, tc.out, out.String())
			assert.Equal(t, tc.errOut, errOut.String())
		})
	}
}

func TestDemuxWriteFails(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	err := new(Frames).Copy(bytes.NewReader([]byte("\x01\x00\x00\x00\x00\x00\x00\x02ab")), brokenWriter{full}, io.Discard)
	require.ErrorIs(t, err, full)
}

func TestWithinAFrame(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	var f Frames
	copied := make(chan error, 1)
	go func() { copied <- f.Copy(r, io.Discard, io.Discard) }()
	for _, step := range []struct {
		bytes  string
		within bool
	}{
		{"\x01", true}, {"\x00\x00\x00\x00\x00\x00\x02a", true}, {"b", false}, {"\x02\x00", true}, {"\x00\x00\x00\x00\x00\x00", false},
	} {
		_, err := io.WriteString(w, step.bytes)
		require.NoError(t, err)
		assert.Eventually(t, func() bool { return f.Within() == step.within }, time.Minute, time.Millisecond, "after %q", step.bytes)
	}
	require.NoError(t, w.Close())
	require.NoError(t, <-copied)
}

// Whatever is written as frames comes out again, apart and in order.
func FuzzDemux(f *testing.F) {
	f.Add([]byte("out"), []byte("err"), true)
	f.Add(bytes.Repeat([]byte{0x10, 0x11, 0, 1, 2}, 9000), []byte{}, false)
	f.Fuzz(func(t *testing.T, a, b []byte, first bool) {
		var wire, out, errOut bytes.Buffer
		for i, part := range [][]byte{a, b, a} {
			stream := byte(1)
			if (i == 1) == first {
				stream = 2
			}
			_, err := frames{&wire, stream}.Write(part)
			require.NoError(t, err)
		}
		require.NoError(t, new(Frames).Copy(&wire, &out, &errOut))
		// a went to one stream twice, b to the other.
		want := map[bool][2][]byte{true: {append(bytes.Clone(a), a...), b}, false: {b, append(bytes.Clone(a), a...)}}[first]
		assert.True(t, bytes.Equal(want[0], out.Bytes()))
		assert.True(t, bytes.Equal(want[1], errOut.Bytes()))
	})
}

// frames writes as an engine does, to one stream.
type frames struct {
	to     io.Writer
	stream byte
}

func (w frames) Write(p []byte) (int, error) {
	const most = 8 << 10
	for done := 0; done < len(p); {
		part := p[done:min(done+most, len(p))]
		header := [8]byte{w.stream}
		binary.BigEndian.PutUint32(header[4:], uint32(len(part)))
		if _, err := w.to.Write(append(header[:], part...)); err != nil {
			return done, err
		}
		done += len(part)
	}
	return len(p), nil
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }
