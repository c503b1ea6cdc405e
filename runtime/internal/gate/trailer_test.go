package gate

import (
	"errors"
	"fmt"
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

// FuzzTrailer: what comes before the trailer is passed on as it is and what comes after
// it is not, wherever the reads cut it; and what never was a trailer is no end.
func FuzzTrailer(f *testing.F) {
	f.Add("payload", "", uint8(7), []byte{3})
	f.Add("TOKEN-TOKE", "TOKEN-TOKEN-TAIL 0\n", uint8(255), []byte{1})
	f.Add("TOKEN-TOKEN-TOKEN-TOKEN-TAI", "\n", uint8(0), []byte{4, 0, 7, 1, 1, 200})
	f.Fuzz(func(t *testing.T, body, after string, status uint8, cuts []byte) {
		const token = "TOKEN-TOKEN-TAIL"
		if strings.Contains(body+token[:len(token)-1], token) {
			return
		}
		tr := Trailer{Token: token}
		out, err := feedCut(&tr, fmt.Sprintf("%s%s %d\n%s", body, token, status, after), cuts)
		require.NoError(t, err)
		require.Equal(t, body, out)
		got, done := tr.Status()
		require.True(t, done)
		require.Equal(t, int(status), got)
		require.Empty(t, tr.Rest())

		tr = Trailer{Token: token}
		out, err = feedCut(&tr, body, cuts)
		require.NoError(t, err)
		require.Equal(t, body, out+string(tr.Rest()), "without a trailer nothing is kept")
		_, done = tr.Status()
		require.False(t, done)
	})
}

// FuzzForgedTrailer: a command that knows its token ends its own output with a status
// that it could have had, or breaks it; wherever the reads cut it, it is the same one.
func FuzzForgedTrailer(f *testing.F) {
	for _, seed := range []string{" 0\n", " 256\n", "\n", " -1\n", " 007\n", " 1234567\n", " 0", "TOKEN 0\n", " +1\n", "  1\n"} {
		f.Add("out", seed, []byte{2, 5, 1})
	}
	f.Fuzz(func(t *testing.T, body, tail string, cuts []byte) {
		text := body + "TOKEN" + tail
		type verdict struct {
			out    string
			failed bool
			status int
			done   bool
		}
		judge := func(cuts []byte) (v verdict) {
			tr := Trailer{Token: "TOKEN"}
			var err error
			v.out, err = feedCut(&tr, text, cuts)
			v.failed = err != nil
			require.True(t, err == nil || errors.Is(err, ErrTrailer), err)
			v.status, v.done = tr.Status()
			return v
		}
		whole := judge(nil)
		require.Equal(t, whole, judge(cuts))
		require.Equal(t, text[:strings.Index(text, "TOKEN")], whole.out)
		require.False(t, whole.failed && whole.done)
		require.True(t, whole.status >= 0 && whole.status <= 255)
	})
}

// feedCut gives t a text in pieces of so many bytes, and the rest as one. It goes on
// after an error no further than whoever reads it would.
func feedCut(t *Trailer, text string, cuts []byte) (string, error) {
	var out strings.Builder
	for text != "" {
		n := len(text)
		if len(cuts) > 0 {
			n, cuts = min(n, int(cuts[0])), cuts[1:]
		}
		if err := t.Feed([]byte(text[:n]), func(p []byte) error { out.Write(p); return nil }); err != nil {
			return out.String(), err
		}
		text = text[n:]
	}
	return out.String(), nil
}
