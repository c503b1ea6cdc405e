package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// Somebody removes the image of a sandbox between its calls, and puts another one in its
// place.
func TestImageChangesBetweenCalls(t *testing.T) {
	each(t, func(t *testing.T, v engines.Variant) {
		ref := "localhost/dockerrun/changes-" + strings.ReplaceAll(v.Name, ".", "-") + ":1"
		load := func(mark string) {
			files, err := machine.files()
			require.NoError(t, err)
			img, err := image.Build(files, v1.Config{Env: []string{"PATH=/bin", "MARK=" + mark}})
			require.NoError(t, err)
			require.NoError(t, image.Load(t.Context(), v.CLI, map[string]v1.Image{ref: img}))
		}
		load("first")
		defer forget(t, v, ref)
		sb := newSandbox(t, config(v, map[string]any{"image": ref}))
		resp := spawn(t, sb, probe("env"))
		require.NoError(t, resp.Err)
		assert.Contains(t, string(resp.Stdout), "MARK=first")

		load("second")
		resp = spawn(t, sb, probe("env"))
		require.NoError(t, resp.Err)
		assert.Contains(t, string(resp.Stdout), "MARK=second", "a call gets what the name means now")

		forget(t, v, ref)
		require.ErrorIs(t, spawn(t, sb, probe("env")).Err, runtime.ErrImageMissing)

		load("third")
		resp = spawn(t, sb, probe("env"))
		require.NoError(t, resp.Err, "it is back")
		assert.Contains(t, string(resp.Stdout), "MARK=third")
	})
}

// Somebody removes the container of a call that runs: it ends soon, with an error.
func TestContainerRemovedByAnother(t *testing.T) {
	each(t, func(t *testing.T, v engines.Variant) {
		sb := newSandbox(t, config(v, map[string]any{"extra_args": []any{"--label=removed-by=" + v.Name}}))
		done := make(chan error, 1)
		go func() {
			req := probe("block")
			req.Timeout = time.Minute
			resp, err := sb.Spawn(context.WithoutCancel(t.Context()), req)
			assert.NoError(t, err)
			done <- resp.Err
		}()
		var id string
		require.Eventually(t, func() bool {
			out, err := v.Output(t.Context(), "ps", "--no-trunc", "--quiet", "--filter=label=removed-by="+v.Name, "--filter=status=running")
			id = strings.TrimSpace(out)
			return err == nil && id != ""
		}, 30*time.Second, 50*time.Millisecond, "the container runs")
		_, err := v.Output(t.Context(), "rm", "--force", id)
		require.NoError(t, err)
		select {
		case err := <-done:
			require.Error(t, err)
			require.NotErrorIs(t, err, runtime.ErrTimeout, "the call noticed")
		case <-time.After(30 * time.Second):
			t.Error("the call goes on without its container")
			<-done
		}
		require.NoError(t, spawn(t, sb, probe("echo")).Err)
		assert.NoError(t, noContainers(v, recovery))
	})
}
