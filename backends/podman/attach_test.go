package podman

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

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
		"unknown stream":    {in: "\x07\x00\x00\x00\x00\x00\x00\x01a", err: "a frame that is none"},
		"impossible length": {in: "\x01\x00\x00\x00\xff\xff\xff\xff", err: "a frame that is none"},
		"large":             {in: "\x02\x00\x00\x00\x00\x01\x86\xa0" + string(big), errOut: string(big)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errOut bytes.Buffer
			err := demux(iotest.HalfReader(bytes.NewReader([]byte(tc.in))), &out, &errOut)
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
	err := demux(bytes.NewReader([]byte("\x01\x00\x00\x00\x00\x00\x00\x02ab")), brokenWriter{full}, io.Discard)
	require.ErrorIs(t, err, full)
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
		require.NoError(t, demux(&wire, &out, &errOut))
		// a went to one stream twice, b to the other.
		want := map[bool][2][]byte{true: {append(bytes.Clone(a), a...), b}, false: {b, append(bytes.Clone(a), a...)}}[first]
		assert.True(t, bytes.Equal(want[0], out.Bytes()))
		assert.True(t, bytes.Equal(want[1], errOut.Bytes()))
	})
}
