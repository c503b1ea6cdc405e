package podman

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// exited is a service that says of every container that it has exited.
type exited struct{}

func (exited) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"State":{"Status":"exited"}}`))}, nil
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// Output that is still on its way when the command has ended is waited for as long as
// it comes, however slow the way is, or who reads it.
func TestDrain(t *testing.T) {
	t.Parallel()
	const part = "0123456789\n"
	for name, tc := range map[string]struct {
		pause  time.Duration // before each part
		parts  int
		cut    bool          // within a frame
		stays  bool          // open
		reader time.Duration // what the caller takes for a part
		want   int           // bytes
		took   time.Duration
		err    error
	}{
		"slow way":     {pause: 900 * time.Millisecond, parts: 20, want: 20, took: 18 * time.Second},
		"slow reader":  {parts: 20, reader: 3 * time.Second, want: 20, took: time.Minute},
		"held open":    {pause: 900 * time.Millisecond, parts: 2, stays: true, want: 2, took: 2800 * time.Millisecond},
		"frame stalls": {pause: 900 * time.Millisecond, parts: 2, cut: true, stays: true, want: 2, took: 2800 * time.Millisecond, err: errStalled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				got := 0
				cl := call.Begin(t.Context(), Key, runtime.Stdio{Stdout: writerFunc(func(p []byte) (int, error) {
					got += len(p)
					time.Sleep(tc.reader)
					return len(p), nil
				})})
				// After Writes that are under way: End waits for them in a way that stops the clock.
				defer cl.End()
				defer time.Sleep(time.Hour)
				r, w := io.Pipe()
				var command sync.WaitGroup
				defer command.Wait()
				defer r.Close()
				command.Go(func() {
					time.Sleep(watchPause) // the drain begins with the first look
					for range tc.parts {
						time.Sleep(tc.pause)
						_, _ = io.WriteString(frames{w, 1}, part)
					}
					if tc.cut {
						_, _ = w.Write([]byte{1, 0, 0})
					}
					if !tc.stays {
						_ = w.Close()
					}
				})
				s := &session{conn: &conn{client: &http.Client{Transport: exited{}}, base: "http://d"}, call: cl}
				began := time.Now()
				err := s.copyOutput(&stream{pipe{r}}, "id")
				took := time.Since(began) - watchPause
				if tc.err != nil {
					require.ErrorIs(t, err, tc.err)
				} else {
					require.NoError(t, err)
				}
				assert.Equal(t, tc.want*len(part), got)
				assert.Equal(t, tc.took, took)
			})
		})
	}
}

// pipe is an output's connection, on which nothing is written.
type pipe struct{ *io.PipeReader }

func (pipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
