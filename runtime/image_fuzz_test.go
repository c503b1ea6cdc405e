package runtime

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// FuzzImage: what passes for an image can stand anywhere in an argv: it is no flag, and
// one word whatever reads it.
func FuzzImage(f *testing.F) {
	for _, seed := range []string{
		"alpine:3.22", "--privileged", "-v", "a@sha256:" + strings.Repeat("0", 64), "sha256:" + strings.Repeat("a", 64), "localhost:5000/a/b:c", "a b",
		"[::1]:5000/x", "a\n--rm", " x", "é", "a=b", "/x", "http://x/y",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		if (Spec{Image: ref}).Validate() != nil {
			return
		}
		require.NotEmpty(t, ref)
		require.False(t, strings.HasPrefix(ref, "-"), "it would be a flag")
		require.NotContains(t, ref, "=")
		for _, r := range ref {
			require.True(t, r < unicode.MaxASCII && unicode.IsPrint(r) && r != ' ', "%q in %q", r, ref)
			require.NotContains(t, "'\"\\$`;&|<>*?#~!(){}", string(r), "it means something to a shell")
		}
	})
}
