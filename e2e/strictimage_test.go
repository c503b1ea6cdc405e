package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// An image can ask for what strict isolation does not give: a check that runs beside the
// command, and annotations that an OCI runtime acts on.
func TestStrictImage(t *testing.T) {
	registry := newRegistry(t, "", "")
	files, err := machine.files()
	require.NoError(t, err)
	each(t, func(t *testing.T, v engines.Variant) {
		t.Run("health check", func(t *testing.T) {
			img, err := image.Build(files, v1.Config{Healthcheck: &v1.HealthConfig{Test: []string{"CMD", image.Probe, "echo"}, Interval: time.Second}})
			require.NoError(t, err)
			mark := strings.TrimPrefix(runtime.NewName(), runtime.NamePrefix)
			record := blocked(t, v, strictConfig(v, map[string]any{
				"image": registry.pushImage(t, repository(v, "checked"), img), "pull": "missing", "labels": map[string]any{markLabel: mark},
			}), mark)
			own, _ := record["Config"].(map[string]any)
			check, _ := own["Healthcheck"].(map[string]any)
			assert.Equal(t, []any{"NONE"}, check["Test"])
		})
		t.Run("annotations", func(t *testing.T) {
			if !v.IsPodman() {
				t.Skip("Docker gives containers no annotations of images")
			}
			// An image with the same configuration would be the plain one to Podman, and that have
			// the annotations from then on.
			img, err := image.Build(files, v1.Config{Labels: map[string]string{"annotated": "yes"}})
			require.NoError(t, err)
			img, ok := mutate.Annotations(mutate.ConfigMediaType(mutate.MediaType(img, types.OCIManifestSchema1), types.OCIConfigJSON), map[string]string{
				"org.opencontainers.image.title": "harmless", "run.oci.keep_original_groups": "1",
			}).(v1.Image)
			require.True(t, ok)
			cfg := strictConfig(v, map[string]any{"image": registry.pushImage(t, repository(v, "annotated"), img), "pull": "missing"})
			err = spawn(t, newSandbox(t, cfg), probe("echo")).Err
			require.ErrorIs(t, err, runtime.ErrInvalidSpec)
			assert.ErrorContains(t, err, `has the annotation "run.oci.keep_original_groups", on which an OCI runtime may act`)
			allowed, _ := cfg["allow"].([]any)
			cfg["allow"] = append(allowed, "other-flags")
			require.NoError(t, spawn(t, newSandbox(t, cfg), probe("echo")).Err)
		})
	})
}

// Podman sets a container up for a systemd when its command is called so.
func TestStrictNoSystemd(t *testing.T) {
	files, err := machine.files()
	require.NoError(t, err)
	each(t, func(t *testing.T, v engines.Variant) {
		if !v.IsPodman() {
			t.Skip("Docker does no such thing")
		}
		dir := sharedDir(t)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "systemd"), files.Probe, 0o755))
		mounts := func(cfg map[string]any) string {
			cfg["mounts"] = dir + ":/hooks:ro"
			req := probe("cat", "/proc/mounts")
			req.Command = "/hooks/systemd"
			resp := spawn(t, newSandbox(t, cfg), req)
			require.NoError(t, resp.Err)
			return string(resp.Stdout)
		}
		assert.Contains(t, mounts(config(v, nil)), " /run/lock tmpfs", "as Podman has it")
		assert.NotContains(t, mounts(strictConfig(v, nil)), " /run/lock ")
	})
}
