package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
)

// Each way of the bench command works on a real engine, and a warm call does not pay for a
// start. Each API on one engine will do.
func TestDockerrunBench(t *testing.T) {
	bin := buildDockerrun(t)
	each(t, func(t *testing.T, v engines.Variant) {
		if v.Name != "docker-api" && v.Name != "podman" {
			return
		}
		chart := filepath.Join(t.TempDir(), "chart.svg")
		args := append([]string{"bench", "--rounds=2", "--json", "--chart=" + chart, "--network=none", "--pull=never"}, flags(v)...)
		stdout, stderr, status := dockerrun(t, exec.CommandContext(t.Context(), bin, append(args, image.Ref, "/bin/cat")...))
		require.Equal(t, 0, status, stderr)
		var found struct {
			Ways []struct {
				Start, Error string
				P50          float64   `json:"p50_ms"`
				Millis       []float64 `json:"ms"`
			}
		}
		require.NoError(t, json.Unmarshal([]byte(stdout), &found), stdout)
		p50 := map[string]float64{}
		for _, w := range found.Ways {
			assert.Empty(t, w.Error, w.Start)
			assert.Len(t, w.Millis, 2, w.Start)
			p50[w.Start] = w.P50
		}
		require.Len(t, p50, 4, "engine, cold, gate and eager: %s", stdout)
		assert.Less(t, p50["gate"], p50["engine"])
		svg, err := os.ReadFile(chart)
		require.NoError(t, err)
		assert.Contains(t, string(svg), v.Key+", gate")
	})
}
