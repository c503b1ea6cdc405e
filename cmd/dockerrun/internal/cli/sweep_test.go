package cli_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/cli"
	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
)

// leaveSome puts on the engine what FAKE_LEFT asks for: containers of launchers that died,
// one more that is in use, and with "stuck" one that can't be removed. Two runtimes see
// the same ones, as docker's two do.
func leaveSome(rt *runtimetest.Fake) {
	what := os.Getenv("FAKE_LEFT")
	if what == "" {
		return
	}
	now := time.Now()
	rt.Leave(
		runtime.Container{ID: "1", Name: "dockerrun-one", Image: "alpine:3", State: "running", Owner: "build/12",
			Created: now.Add(-3 * time.Hour), Deadline: now.Add(-2 * time.Hour)},
		runtime.Container{ID: "2", Name: "dockerrun-two", Image: "python:3.12-slim", State: "created", Owner: "build/7",
			Created: now.Add(-2 * time.Minute), Deadline: now.Add(-time.Minute - 30*time.Second)},
		runtime.Container{ID: "3", Name: "dockerrun-in-use", State: "running", Owner: "build/12", Created: now, Deadline: now.Add(time.Hour)},
	)
	if what == "stuck" {
		rt.OnDiscard = func(_ context.Context, id string) error {
			if id == "2" {
				return errors.New("device or resource busy")
			}
			return nil
		}
	}
}

func TestSignalEndsASweep(t *testing.T) {
	defer goleak.VerifyNone(t)
	signals := make(chan os.Signal, 1)
	fake := &runtimetest.Fake{OnDiscard: func(ctx context.Context, _ string) error {
		signals <- syscall.SIGTERM
		<-ctx.Done()
		return ctx.Err()
	}}
	fake.Leave(
		runtime.Container{Name: "a", Owner: "o/1", Deadline: time.Now().Add(-time.Hour)},
		runtime.Container{Name: "b", Owner: "o/1", Deadline: time.Now().Add(-time.Hour)},
	)
	var stdout bytes.Buffer
	sys, _ := system(fake, nil, &stdout, signals)
	assert.Equal(t, 128+15, cli.Main(t.Context(), []string{"sweep"}, sys))
	assert.Contains(t, stdout.String(), "0 containers removed.")
	assert.Equal(t, []string{"a", "b"}, fake.Containers())
}
