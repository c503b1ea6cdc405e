package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/cli"
	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
)

// What an engine has told is for its own line: here for Podman's, which can't hold limits.
func TestExplainTheEngineThatAnswers(t *testing.T) {
	t.Parallel()
	fake := &runtimetest.Fake{Images: map[string]runtime.Image{"there": {User: "app"}}, Describe: func(context.Context) (runtime.Info, error) {
		return runtime.Info{Engine: "podman", Rootless: true}, nil
	}}
	var stdout bytes.Buffer
	sys, stderr := system(fake, nil, &stdout, nil)
	sys.Open = func(target cli.Target) (runtime.Runtime, error) {
		if target.Key != "podman" {
			return nil, errors.New("nothing listens")
		}
		return fake, nil
	}
	require.Equal(t, 0, cli.Main(t.Context(), []string{"explain", "--json", writeFile(t, "rc.yaml", strictBox)}, sys), stderr.String())
	type line struct{ Argv []string }
	var all []struct{ Docker, Podman line }
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &all))
	require.Len(t, all, 1)
	assert.Contains(t, all[0].Docker.Argv, "--memory=67108864")
	assert.NotContains(t, all[0].Podman.Argv, "--memory=67108864")
}
