package dockerapi

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
		"sick":    {reply(500, `{"message":"containerd is gone"}`), nil},
		"hung": {func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		}, context.DeadlineExceeded},
		"gone": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, runtime.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newFakeDocker(t)
			if tc.answer != nil {
				d.answer["_ping"] = tc.answer
			}
			limit := time.Minute
			if tc.kind == context.DeadlineExceeded {
				limit = 100 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			err := d.runtime(t).Ping(ctx)
			if tc.kind == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tc.kind)
		})
	}
}

func TestPingClosed(t *testing.T) {
	t.Parallel()
	rt := newFakeDocker(t).runtime(t)
	require.NoError(t, rt.Close())
	require.ErrorIs(t, rt.Ping(t.Context()), runtime.ErrClosed)
}
