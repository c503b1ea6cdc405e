package dockerapi

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// FuzzClassify: whatever an engine says, it has one of the kinds of failures and a
// message; and what a program is called has no say in why it did not start.
func FuzzClassify(f *testing.F) {
	f.Add("No such image: x")
	f.Add("no such image")
	f.Add("/does not match the specified platform")
	f.Add(`exec: "x": permission denied`)
	f.Add("unable to find user é\n")
	f.Add("unable to start container process: ")
	kinds := []error{runtime.ErrUnavailable, runtime.ErrImageMissing, runtime.ErrCommandNotFound, runtime.ErrNotExecutable,
		runtime.ErrUnsupported, runtime.ErrInvalidSpec, runtime.ErrEngine}
	f.Fuzz(func(t *testing.T, text string) {
		for _, status := range []error{cerrdefs.ErrNotFound, cerrdefs.ErrInvalidArgument, cerrdefs.ErrInternal, cerrdefs.ErrUnavailable, cerrdefs.ErrConflict} {
			e := classify(fmt.Errorf("Error response from daemon: %s%w", text, quiet{status}), "unix:///x.sock", fakeID)
			require.True(t, slices.Contains(kinds, e.Kind))
			require.ErrorIs(t, e, e.Kind)
		}
		path := "/" + strings.NewReplacer("\n", "", "\r", "").Replace(text)
		const start = "failed to create task for container: OCI runtime create failed: runc create failed: unable to start container process: "
		for says, want := range map[string]error{
			"exec: " + strconv.Quote(text) + ": executable file not found in $PATH: unknown":           runtime.ErrCommandNotFound,
			"exec: " + strconv.Quote(path) + ": stat " + path + ": no such file or directory: unknown": runtime.ErrCommandNotFound,
			"exec: " + strconv.Quote(path) + ": permission denied: unknown":                            runtime.ErrNotExecutable,
		} {
			require.Equal(t, want, classify(errors.New(start+says), "unix:///x.sock", fakeID).Kind, says)
		}
	})
}

// quiet is a status without words.
type quiet struct{ error }

func (quiet) Error() string   { return "" }
func (q quiet) Unwrap() error { return q.error }
