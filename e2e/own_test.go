package e2e

import (
	"context"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
	"github.com/AltairaLabs/dockerrun/e2e/outage"
)

// recovery is how long an engine may take to be of use again on a busy machine.
const recovery = time.Minute

// startEngine starts an engine with a disk of its own, of so many bytes, unless that is 0.
type startEngine = func(ctx context.Context, disk int64) (*outage.Engine, error)

// ownEngines are those that a test can have for itself: of each kind that is here.
func ownEngines() map[string]startEngine {
	kinds := map[string]startEngine{
		engines.Docker: outage.Docker, engines.Podman: outage.Podman, engines.PodmanRootless: outage.PodmanRootless,
	}
	for kind := range kinds {
		if !slices.ContainsFunc(machine.variants, func(v engines.Variant) bool { return v.Engine == kind && v.Err == nil }) {
			delete(kinds, kind)
		}
	}
	return kinds
}

// eachOwn runs f on an engine of each kind that is the test's alone and has the images.
func eachOwn(t *testing.T, disk int64, f func(t *testing.T, e *outage.Engine)) {
	kinds := ownEngines()
	if len(kinds) == 0 {
		t.Skip("there is no engine; e2e/engines.sh up sets them up")
	}
	for kind, start := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel() // they share nothing, and mostly wait
			f(t, startOwn(t, start, disk))
		})
	}
}

func startOwn(t *testing.T, start startEngine, disk int64) *outage.Engine {
	t.Helper()
	files, err := machine.files()
	require.NoError(t, err)
	_, bridgeBefore := net.InterfaceByName("docker0")
	e, err := start(context.WithoutCancel(t.Context()), disk) // it may be started again in a clean-up
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the engine's log:\n%s", e.Log())
		}
		assert.NoError(t, e.Close())
		if bridgeBefore == nil {
			_, err := net.InterfaceByName("docker0")
			assert.NoError(t, err, "the machine's own Docker engine needs its bridge")
		}
	})
	require.NoError(t, image.LoadAll(t.Context(), e.Variants[0].CLI, files))
	return e
}
