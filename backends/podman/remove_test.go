package podman

import (
	"encoding/json"
	"net/http"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// TestRemovalOfAnUnansweredCreate: a name that the caller chose may be somebody else's
// container.
func TestRemovalOfAnUnansweredCreate(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		name    string
		left    bool // the create made one
		deleted []string
		looks   int
	}{
		"named":           {name: "database", looks: 2},
		"named and there": {name: "database", left: true, deleted: []string{"mine"}, looks: 3},
		"ours":            {deleted: []string{"ours", "ours"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, cat)
			var mu sync.Mutex
			var made createRequest
			var looks, deleted []string
			f.intercept = func(w http.ResponseWriter, r *http.Request, op string) bool {
				mu.Lock()
				defer mu.Unlock()
				switch {
				case op == "create":
					assert.NoError(t, json.NewDecoder(r.Body).Decode(&made))
					panic(http.ErrAbortHandler)
				case strings.HasSuffix(r.URL.Path, "/containers/json"):
					looks = append(looks, r.URL.Query().Get("all")+r.URL.Query().Get("filters"))
					list := []listed{}
					if tc.left && len(deleted) == 0 {
						list = append(list, listed{ID: "mine", Names: []string{"database"}})
					}
					answer(w, 200, list)
					return true
				case op == "remove":
					id := path.Base(r.URL.Path)
					if id == made.Name && tc.name == "" {
						deleted = append(deleted, "ours")
						return false // there is none
					}
					deleted = append(deleted, id)
					answer(w, 200, []any{})
					return true
				}
				return false
			}
			rt := f.runtime()
			spec := echo
			spec.Name = tc.name
			_, err := rt.Run(t.Context(), spec, runtime.Stdio{})
			require.ErrorIs(t, err, runtime.ErrUnavailable)
			require.NoError(t, rt.Close())
			assert.Equal(t, tc.deleted, deleted)
			require.Len(t, looks, tc.looks)
			for _, look := range looks {
				assert.Equal(t, `true{"label":["`+runtime.LabelCall+"="+made.Labels[runtime.LabelCall]+`"]}`, look)
			}
		})
	}
}
