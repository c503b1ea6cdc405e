package e2e

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/backends/dockerapi"
	"github.com/AltairaLabs/dockerrun/backends/dockercli"
	"github.com/AltairaLabs/dockerrun/backends/podman"
	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
)

// open makes the runtime of a variant.
func open(t testing.TB, v engines.Variant) runtime.Runtime {
	t.Helper()
	var (
		rt  runtime.Runtime
		err error
	)
	switch v.Key {
	case dockercli.Key:
		rt, err = dockercli.New(dockercli.Options{Path: v.DockerPath, Host: v.Host})
	case dockerapi.Key:
		rt, err = dockerapi.New(dockerapi.Options{Host: v.Host})
	case podman.Key:
		rt, err = podman.New(podman.Options{Host: v.Host})
	}
	require.NoError(t, err)
	return rt
}

func TestConformance(t *testing.T) {
	each(t, func(t *testing.T, v engines.Variant) {
		runtimetest.Conformance(t, runtimetest.Config{
			New:        func(t testing.TB) runtime.Runtime { return open(t, v) },
			Image:      image.Ref,
			Variant:    image.VariantRef,
			Containers: func(ctx context.Context, label string) ([]string, error) { return labelled(ctx, v, label) },
			Lacks:      lacks(t, v),
			Tries:      tries(t, v),
			Parallel:   16, // TestSandboxAtOnce makes more
		})
	})
}

// tries is how often each kind of cancellation is tried.
func tries(t *testing.T, v engines.Variant) int {
	if s := os.Getenv("E2E_SOAK"); s != "" {
		n, err := strconv.Atoi(s)
		require.NoError(t, err, "E2E_SOAK is a number of tries")
		return n
	}
	if v.Again {
		return 2
	}
	return 3
}

// atOnce is how many calls a variant gets at once. What is a matter of load is not the
// client's, so a second one for the same engine gets fewer, and a command line, which
// takes a process for each, the most in a soak only.
func atOnce(v engines.Variant) int {
	if v.Again || v.Key == dockercli.Key && !soaking() {
		return 16
	}
	return 64
}

func labelled(ctx context.Context, v engines.Variant, label string) ([]string, error) {
	out, err := v.Output(ctx, "ps", "--all", "--filter", "label="+label, "--format", "{{.Names}}")
	return strings.Fields(out), err
}

// lacks is what the engine says that it can't do, and what is known of Podman's
// versions and of command lines.
func lacks(t *testing.T, v engines.Variant) map[runtimetest.Lack]string {
	t.Helper()
	info := describe(t, v)
	lacks := map[runtimetest.Lack]string{}
	if !info.LimitsEnforced {
		lacks[runtimetest.LacksLimits] = "the engine has no cgroup controllers of its own"
	}
	if info.Engine == "podman" && info.CgroupVersion == 1 {
		lacks[runtimetest.LacksOOM] = "Podman records no OOM kill on cgroup v1"
	}
	if v.Key == dockercli.Key {
		lacks[runtimetest.LacksLateStdin] = "the client has its input before the container starts"
		lacks[runtimetest.LacksEnvNewlines] = "such values travel by env file, one to a line"
		lacks[runtimetest.LacksPhases] = "the client does not tell when the container starts"
	}
	if info.Engine == "docker" && info.CgroupVersion == 1 {
		lacks[runtimetest.LacksOOM] = "Docker loses the event now and then on cgroup v1"
	}
	if v.Key == dockercli.Key && info.Engine == "podman" {
		lacks[runtimetest.LacksUnread] = "podman run loses output now and then when input is left unread"
	}
	return lacks
}

func describe(t *testing.T, v engines.Variant) runtime.Info {
	t.Helper()
	rt := open(t, v)
	defer func() { require.NoError(t, rt.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	info, err := rt.Info(ctx)
	require.NoError(t, err)
	return info
}
