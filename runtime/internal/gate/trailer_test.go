package gate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// feed gives t a text in pieces of n bytes.
func feed(t *Trailer, text string, n int) (string, error) {
	var out strings.Builder
	for len(text) > 0 {
		k := min(n, len(text))
		if err := t.Feed([]byte(text[:k]), func(p []byte) error { out.Write(p); return nil }); err != nil {
			return out.String(), err
		}
		text = text[k:]
	}
	return out.String(), nil
}

func TestTrailer(t *testing.T) {
	t.Parallel()
	const token = "abcabd"
	for _, body := range []string{"", "x", "abcab", "abcabcabcab", "ababab", "abcab abd", strings.Repeat("abc", 1000), "line\nabcab\n"} {
		for n := 1; n < 20; n++ {
			tr := Trailer{Token: token}
			out, err := feed(&tr, body+token+" 42\nleft by a child "+token+" 0\n", n)
			require.NoError(t, err)
			assert.Equal(t, body, out, "in pieces of %d", n)
			status, done := tr.Status()
			assert.True(t, done)
			assert.Equal(t, 42, status)
		}
	}
}

func TestTrailerMissing(t *testing.T) {
	t.Parallel()
	tr := Trailer{Token: "abcabd"}
	out, err := feed(&tr, "all of it abcab", 4)
	require.NoError(t, err)
	assert.Equal(t, "all of it abcab", out+string(tr.Rest()))
	_, done := tr.Status()
	assert.False(t, done)
}

func TestTrailerBroken(t *testing.T) {
	t.Parallel()
	for _, tail := range []string{"\n", " \n", "42\n", " x\n", " 256\n", " -1\n", " 1234567890", "0\n"} {
		tr := Trailer{Token: "abcabd"}
		_, err := feed(&tr, "abcabd"+tail, 3)
		require.Error(t, err, "%q", tail)
	}
}

// FuzzTrailer: what comes before the trailer is passed on as it is, however it is cut up.
func FuzzTrailer(f *testing.F) {
	f.Add("payload", uint8(3), uint8(7))
	f.Add("TOKEN-TOKE", uint8(1), uint8(255))
	f.Fuzz(func(t *testing.T, body string, n, status uint8) {
		const token = "TOKEN-TOKEN-TAIL"
		if strings.Contains(body+token[:len(token)-1], token) {
			return
		}
		tr := Trailer{Token: token}
		out, err := feed(&tr, body+token+" "+string([]byte{'0' + status%10})+"\n", max(1, int(n)))
		require.NoError(t, err)
		require.Equal(t, body, out)
		got, done := tr.Status()
		require.True(t, done)
		require.Equal(t, int(status%10), got)
	})
}
