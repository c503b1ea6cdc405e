package podman

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// With AutoRemove the service removes the container, and ours is for when it does not.
func TestAutoRemove(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		exists []int // what the service answers, one look after another; the last again
		want   []string
	}{
		"the engine removes it": {exists: []int{204, 404}, want: []string{"exists", "exists"}},
		"it does not":           {exists: []int{204}, want: []string{"exists", "exists", "exists", "exists", "remove"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := newFake(t, cat)
			looks := 0
			fake.intercept = func(w http.ResponseWriter, _ *http.Request, op string) bool {
				if op != "exists" {
					return false
				}
				status := tt.exists[min(looks, len(tt.exists)-1)]
				looks++
				if status == http.StatusNotFound {
					fail(w, status, "no such container", "no such container")
				} else {
					w.WriteHeader(status)
				}
				return true
			}
			rt := fake.runtime()
			spec := echo
			spec.AutoRemove = true
			var out bytes.Buffer
			_, err := rt.Run(t.Context(), spec, runtime.Stdio{Stdin: io.NopCloser(strings.NewReader("in")), Stdout: &out})
			require.NoError(t, err)
			require.NoError(t, rt.Close())
			assert.Equal(t, "in", out.String())
			assert.True(t, fake.requests[0].Remove)
			ops := fake.operations()
			assert.Equal(t, tt.want, ops[len(ops)-len(tt.want):])
		})
	}
}

// The service of Podman 4.3 can remove a container before it says how it ended. Its history
// then knows.
func TestAutoRemoveBeforeTheStatus(t *testing.T) {
	t.Parallel()
	const died = `{"Action":"died","Actor":{"Attributes":{"containerExitCode":"137"}}}`
	for _, c := range []struct {
		history string
		answer  int // when it finds the container gone, 500 if that is halfway through
		want    int
	}{{died, 404, 137}, {died, 500, 137}, {"", 404, -1}} {
		fake := newFake(t, cat)
		fake.intercept = func(w http.ResponseWriter, r *http.Request, op string) bool {
			switch {
			case strings.HasSuffix(r.URL.Path, "/events"):
				_, _ = io.WriteString(w, c.history)
			case op == "inspect" || op == "exists":
				fail(w, c.answer, "no such container", "container c0 does not exist in database: no such container")
			default:
				return false
			}
			return true
		}
		rt := fake.runtime()
		spec := echo
		spec.AutoRemove = true
		status, err := rt.Run(t.Context(), spec, runtime.Stdio{})
		if c.want >= 0 {
			require.NoError(t, err)
			assert.Equal(t, c.want, status.Code)
		} else {
			require.ErrorIs(t, err, runtime.ErrStatusLost)
			require.ErrorIs(t, err, runtime.ErrEngine)
			assert.True(t, runtime.Started(err))
		}
		require.NoError(t, rt.Close())
	}
}
