package dockercli

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	swapWarning     = "WARNING: Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.\n"
	platformWarning = "WARNING: The requested image's platform (linux/arm64) does not match the detected host platform (linux/amd64) and no specific platform was requested\n"
	rootlessWarning = `time="2026-01-01T00:00:00Z" level=warning msg="Resource limits are not supported and ignored on cgroups V1 rootless systems"` + "\n"
	daemonError     = "docker: Error response from daemon: No such image: x\n\nRun 'docker run --help' for more information\n"
)

func TestStderrFilter(t *testing.T) {
	t.Parallel()
	long := "docker: " + strings.Repeat("x", maxHeld) + "\n"
	for name, test := range map[string]struct {
		in       string
		out      string // what was passed on at once
		held     string
		warnings int
	}{
		"nothing":                  {},
		"the command's":            {in: "a\nb", out: "a\nb"},
		"warnings first":           {in: swapWarning + platformWarning + rootlessWarning + "a\n", out: "a\n", warnings: 3},
		"a warning after":          {in: "a\n" + swapWarning, out: "a\n" + swapWarning},
		"its own warning":          {in: "WARNING: disk is full\n" + swapWarning, out: "WARNING: disk is full\n" + swapWarning},
		"its own log":              {in: `time="x" level=warning msg="retrying"` + "\n", out: `time="x" level=warning msg="retrying"` + "\n"},
		"an error":                 {in: daemonError, held: daemonError},
		"an error after a warning": {in: swapWarning + daemonError, held: daemonError, warnings: 1},
		"an error at the end":      {in: "a\n" + daemonError, out: "a\n", held: daemonError},
		"what follows an error":    {in: "docker: mine\nmore\n", held: "docker: mine\nmore\n"},
		"not at a line's start":    {in: "see docker: x\n", out: "see docker: x\n"},
		"unfinished":               {in: "a\ndock", out: "a\n", held: "dock"},
		"unfinished warning":       {in: swapWarning[:60], held: swapWarning[:60]},
		"too long to hold":         {in: long + "b\n", out: long + "b\n"},
		"an unknown log error":     {in: `time="x" level=error msg="my own"` + "\n", out: `time="x" level=error msg="my own"` + "\n"},
		"an empty line":            {in: "\n\n", out: "\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1, 7, 4096, 1 << 20} {
				out, held, warnings, rest := filtered(test.in, size)
				assert.Equal(t, test.out, out, "in pieces of %d", size)
				assert.Equal(t, test.held, held)
				assert.Len(t, warnings, test.warnings)
				assert.Equal(t, test.out+test.held, rest, "after flush")
			}
		})
	}
}

// filtered writes in through a filter in pieces.
func filtered(in string, size int) (out, held string, warnings []string, flushed string) {
	var b bytes.Buffer
	f := &stderrFilter{to: &b, warn: func(w string) { warnings = append(warnings, w) }}
	for len(in) > 0 {
		n := min(size, len(in))
		_, _ = f.Write([]byte(in[:n]))
		in = in[n:]
	}
	out, held = b.String(), f.held()
	f.flush()
	return out, held, warnings, b.String()
}

// Whatever comes, in whatever pieces: nothing is lost but known warnings at the head,
// and nothing is changed or moved.
func FuzzStderrFilter(f *testing.F) {
	f.Add(swapWarning+"a\n"+daemonError, 3)
	f.Add(strings.Repeat("docker: x\n", 8000), 1000)
	f.Add("WARNING: \n\ntime=\"", 1)
	f.Fuzz(func(t *testing.T, in string, size int) {
		if size < 1 {
			size = 1
		}
		out, held, warnings, flushed := filtered(in, size)
		require.Equal(t, out+held, flushed)
		head := in
		for range warnings {
			line, rest, ok := strings.Cut(head, "\n")
			require.True(t, ok && isWarning(line), "%q is no warning", line)
			head = rest
		}
		require.Equal(t, head, flushed)
		if len(in) <= maxHeld { // over it, how much was held is for the pieces to say
			once, onceHeld, onceWarnings, _ := filtered(in, len(in)+1)
			require.Equal(t, []any{once, onceHeld, onceWarnings}, []any{out, held, warnings}, "pieces make no difference")
		}
	})
}

func TestStderrFilterAfterFlush(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	f := &stderrFilter{to: &b, warn: func(string) {}}
	f.flush()
	for _, s := range []string{"", "docker: ", "x"} {
		n, err := f.Write([]byte(s))
		require.NoError(t, err)
		assert.Equal(t, len(s), n)
	}
	assert.Equal(t, "docker: x", b.String())
}

// The word of a command line about an engine that went away can follow half a line of
// the command's.
func TestStderrInterrupted(t *testing.T) {
	t.Parallel()
	const lost = `time="2026-11-28T17:46:35Z" level=error msg="error waiting for container: unexpected EOF"`
	for name, test := range map[string]struct{ stderr, interrupted string }{
		"nothing":            {"", ""},
		"the command's":      {"half a line", ""},
		"after half a line":  {"half a line" + lost + "\n", lost},
		"after a long one":   {strings.Repeat("x", 100_000) + lost + "\n", lost},
		"another log":        {`half time="x" level=error msg="oh no"`, ""},
		"a warning":          {`half time="x" level=warning msg="error waiting for container: unexpected EOF"`, ""},
		"not the last words": {"half " + lost + "\nmore\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &stderrFilter{to: io.Discard, warn: func(string) {}}
			for part := range strings.SplitAfterSeq(test.stderr, "line") {
				_, err := io.WriteString(f, part)
				require.NoError(t, err)
			}
			assert.Equal(t, test.interrupted, f.interrupted())
		})
	}
}
