package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestPullLayers(t *testing.T) {
	t.Parallel()
	type step struct {
		layer, status  string
		current, total int64
		done           float64
		text           string
	}
	for name, steps := range map[string][]step{
		"docker's API": {
			{"a", "Pulling fs layer", 0, 0, 0, "1 layers so far"},
			{"b", "Waiting", 0, 0, 0, "2 layers so far"},
			{"a", "Downloading", 2000, 4000, 0.125, "2kB of 4kB, 0 of 2 layers"}, // half of half of one of two
			{"a", "Download complete", 0, 0, 0.25, "4kB of 4kB, 0 of 2 layers"},
			{"b", "Downloading", 0, 12000, 0.25, "4kB of 16kB, 0 of 2 layers"}, // in truth less
			{"b", "Download complete", 0, 0, 0.5, "16kB of 16kB, 0 of 2 layers"},
			{"a", "Extracting", 4000, 4000, 0.625, "16kB of 16kB, 0 of 2 layers"},
			{"a", "Pull complete", 0, 0, 0.625, "16kB of 16kB, 1 of 2 layers"},
			{"b", "Extracting", 7, 0, 0.625, "16kB of 16kB, 1 of 2 layers"}, // seconds
			{"b", "Pull complete", 0, 0, 1, "16kB of 16kB, 2 of 2 layers"},
		},
		"docker's command line": {
			{"a", "Already exists", 0, 0, 1, "1 of 1 layers"},
			{"b", "Pulling fs layer", 0, 0, 1, "1 of 2 layers"},
			{"b", "Verifying Checksum", 0, 0, 1, "1 of 2 layers"},
			{"b", "Pull complete", 0, 0, 1, "2 of 2 layers"},
		},
		"podman": {
			{"a", "Copying", 0, 0, 0, "1 layers so far"},
			{"b", "Copying", 0, 0, 0, "2 layers so far"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var l pullLayers
			for _, s := range steps {
				l.add(runtime.PullProgress{Layer: s.layer, Status: s.status, Current: s.current, Total: s.total})
				assert.InDelta(t, s.done, l.done(), 0.001, "%s: %s", s.layer, s.status)
				assert.Equal(t, s.text, l.String(), "%s: %s", s.layer, s.status)
			}
		})
	}
}
