package e2e

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// repository is a name of its own for each engine and test.
func repository(v engines.Variant, test string) string {
	return strings.ReplaceAll(v.Name, ".", "-") + "/" + test + ":1"
}

// forget removes an image from the engine, if it has it.
func forget(t *testing.T, v engines.Variant, ref string) {
	// Podman fails on an image whose containers are just being removed.
	assert.NoError(t, noContainers(v, 15*time.Second))
	if _, err := v.Output(t.Context(), "image", "inspect", ref); err == nil {
		_, err = v.Output(t.Context(), "rmi", "--force", ref)
		assert.NoError(t, err)
	}
}

func TestPullPolicies(t *testing.T) {
	r := newRegistry(t, "", "")
	eachClient(t, func(t *testing.T, v engines.Variant) {
		ref := r.push(t, repository(v, "policies"))
		defer forget(t, v, ref)
		call := func(policy string) error {
			sb := newSandbox(t, config(v, map[string]any{"image": ref, "pull": policy}))
			resp := spawn(t, sb, probe("echo"))
			assert.Empty(t, string(resp.Stderr), "no progress of the pull")
			return resp.Err
		}
		before := r.requests()
		require.ErrorIs(t, call("never"), runtime.ErrImageMissing)
		assert.Equal(t, before, r.requests(), "never means never")

		require.NoError(t, call("missing"))
		once := r.requests()
		assert.Greater(t, once, before)
		require.NoError(t, call("missing"))
		require.NoError(t, call("never"))
		assert.Equal(t, once, r.requests(), "an image that is there is not pulled")

		require.NoError(t, call("always"))
		assert.Greater(t, r.requests(), once)
	})
}

func TestPullWithPassword(t *testing.T) {
	r := newRegistry(t, "ann", "s3cret-word")
	eachClient(t, func(t *testing.T, v engines.Variant) {
		ref := r.push(t, repository(v, "password"))
		defer forget(t, v, ref)
		for _, tt := range []struct {
			name, user, password string
			ok                   bool
		}{
			{name: "without a password"},
			{name: "with a wrong password", user: "ann", password: "wr0ng-word"},
			{name: "with the password", user: "ann", password: "s3cret-word", ok: true},
		} {
			t.Run(tt.name, func(t *testing.T) {
				r.logIn(t, tt.user, tt.password)
				sb := newSandbox(t, config(v, map[string]any{"image": ref, "pull": "missing"}))
				resp := spawn(t, sb, probe("echo"))
				assert.Empty(t, string(resp.Stderr))
				if tt.ok {
					require.NoError(t, resp.Err)
					return
				}
				require.ErrorIs(t, resp.Err, runtime.ErrPullFailed)
				assert.Contains(t, resp.Err.Error(), ref)
				assert.NotContains(t, resp.Err.Error(), "-word")
			})
		}
	})
}

// A pull that takes longer than the calls that wait for it goes on without them, and
// they share it.
func TestPullOutlastsTheCall(t *testing.T) {
	const limit = 6 * time.Second // a busy machine may need some of it to find the image missing
	r := newRegistry(t, "", "")
	each(t, func(t *testing.T, v engines.Variant) {
		ref := r.push(t, repository(v, "slow"))
		defer forget(t, v, ref)
		sb := newSandbox(t, config(v, map[string]any{"image": ref, "pull": "missing"}))

		r.hold()
		defer r.release()
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wg.Go(func() {
				req := probe("echo")
				req.Timeout = limit
				resp, err := sb.Spawn(t.Context(), req)
				errs[i] = errors.Join(err, resp.Err)
			})
		}
		start := time.Now()
		wg.Wait()
		assert.Less(t, time.Since(start), limit+slack())
		for _, err := range errs {
			require.ErrorIs(t, err, runtime.ErrTimeout)
			assert.Contains(t, err.Error(), "still being pulled")
		}
		assert.Equal(t, 1, r.mostWaiting(), "all of them wait for one pull")
		r.release()
		require.NoError(t, spawn(t, sb, probe("echo")).Err, "a later call finds the image, or waits for the rest of the pull")
	})
}
