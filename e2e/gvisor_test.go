package e2e

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/backends/dockercli"
	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
	"github.com/AltairaLabs/dockerrun/e2e/outage"
	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
)

// eachGVisor runs f on engines of the test's own that have gVisor.
func eachGVisor(t *testing.T, f func(t *testing.T, v engines.Variant)) {
	if _, err := exec.LookPath(outage.GVisor); err != nil {
		required, requiredErr := engines.Required()
		require.NoError(t, requiredErr)
		require.NotContains(t, required, engines.GVisor, "E2E_REQUIRE: %v; e2e/engines.sh up installs it", err)
		t.Skipf("gVisor is not here (%v); e2e/engines.sh up installs it", err)
	}
	kinds := ownEngines()
	for kind, start := range map[string]startEngine{
		engines.Docker: outage.DockerGVisor, engines.Podman: outage.PodmanGVisor,
	} {
		if kinds[kind] == nil {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			for _, v := range startOwn(t, start, 0).Variants {
				if v.Key == dockercli.Key && os.Getenv("E2E_SOAK") == "" {
					continue // the same engine
				}
				t.Run(v.Name, func(t *testing.T) { f(t, v) })
			}
		})
	}
}

// A hook in gVisor, cold and warm and as isolated as can be.
func TestGVisor(t *testing.T) {
	host, err := os.ReadFile("/proc/version")
	require.NoError(t, err)
	eachGVisor(t, func(t *testing.T, v engines.Variant) {
		assert.Contains(t, describe(t, v).OCIRuntimes, outage.GVisor)
		for _, size := range []int{0, 1} {
			sb := newSandbox(t, config(v, map[string]any{"oci_runtime": outage.GVisor, "isolation": "strict", "warm": size})).(*factory.Sandbox)
			require.NoError(t, sb.Prepare(t.Context()))
			req := probe("cat", "/proc/version")
			resp := spawn(t, sb, req)
			require.NoError(t, resp.Err)
			assert.NotEqual(t, string(host), string(resp.Stdout), "it is the host's kernel")
			assert.Contains(t, string(resp.Stdout), "Linux version 4.4.0", "it is not gVisor's kernel")

			req = probe("echo")
			req.Stdin = []byte(strings.Repeat("to gVisor and back;", 10_000))
			resp = spawn(t, sb, req)
			require.NoError(t, resp.Err)
			assert.Equal(t, string(req.Stdin), string(resp.Stdout))

			resp = spawn(t, sb, probe("exit", "42"))
			var exit *runtime.ExitError
			require.ErrorAs(t, resp.Err, &exit)
			assert.Equal(t, 42, exit.Status.Code)
		}
	})
}

// inGVisor is a Runtime all of whose containers are gVisor's.
type inGVisor struct{ runtime.Runtime }

func (g inGVisor) Unwrap() runtime.Runtime { return g.Runtime }

func (g inGVisor) Run(ctx context.Context, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
	spec.OCIRuntime = outage.GVisor
	return g.Runtime.Run(ctx, spec, stdio)
}

// The contract holds on gVisor. Only in a soak, as what it is about is the engine's and has
// the suite already.
func TestGVisorConformance(t *testing.T) {
	if os.Getenv("E2E_SOAK") == "" {
		t.Skip("make soak runs the suite on gVisor")
	}
	eachGVisor(t, func(t *testing.T, v engines.Variant) {
		lacks := lacks(t, v)
		if v.IsPodman() {
			lacks[runtimetest.LacksStartCause] = "what gVisor says goes to the service's log, and its exit status is 128 for all of it"
		}
		runtimetest.Conformance(t, runtimetest.Config{
			New:        func(t testing.TB) runtime.Runtime { return inGVisor{open(t, v)} },
			Image:      image.Ref,
			Variant:    image.VariantRef,
			Containers: func(ctx context.Context, label string) ([]string, error) { return labelled(ctx, v, label) },
			Lacks:      lacks,
			Tries:      2,
			Parallel:   4,
		})
	})
}
