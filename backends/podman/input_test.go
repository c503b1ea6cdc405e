package podman

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// half is what comes of an input that goes on.
const half = "DELETE /tmp"

// However a call ends, its command is dead before the end of an input that has not
// ended could reach it: half an input must not look like a whole one.
func TestRunHalfInput(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, tc := range map[string]struct {
		rest io.Reader // of the input, after its first half
		// acts is called when the command has the first half.
		acts func(cancel func(), stdout io.Writer, ended func())
		// fails is a request that the service answers with an error.
		fails  string
		stdout io.Writer
		kind   error
	}{
		"canceled":     {acts: func(cancel func(), _ io.Writer, _ func()) { cancel() }, kind: context.Canceled},
		"write fails":  {acts: func(_ func(), out io.Writer, _ func()) { _, _ = io.WriteString(out, "x") }, stdout: brokenWriter{broken}, kind: broken},
		"read fails":   {rest: iotest.ErrReader(broken), kind: broken},
		"output ended": {acts: func(_ func(), _ io.Writer, ended func()) { ended() }, fails: "inspect", kind: runtime.ErrEngine},
		"start fails":  {fails: "start", kind: runtime.ErrEngine},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan struct{}) // the input, as the command sees it
			fake := newFake(t, nil)
			read := func(stdin io.Reader) {
				if _, err := io.Copy(io.Discard, stdin); err == nil {
					close(ended)
				}
			}
			fake.process = func(stdin io.Reader, stdout, _ io.Writer, killed <-chan struct{}) int {
				if _, err := io.ReadFull(stdin, make([]byte, len(half))); err == nil && tc.acts != nil {
					tc.acts(cancel, stdout, func() { stdout.(frames).to.(io.Closer).Close() })
				}
				go read(stdin)
				<-killed
				return 137
			}
			fake.intercept = func(w http.ResponseWriter, _ *http.Request, op string) bool {
				switch op {
				case tc.fails:
					fail(w, 500, "boom", "boom")
					if op == "start" { // and it was started all the same
						fake.mu.Lock()
						go read(fake.containers["id0"].stdin)
						fake.mu.Unlock()
					}
					return true
				case "remove": // gives an end of the input time to come first
					select {
					case <-ended:
						t.Error("the command saw the end of its input before it was killed")
					case <-time.After(100 * time.Millisecond):
					}
				}
				return false
			}
			rest := tc.rest
			if rest == nil {
				r, w := io.Pipe()
				defer w.Close()
				rest = r
			}
			rt := fake.runtime()
			in := &stdin{Reader: io.MultiReader(strings.NewReader(half), rest)}
			_, err := rt.Run(ctx, echo, runtime.Stdio{Stdin: in, Stdout: tc.stdout})
			require.ErrorIs(t, err, tc.kind)
			require.NoError(t, rt.Close())
			assert.Zero(t, fake.left())
		})
	}
}
