package dockercli

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestPullLines(t *testing.T) {
	t.Parallel()
	const text = "1: Pulling from team/app\n" +
		"0123456789ab: Pulling fs layer\r\n" +
		"0123456789ab: Verifying Checksum\n" +
		"Digest: sha256:0123\n" +
		"0123456789ab: Pull complete\n" +
		"0123456789ac: never ended"
	long := strings.Repeat("x", 3*longestPullLine) + "\n"
	var got []runtime.PullProgress
	ctx := runtime.WithTrace(t.Context(), &runtime.Trace{PullProgress: func(p runtime.PullProgress) { got = append(got, p) }})
	want := []runtime.PullProgress{
		{Ref: "app", Layer: "0123456789ab", Status: "Pulling fs layer"},
		{Ref: "app", Layer: "0123456789ab", Status: "Verifying Checksum"},
		{Ref: "app", Layer: "0123456789ab", Status: "Pull complete"},
	}
	for name, r := range map[string]io.Reader{
		"at once":      strings.NewReader(long + text),
		"byte by byte": iotest.OneByteReader(strings.NewReader(long + text)),
	} {
		got = nil
		w := newPullLines(ctx, "app").(*pullLines)
		n, err := io.Copy(struct{ io.Writer }{w}, struct{ io.Reader }{r})
		require.NoError(t, err)
		assert.EqualValues(t, len(long+text), n, name)
		assert.Equal(t, want, got, name)
		assert.LessOrEqual(t, cap(w.line), 2*longestPullLine)
	}
}
