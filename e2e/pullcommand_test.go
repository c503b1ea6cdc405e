package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestDockerrunPull(t *testing.T) {
	bin := buildDockerrun(t)
	r := newRegistry(t, "", "")
	each(t, func(t *testing.T, v engines.Variant) {
		ref := r.push(t, repository(v, "command"))
		defer forget(t, v, ref)
		box := func(ref string) map[string]any {
			return config(v, map[string]any{"mode": "docker_run", "image": ref})
		}
		file := filepath.Join(t.TempDir(), "runtime.yaml")
		data, err := yaml.Marshal(map[string]any{
			"apiVersion": "promptkit.altairalabs.ai/v1alpha1", "kind": "RuntimeConfig",
			"spec": map[string]any{"sandboxes": map[string]any{"a": box(ref), "b": box(r.host + "/no/such:1"), "c": box(ref)}},
		})
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, data, 0o600))
		pull := func() map[string]string {
			stdout, stderr, status := dockerrun(t, exec.CommandContext(t.Context(), bin, "pull", "--json", file))
			assert.Equal(t, 1, status, "one image is nowhere: %s", stderr)
			var found []struct {
				Image, Status, Error, ID string
				Sandboxes                []string
			}
			require.NoError(t, json.Unmarshal([]byte(stdout), &found), stdout)
			got := map[string]string{}
			for _, one := range found {
				got[one.Image] = one.Status
				assert.Equal(t, one.Status == "failed", one.Error != "", one.Error)
				assert.Equal(t, one.Status != "failed", one.ID != "")
			}
			return got
		}
		nowhere := r.host + "/no/such:1"
		assert.Equal(t, map[string]string{ref: "pulled", nowhere: "failed"}, pull())
		assert.Equal(t, map[string]string{ref: "present", nowhere: "failed"}, pull())
		spec := box(ref)
		delete(spec, "mode")
		require.NoError(t, spawn(t, newSandbox(t, spec), probe("echo")).Err, "the image is where calls look for it")
	})
}

// What an engine says of a pull reaches whoever asks, and says no less than the layers.
func TestPullProgress(t *testing.T) {
	r := newRegistry(t, "", "")
	each(t, func(t *testing.T, v engines.Variant) {
		ref := r.push(t, repository(v, "progress"))
		defer forget(t, v, ref)
		sb, ok := newSandbox(t, config(v, map[string]any{"image": ref})).(*factory.Sandbox)
		require.True(t, ok)
		var mu sync.Mutex
		layers := map[string]string{}
		ctx := runtime.WithTrace(t.Context(), &runtime.Trace{PullProgress: func(p runtime.PullProgress) {
			mu.Lock()
			defer mu.Unlock()
			assert.Equal(t, ref, p.Ref)
			layers[p.Layer] = p.Status
		}})
		_, err := sb.Image(ctx, runtime.PullMissing)
		require.NoError(t, err)
		mu.Lock()
		defer mu.Unlock()
		if v.Engine == engines.PodmanCLI { // tells its progress where it tells its errors, so it is asked for none
			assert.Empty(t, layers)
			return
		}
		require.Len(t, layers, 1, "the image has one layer")
		for _, status := range layers {
			assert.Contains(t, []string{"Pull complete", "Already exists", "Copying"}, status)
		}
	})
}
