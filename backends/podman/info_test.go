package podman

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestInfo(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]runtime.Info{
		"info-4.3.1.json": {
			Version: "4.3.1", APIVersion: "4.3.1", CgroupVersion: 1, CgroupDriver: "cgroupfs", LimitsEnforced: true,
			OCIRuntimes: []string{"runc"}, DefaultOCIRuntime: "runc",
		},
		"info-4.3.1-rootless.json": {
			Version: "4.3.1", APIVersion: "4.3.1", CgroupVersion: 1, CgroupDriver: "cgroupfs", Rootless: true,
			UnenforcedLimits: []string{"memory", "memory-swap", "cpus", "pids-limit"},
			OCIRuntimes:      []string{"crun"}, DefaultOCIRuntime: "crun",
		},
		"info-5.8.2.json": {
			Version: "5.8.2", APIVersion: "5.8.2", CgroupVersion: 1, CgroupDriver: "cgroupfs", LimitsEnforced: true,
			OCIRuntimes: []string{"runc"}, DefaultOCIRuntime: "runc", NoSeccomp: true, // it was built without
		},
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join("testdata", file))
			require.NoError(t, err)
			fake := newFake(t, cat)
			fake.intercept = func(w http.ResponseWriter, _ *http.Request, op string) bool {
				if op == "info" {
					answer(w, 200, json.RawMessage(data))
				}
				return op == "info"
			}
			got, err := fake.runtime().Info(t.Context())
			require.NoError(t, err)
			want.Runtime, want.Engine, want.OS, want.Arch = Key, "podman", "linux", "amd64"
			want.Endpoint, want.Warnings = fake.host, got.Warnings
			assert.Equal(t, want, got)
			assert.Equal(t, want.LimitsEnforced, len(got.Warnings) == 0)
		})
	}
}

func TestEnforcesLimits(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		rootless    bool
		version     string
		controllers []string
		want        bool
	}{
		{false, "v1", []string{"cpu", "memory", "pids"}, true},
		{false, "v2", []string{"cpu", "memory", "pids"}, true},
		{true, "v2", []string{"cpuset", "cpu", "io", "memory", "pids"}, true},
		{true, "v2", []string{"memory", "pids"}, false}, // systemd before 244 delegates no cpu
		{true, "v1", []string{"cpu", "memory", "pids"}, false},
	} {
		var in info
		in.Host.Security.Rootless, in.Host.CgroupVersion, in.Host.CgroupControllers = tc.rootless, tc.version, tc.controllers
		assert.Equal(t, tc.want, in.enforcesLimits(), "%+v", tc)
	}
}

func TestCheckOCIRuntime(t *testing.T) {
	t.Parallel()
	var in info
	in.Host.OCIRuntime.Name, in.Host.OCIRuntime.Path = "crun", "/usr/bin/crun"
	for name, ok := range map[string]bool{"": true, "crun": true, "/usr/bin/crun": true, "runc": false} {
		err := in.checkOCIRuntime(name)
		if ok {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorIs(t, err, runtime.ErrUnsupported, name)
		}
	}
}
