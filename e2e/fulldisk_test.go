package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/outage"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// An engine without a byte left on its disk makes calls fail, in time and as its own
// fault, and leaves nothing when there is room again.
func TestFullDisk(t *testing.T) {
	eachOwn(t, 256<<20, func(t *testing.T, e *outage.Engine) {
		for _, v := range e.Variants {
			t.Run(v.Name, func(t *testing.T) {
				sb := newSandbox(t, config(v, nil))
				require.NoError(t, spawn(t, sb, probe("echo")).Err)
				require.NoError(t, e.Fill())
				began := time.Now()
				err := spawn(t, sb, probe("echo")).Err
				assert.Less(t, time.Since(began), 25*time.Second, "it fails by itself")
				assert.ErrorIs(t, err, runtime.ErrEngine)
				assert.ErrorContains(t, err, "no space left on device")
				require.NoError(t, e.Free())
				resp := spawn(t, sb, probe("echo"))
				require.NoError(t, resp.Err, "there is room again")
				assert.NoError(t, noContainers(v, recovery))
			})
		}
	})
}
