package dockercli

import (
	"bytes"
	"context"
	"io"
	"regexp"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// pullLineRE is a line of `docker pull` about a layer, as it is written to what is no
// terminal.
var pullLineRE = regexp.MustCompile(`^([0-9a-f]{12}): (.+)$`)

// longestPullLine is more than any that matters; the rest of one that is longer is not
// looked at.
const longestPullLine = 1 << 10

// pullLines reports the lines of a `docker pull`. It never fails.
type pullLines struct {
	ref    string
	report func(runtime.PullProgress)
	line   []byte
}

func newPullLines(ctx context.Context, ref string) io.Writer {
	return &pullLines{ref: ref, report: runtime.ContextTrace(ctx).PullProgress}
}

func (l *pullLines) Write(p []byte) (int, error) {
	n := len(p)
	for {
		text, rest, ended := bytes.Cut(p, []byte("\n"))
		l.line = append(l.line, text[:min(len(text), longestPullLine-len(l.line))]...)
		if !ended {
			return n, nil
		}
		if m := pullLineRE.FindSubmatch(bytes.TrimRight(l.line, "\r")); m != nil {
			l.report(runtime.PullProgress{Ref: l.ref, Layer: string(m[1]), Status: string(m[2])})
		}
		l.line, p = l.line[:0], rest
	}
}
