package cli_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/cli"
	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
)

func sandboxFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "runtime.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`apiVersion: promptkit.altairalabs.ai/v1alpha1
kind: RuntimeConfig
spec:
  sandboxes:
    box: {mode: docker_run, image: there, timeout: 1m}
`), 0o600))
	return file
}

func execSystem(stdin io.ReadCloser, stdout io.Writer, signals <-chan os.Signal) (cli.System, *runtimetest.Fake, *bytes.Buffer) {
	fake := &runtimetest.Fake{Programs: map[string]runtimetest.Program{"/probe": runtimetest.Probe}}
	sys, stderr := system(fake, stdin, stdout, signals)
	sys.Runtimes = []factory.Option{factory.WithRuntime("docker-cli", fake)}
	return sys, fake, stderr
}

func TestExecSignal(t *testing.T) {
	defer goleak.VerifyNone(t)
	file := sandboxFile(t)
	signals := make(chan os.Signal, 1)
	stdin, _ := io.Pipe()
	out := &onReady{ready: func() { signals <- syscall.SIGTERM }}
	sys, fake, stderr := execSystem(stdin, out, signals)
	assert.Equal(t, 143, cli.Main(t.Context(), []string{"exec", "--config", file, "--sandbox", "box", "--", "/probe", "block"}, sys))
	assert.Empty(t, stderr.String())
	require.NoError(t, fake.Close())
	assert.Empty(t, fake.Containers())
}

// The first process hands everything to the second, which ends when the first dies.
func TestExecRelay(t *testing.T) {
	defer goleak.VerifyNone(t)
	file := sandboxFile(t)
	stdin, _ := io.Pipe()
	out := &onReady{}
	sys, fake, stderr := execSystem(stdin, out, nil)
	var second []string
	died := make(chan struct{})
	out.ready = func() { close(died) }
	sys.Relay = &cli.Relay{FD: 3}
	sys.Relay.Watch = func(fd int, gone func()) {
		assert.Equal(t, 3, fd)
		go func() { <-died; gone() }()
	}
	sys.Relay.Run = func(args []string, _ <-chan os.Signal) (int, error) {
		second = args
		return cli.Main(t.Context(), args, sys), nil
	}
	status := cli.Main(t.Context(), []string{"exec", "--config", file, "--sandbox", "box", "--env", "HOME", "/probe", "block"}, sys)
	assert.Equal(t, 125, status)
	assert.Contains(t, stderr.String(), "dockerrun was killed")
	assert.Equal(t, []string{"exec", "--lifeline=3", "--config=" + file, "--sandbox=box", "--timeout=0s", "--env=HOME", "--", "/probe", "block"}, second)
	require.NoError(t, fake.Close())
	assert.Empty(t, fake.Containers())
}
