package podman

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/containers/podman/v5/pkg/errorhandling"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// sample is an answer of a real service.
type sample struct {
	Case     string
	Phase    string
	Status   int
	Warnings []string
	Body     string
}

func samples(t *testing.T) map[string][]sample {
	t.Helper()
	files, err := filepath.Glob("testdata/errors-*.json")
	require.NoError(t, err)
	require.Len(t, files, 3)
	all := map[string][]sample{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var list []sample
		require.NoError(t, json.Unmarshal(data, &list))
		all[filepath.Base(file)] = list
	}
	return all
}

func TestErrorKinds(t *testing.T) {
	t.Parallel()
	phases := map[string]string{"create": doingCreate, "attach": doingAttach, "remove": "removing", "inspect": doingExit, "image": doingImage}
	kinds := map[string]error{
		"image missing":             runtime.ErrImageMissing,
		"image missing short":       runtime.ErrImageMissing,
		"image missing id":          runtime.ErrImageMissing,
		"image inspect missing":     runtime.ErrImageMissing,
		"command not found":         runtime.ErrCommandNotFound,
		"command path not found":    runtime.ErrCommandNotFound,
		"not executable":            runtime.ErrNotExecutable,
		"not executable file":       runtime.ErrCommandNotFound, // there is no such file in the sample's image
		"ulimit refused":            runtime.ErrUnsupported,
		"bad mount source":          runtime.ErrInvalidSpec,
		"bad device":                runtime.ErrInvalidSpec,
		"seccomp missing":           runtime.ErrInvalidSpec,
		"unknown network":           runtime.ErrInvalidSpec,
		"unknown container network": runtime.ErrInvalidSpec,
		"unknown user":              runtime.ErrInvalidSpec,
		"unknown cap":               runtime.ErrInvalidSpec,
		"bad workdir":               runtime.ErrInvalidSpec,
		"name in use":               runtime.ErrEngine,
		"bad cdi":                   runtime.ErrUnsupported,
		"bad sysctl":                runtime.ErrEngine, // its cause is that of a missing command
		"bad userns":                runtime.ErrEngine,
		"memory low":                runtime.ErrEngine,
		"swap unlimited":            runtime.ErrEngine,
		"cpus too many":             runtime.ErrEngine,
		"remove missing":            runtime.ErrEngine,
		"inspect missing":           runtime.ErrEngine,
	}
	for file, list := range samples(t) {
		seen := 0
		for _, s := range list {
			if s.Phase == "pull" || s.Status < 400 {
				continue
			}
			seen++
			var model errorhandling.ErrorModel
			require.NoError(t, json.Unmarshal([]byte(s.Body), &model), "%s: %s", file, s.Case)
			err := classify(&model, phases[s.Phase], "unix:///x", false)
			want, ok := kinds[s.Case]
			require.True(t, ok, "%s: no kind for %q", file, s.Case)
			require.ErrorIs(t, err, want, "%s: %s: %s", file, s.Case, model.Message)
			assert.Equal(t, s.Status == 404 && s.Phase != "create" && s.Phase != "image", isGone(&model) && s.Phase != "create" && s.Phase != "image", s.Case)
		}
		assert.Greater(t, seen, 20, file)
	}
}

// A pull that breaks off is the service's end, not the registry's word.
func TestPullBreaksOff(t *testing.T) {
	t.Parallel()
	fake := newFake(t, cat)
	fake.intercept = func(w http.ResponseWriter, _ *http.Request, op string) bool {
		if op != "pull" {
			return false
		}
		_, _ = io.WriteString(w, `{"stream":"Trying"}`+"\n")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, err := fake.runtime().Image(t.Context(), runtime.ImageRequest{Ref: "r.io/a", Pull: runtime.PullAlways})
	require.ErrorIs(t, err, runtime.ErrUnavailable)
}

func TestWarningSamples(t *testing.T) {
	t.Parallel()
	asked := map[string]runtime.Resources{
		"limits":         {Memory: 64 << 20, PidsLimit: 20},
		"swappiness":     {Memory: 64 << 20, MemorySwappiness: new(int64(10))},
		"oomkilldisable": {Memory: 64 << 20, OOMKillDisable: true},
	}
	flags := map[string][]string{
		"limits":         {"memory", "pids-limit"},
		"swappiness":     {"memory", "memory-swappiness"},
		"oomkilldisable": {"memory", "oom-kill-disable"},
	}
	found := 0
	for _, list := range samples(t) {
		for _, s := range list {
			if len(s.Warnings) == 0 {
				continue
			}
			found++
			ignored, other := ignoredLimits(asked[s.Case], s.Warnings)
			assert.Equal(t, flags[s.Case], ignored, s.Case)
			assert.Empty(t, other)
		}
	}
	assert.Equal(t, 3, found)
}

func TestIgnoredLimits(t *testing.T) {
	t.Parallel()
	const (
		noMemory = "Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded."
		noSwap   = "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap."
		noPids   = "Your kernel does not support pids limit capabilities or the cgroup is not mounted. PIDs limit discarded."
		noQuota  = "Your kernel does not support CPU cfs quota or the cgroup is not mounted. Quota discarded."
		noSoft   = "Your kernel does not support memory soft limit capabilities or the cgroup is not mounted. Limitation discarded."
	)
	for name, tc := range map[string]struct {
		asked    runtime.Resources
		warnings []string
		ignored  []string
		other    []string
	}{
		"memory":              {runtime.Resources{Memory: 1}, []string{noMemory}, []string{"memory"}, nil},
		"swap by default":     {runtime.Resources{Memory: 1}, []string{noSwap}, nil, []string{noSwap}},
		"swap asked for":      {runtime.Resources{Memory: 1, MemorySwap: 2}, []string{noSwap}, []string{"memory-swap"}, nil},
		"pids, by default":    {runtime.Resources{Memory: 1}, []string{noPids}, nil, []string{noPids}},
		"cpus":                {runtime.Resources{NanoCPUs: 1}, []string{noQuota}, []string{"cpus"}, nil},
		"reservation":         {runtime.Resources{MemoryReservation: 1, Memory: 1}, []string{noSoft}, []string{"memory-reservation"}, nil},
		"about anything else": {runtime.Resources{Memory: 1}, []string{"ports"}, nil, []string{"ports"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ignored, other := ignoredLimits(tc.asked, tc.warnings)
			assert.Equal(t, tc.ignored, ignored)
			assert.Equal(t, tc.other, other)
		})
	}
}

func TestClassifyLostConnection(t *testing.T) {
	t.Parallel()
	err := classify(&url.Error{Op: "Get", URL: "http://d/x", Err: io.ErrUnexpectedEOF}, doingExit, "unix:///x", true)
	require.ErrorIs(t, err, runtime.ErrUnavailable)
	assert.True(t, runtime.Started(err))
	assert.ErrorContains(t, err, "lost the service at unix:///x")

	err = classify(io.ErrUnexpectedEOF, doingOutput, "unix:///x", true)
	require.ErrorIs(t, err, runtime.ErrUnavailable, "within a frame")
	err = classify(&net.OpError{Op: "read", Err: syscall.ECONNRESET}, doingOutput, "unix:///x", true)
	require.ErrorIs(t, err, runtime.ErrUnavailable)

	err = classify(errors.New("odd"), doingOutput, "", true)
	require.ErrorIs(t, err, runtime.ErrEngine)

	own := unsupported("x")
	assert.Equal(t, own, classify(own, doingCreate, "", false))
}
