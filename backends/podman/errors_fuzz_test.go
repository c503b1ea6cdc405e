package podman

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/containers/podman/v5/pkg/errorhandling"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// FuzzClassify: whatever a service says, it has one of the kinds of failures and a
// message; and what a program is called has no say in why it did not start.
func FuzzClassify(f *testing.F) {
	f.Add("image not known", "localhost/x:1: image not known")
	f.Add("no such file or directory", "statfs /x: no such file or directory")
	f.Add("workdir x", "")
	f.Add("OCI permission denied", "crun: setrlimit `RLIMIT_NOFILE`: Operation not permitted")
	f.Add("", "cgroup controller `pids` not available")
	f.Add("unresolvable CDI devices", `: exec: "executable"`)
	kinds := []error{runtime.ErrImageMissing, runtime.ErrCommandNotFound, runtime.ErrNotExecutable,
		runtime.ErrUnsupported, runtime.ErrInvalidSpec, runtime.ErrEngine}
	const notFound, denied = "OCI runtime attempted to invoke a command that was not found", "OCI permission denied"
	f.Fuzz(func(t *testing.T, cause, text string) {
		for _, doing := range []string{doingCreate, doingAttach, doingExit, doingImage} {
			e, ok := classify(&errorhandling.ErrorModel{Because: cause, Message: text, ResponseCode: 500}, doing, "unix:///x.sock", false).(*runtime.Error)
			require.True(t, ok)
			require.True(t, slices.Contains(kinds, e.Kind))
			require.NotEmpty(t, e.Message)
		}
		path := "/" + strings.NewReplacer("\n", "", "\r", "").Replace(text)
		const runc = "preparing container 0 for attach: runc: runc create failed: unable to start container process: "
		const crun = "preparing container 0 for attach: crun: "
		for _, start := range []struct {
			says, cause string
			kind        error
		}{
			{runc + "exec: " + strconv.Quote(text) + ": executable file not found in $PATH: ", notFound, runtime.ErrCommandNotFound},
			{runc + "exec: " + strconv.Quote(path) + ": stat " + path + ": no such file or directory: ", notFound, runtime.ErrCommandNotFound},
			{runc + "exec: " + strconv.Quote(path) + ": permission denied: ", denied, runtime.ErrNotExecutable},
			{crun + "executable file `" + text + "` not found in $PATH: No such file or directory: ", notFound, runtime.ErrCommandNotFound},
			{crun + "open executable: Operation not permitted: ", denied, runtime.ErrNotExecutable},
		} {
			err := classify(&errorhandling.ErrorModel{Because: start.cause, Message: start.says + start.cause, ResponseCode: 500}, doingAttach, "unix:///x.sock", false)
			require.ErrorIs(t, err, start.kind, start.says)
		}
	})
}
