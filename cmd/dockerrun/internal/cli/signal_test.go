package cli_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/cli"
	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
)

const strictBox = `apiVersion: promptkit.altairalabs.ai/v1alpha1
kind: RuntimeConfig
spec:
  sandboxes:
    box: {mode: docker_run, image: there, isolation: strict, memory: 64m, allow: [no-limits], runtime: auto}
`

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// A question to an engine that hangs ends with the first signal, and what was not answered
// is no finding.
func TestSignalEndsAQuestion(t *testing.T) {
	defer goleak.VerifyNone(t)
	file := writeFile(t, "rc.yaml", strictBox)
	for _, args := range [][]string{
		{"doctor"}, {"check", file}, {"explain", file}, {"explain", "--isolation=strict", "there"},
	} {
		t.Run(args[0], func(t *testing.T) {
			signals := make(chan os.Signal, 1)
			fake := &runtimetest.Fake{Describe: func(ctx context.Context) (runtime.Info, error) {
				select {
				case signals <- syscall.SIGTERM:
				default: // it was sent
				}
				<-ctx.Done()
				return runtime.Info{}, context.Cause(ctx)
			}}
			var stdout bytes.Buffer
			sys, stderr := system(fake, nil, &stdout, signals)
			sys.Host = fakeHost()
			assert.Equal(t, 128+15, cli.Main(t.Context(), args, sys))
			assert.Empty(t, stdout.String())
			assert.Empty(t, stderr.String())
		})
	}
}

// onRead tells when somebody reads.
type onRead struct {
	io.ReadCloser
	read func()
}

func (r *onRead) Read(p []byte) (int, error) {
	r.read()
	return r.ReadCloser.Read(p)
}

func TestSignalEndsTheReadOfBench(t *testing.T) {
	defer goleak.VerifyNone(t)
	signals := make(chan os.Signal, 1)
	stdin, _ := io.Pipe() // a terminal at which nobody types
	var stdout bytes.Buffer
	fake := &runtimetest.Fake{}
	sys, stderr := system(fake, &onRead{stdin, func() { signals <- syscall.SIGINT }}, &stdout, signals)
	assert.Equal(t, 128+2, cli.Main(t.Context(), []string{"bench", "--input=-", "there", "/probe"}, sys))
	assert.Empty(t, stdout.String())
	assert.Empty(t, stderr.String())
	assert.Empty(t, fake.Calls())
}
