package podman

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestPing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		kind   error
	}{
		"healthy": {nil, nil},
		"sick":    {func(w http.ResponseWriter, _ *http.Request) { fail(w, 500, "x", "x") }, nil},
		"hung":    {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, context.DeadlineExceeded},
		"gone":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, runtime.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := newFake(t, cat)
			rt := fake.runtime()
			_, err := rt.connect(t.Context())
			require.NoError(t, err)
			fake.intercept = func(w http.ResponseWriter, r *http.Request, _ string) bool {
				if tc.answer != nil {
					tc.answer(w, r)
				}
				return tc.answer != nil
			}
			limit := time.Minute
			if tc.kind == context.DeadlineExceeded {
				limit = 100 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			if err = rt.Ping(ctx); tc.kind == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tc.kind)
		})
	}
}

func TestPingClosed(t *testing.T) {
	t.Parallel()
	rt := newFake(t, cat).runtime()
	require.NoError(t, rt.Close())
	require.ErrorIs(t, rt.Ping(t.Context()), runtime.ErrClosed)
}
