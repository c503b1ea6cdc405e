package gate

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// reader is the two lines of the gate with which a shell reads a header, in a loop
// that tells what came of each.
const (
	readLine = `IFS=' ' read -r dockerrun_t dockerrun_h`
	evalLine = `eval "$dockerrun_h"`
	reader   = `set -f
dockerrun_n='
'
while ` + readLine + `; do
(
unset A
` + evalLine + `
printf '%s\000' "$dockerrun_t" "${A-unset}" "$@" end
)
done
`
)

// FuzzQuote: real shells read from a header the arguments and the environment that
// went in, to the byte.
func FuzzQuote(f *testing.F) {
	for _, line := range []string{readLine + " || exit 0\n", "\n" + evalLine + "\n"} {
		require.Contains(f, script, line, "the reader is no longer like the gate")
	}
	var all []*asked
	for name, argv := range shells(f) {
		all = append(all, ask(f, name, argv))
	}
	for i, s := range hostile {
		f.Add(s, hostile[len(hostile)-1-i], "x")
	}
	f.Fuzz(func(t *testing.T, value, arg, arg2 string) {
		if strings.Contains(value+arg+arg2, "\x00") {
			return // Spec.Validate refuses it: no argv can hold it
		}
		h, err := Header("TOKEN", []string{"A=" + value}, []string{arg, arg2})
		if err != nil {
			return // longer than a header may be
		}
		for _, shell := range all {
			require.Equal(t, []string{"TOKEN", value, arg, arg2, "end"}, shell.answer(t, h), shell.name)
		}
	})
}

// asked is a shell that reads headers.
type asked struct {
	name string
	in   io.Writer
	out  *os.File
	read *bufio.Reader
}

func ask(tb testing.TB, name string, argv []string) *asked {
	tb.Helper()
	cmd := exec.Command(argv[0], append(slices.Clone(argv[1:]), "-c", reader)...)
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	in, err := cmd.StdinPipe()
	require.NoError(tb, err)
	outR, outW, err := os.Pipe()
	require.NoError(tb, err)
	cmd.Stdout = outW
	require.NoError(tb, cmd.Start())
	require.NoError(tb, outW.Close())
	tb.Cleanup(func() {
		_ = in.Close() // which ends it
		_ = cmd.Wait()
		_ = outR.Close()
	})
	return &asked{name, in, outR, bufio.NewReader(outR)}
}

// answer gives the words that the shell made of a header.
func (a *asked) answer(t *testing.T, header []byte) []string {
	t.Helper()
	_, err := a.in.Write(header)
	require.NoError(t, err, a.name)
	require.NoError(t, a.out.SetReadDeadline(time.Now().Add(time.Minute)))
	var words []string
	for range 5 {
		word, err := a.read.ReadBytes(0)
		require.NoError(t, err, "%s says no more than %q", a.name, append(words, string(word)))
		words = append(words, string(bytes.TrimSuffix(word, []byte{0})))
	}
	return words
}

// FuzzParseHeader: what Parse makes of a line is what the gate would be told again by Header.
func FuzzParseHeader(f *testing.F) {
	f.Add("TOKEN export A='b';unset B;set -- 'x' 'it'\\''s'")
	f.Add(`TOKEN set -- a"$dockerrun_n"b \\`)
	f.Add("TOKEN export A=;set --")
	f.Fuzz(func(t *testing.T, line string) {
		token, env, argv, err := Parse(line)
		if err != nil || CheckEnv(env) != nil {
			return
		}
		h, err := Header(token, env, argv)
		if err != nil {
			return
		}
		token2, env2, argv2, err := Parse(string(h))
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("%q", []any{token, env, argv}), fmt.Sprintf("%q", []any{token2, env2, argv2}))
	})
}
