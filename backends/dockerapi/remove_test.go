package dockerapi

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestRemovalIsRetried(t *testing.T) {
	t.Parallel()
	d := newFakeDocker(t)
	d.answer["start"] = reply(500, `{"message":"boom"}`)
	d.answer["delete"] = inTurn(
		reply(409, `{"message":"removal of container is already in progress"}`),
		reply(500, `{"message":"could not kill container"}`),
		reply(404, `{"message":"No such container"}`))
	ctx, removed := watched(t)
	_, err := d.runtime(t).Run(ctx, spec, runtime.Stdio{})
	require.Error(t, err)
	require.NoError(t, <-removed)
	assert.Equal(t, 3, d.requests("delete"))
}

// TestRemovalOfAnUncertainCreate looks twice, as the engine may still be making it.
func TestRemovalOfAnUncertainCreate(t *testing.T) {
	t.Parallel()
	d := newFakeDocker(t)
	d.answer["create"] = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	d.answer["delete"] = reply(404, `{"message":"No such container"}`)
	rt := d.runtime(t)
	_, err := rt.Run(t.Context(), spec, runtime.Stdio{})
	require.ErrorIs(t, err, runtime.ErrUnavailable)
	require.NoError(t, rt.Close())
	assert.Equal(t, 2, d.requests("delete"))
}
