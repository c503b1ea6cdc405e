package cmdline_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/cmdline"
)

// FuzzQuote: a line that explain shows is, to a shell, the words that it stands for,
// and nothing else.
func FuzzQuote(f *testing.F) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		f.Skip("this system has no shell to ask")
	}
	for _, word := range []string{"", "it's", "$(id)", "a\nb", "\\", "~", "=x", "--flag=a b", "a=b", "!", "\xff", "if", "é"} {
		f.Add(word, "--x="+word)
	}
	f.Fuzz(func(t *testing.T, word, flag string) {
		if strings.Contains(word+flag, "\x00") {
			return // no argv can hold it
		}
		argv := []string{"docker", "run", "-i", "--a=" + flag, "image", word, flag}
		for _, line := range []string{cmdline.Quote(argv), cmdline.Wrap(argv)} {
			out, err := exec.CommandContext(t.Context(), sh, "-c", `docker() { printf '%s\000' docker "$@"; }`+"\n"+line).Output()
			require.NoError(t, err, line)
			require.Equal(t, strings.Join(argv, "\x00")+"\x00", string(out), line)
		}
	})
}
