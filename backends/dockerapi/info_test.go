package dockerapi

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestInfo(t *testing.T) {
	t.Parallel()
	d := newFakeDocker(t)
	d.answer["info"] = reply(200, `{"SecurityOptions":["name=seccomp,profile=default","name=rootless"],"CgroupDriver":"systemd","CgroupVersion":"2",
		"MemoryLimit":true,"CpuCfsQuota":true,"PidsLimit":false,"DefaultRuntime":"runc","Runtimes":{"runc":{},"crun":{}},"Warnings":["w"]}`)
	d.answer["version"] = reply(200, `{"Version":"28.5.2","Os":"linux","Arch":"arm64","Components":[{"Name":"Engine"}]}`)
	rt := d.runtime(t)
	info, err := rt.Info(t.Context())
	require.NoError(t, err)
	assert.Equal(t, runtime.Info{
		Runtime: Key, Engine: "docker", Version: "28.5.2", APIVersion: "1.41",
		Endpoint: "tcp://" + d.Listener.Addr().String(), OS: "linux", Arch: "arm64", Rootless: true,
		CgroupVersion: 2, CgroupDriver: "systemd", LimitsEnforced: false,
		UnenforcedLimits: []string{"memory-swap", "pids-limit"},
		OCIRuntimes:      []string{"crun", "runc"}, DefaultOCIRuntime: "runc", Warnings: []string{"w"},
	}, info)
}
