package call_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
)

func TestAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, err := call.Answer(t.Context(), func() (string, error) { return "it", nil })
		require.NoError(t, err)
		assert.Equal(t, "it", got)

		broken := errors.New("broken")
		_, err = call.Answer(t.Context(), func() (int, error) { return 0, broken })
		require.ErrorIs(t, err, broken)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began, ended := time.Now(), make(chan struct{})
		_, err = call.Answer(ctx, func() (int, error) {
			defer close(ended)
			time.Sleep(time.Hour) // minds no context
			return 0, nil
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(began))
		<-ended
	})
}
