package dockerapi

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// TestErrors has what engines really said, taken from one (20.10.24) or from the
// source of one (28.5.2).
func TestErrors(t *testing.T) {
	t.Parallel()
	kinds := map[string]error{
		"ErrImageMissing": runtime.ErrImageMissing, "ErrCommandNotFound": runtime.ErrCommandNotFound,
		"ErrNotExecutable": runtime.ErrNotExecutable, "ErrUnsupported": runtime.ErrUnsupported,
		"ErrInvalidSpec": runtime.ErrInvalidSpec, "ErrEngine": runtime.ErrEngine,
	}
	text, err := os.ReadFile("testdata/errors.json")
	require.NoError(t, err)
	var samples []struct {
		Engine, Message, Kind string
		Status                int
	}
	require.NoError(t, json.Unmarshal(text, &samples))
	require.NotEmpty(t, samples)
	for _, s := range samples {
		t.Run(s.Kind+" "+s.Message, func(t *testing.T) {
			t.Parallel()
			body, err := json.Marshal(map[string]string{"message": s.Message})
			require.NoError(t, err)
			d := newFakeDocker(t)
			d.answer["start"] = reply(s.Status, string(body))
			_, err = d.runtime(t).Run(t.Context(), spec, runtime.Stdio{})
			require.Contains(t, kinds, s.Kind)
			require.ErrorIs(t, err, kinds[s.Kind])
			assert.False(t, runtime.Started(err))
			assert.NotContains(t, err.Error(), "OCI runtime create failed")
			assert.False(t, strings.HasSuffix(err.Error(), ": unknown"), err)
		})
	}
}

func TestUnavailable(t *testing.T) {
	// A fake ssh, as no test may go to another host.
	bin := t.TempDir()
	ssh := "#!/bin/sh\necho 'ssh: connect to host h.invalid port 22: Connection timed out' >&2\nexit 255\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "ssh"), []byte(ssh), 0o755))
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("HTTP_PROXY", "")
	t.Setenv("http_proxy", "")

	dead, err := net.Listen("unix", filepath.Join(bin, "dead.sock"))
	require.NoError(t, err)
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, dead.Close())
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, free.Close())

	for name, tc := range map[string]struct{ host, advice string }{
		"no socket":   {"unix://" + bin + "/nope.sock", "there is no socket " + bin + "/nope.sock: install or start Docker"},
		"dead socket": {"unix://" + bin + "/dead.sock", "start Docker"},
		"refused":     {"tcp://" + free.Addr().String(), "nothing answers at tcp://"},
		"ssh":         {"ssh://someone@h.invalid", "try ssh someone@h.invalid docker version"},
	} {
		t.Run(name, func(t *testing.T) {
			rt, err := New(Options{Host: tc.host, ConfigDir: t.TempDir()})
			require.NoError(t, err)
			stdin := newUnread(t)
			_, err = rt.Run(t.Context(), spec, runtime.Stdio{Stdin: stdin})
			require.ErrorIs(t, err, runtime.ErrUnavailable)
			assert.ErrorContains(t, err, tc.advice)
			assert.False(t, runtime.Started(err))
			stdin.assertClosed()
			_, err = rt.Info(t.Context())
			require.ErrorIs(t, err, runtime.ErrUnavailable)
			_, err = rt.Image(t.Context(), runtime.ImageRequest{Ref: "img"})
			require.ErrorIs(t, err, runtime.ErrUnavailable)
			require.NoError(t, rt.Close())
		})
	}
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "unix", Err: err} }
	for name, tc := range map[string]struct {
		err        error
		host, want string
	}{
		"permission":    {dial(os.NewSyscallError("connect", syscall.EACCES)), "unix:///run/docker.sock", "usermod -aG docker"},
		"dns":           {dial(&net.DNSError{Err: "no such host", Name: "h"}), "tcp://h:2375", "is not known"},
		"in the middle": {io.ErrUnexpectedEOF, "tcp://h:2375", "the connection to tcp://h:2375 broke"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := classify(tc.err, tc.host, "")
			require.ErrorIs(t, e, runtime.ErrUnavailable)
			assert.Contains(t, e.Message, tc.want)
		})
	}
}

func TestUndecided(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"ours":      {tooOld("", "1.24", minAPI), false},
		"not sent":  {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, false},
		"broke off": {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, true},
		"no answer": {io.EOF, true},
		"cancelled": {context.Canceled, true},
	} {
		assert.Equal(t, tc.want, undecided(tc.err), name)
	}
}
