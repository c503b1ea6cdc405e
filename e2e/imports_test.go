package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/AltairaLabs/dockerrun"

// goList gives, for each package of this module that matches and is no test, what it
// imports itself or, with deps, all that ends up in a program that imports it.
func goList(t *testing.T, deps bool, patterns ...string) map[string][]string {
	t.Helper()
	field := "Imports"
	if deps {
		field = "Deps"
	}
	args := append([]string{"list", "-f", `{{.ImportPath}} {{join .` + field + ` " "}}`}, patterns...)
	cmd := exec.CommandContext(t.Context(), "go", args...)
	out, err := cmd.Output()
	require.NoError(t, err)
	packages := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		packages[words[0]] = words[1:]
	}
	require.NotEmpty(t, packages)
	return packages
}

func within(pkg, tree string) bool { return pkg == tree || strings.HasPrefix(pkg, tree+"/") }

// Imports point one way: cmd and factory to backends to runtime, and PromptKit is known
// to factory only.
func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	const promptKit = "github.com/AltairaLabs/PromptKit"
	for _, tt := range []struct {
		from string   // tree below the module
		not  []string // trees that nothing in it may import
	}{
		{from: "runtime", not: []string{promptKit, module + "/backends", module + "/factory", module + "/cmd",
			"github.com/docker/docker/client", "github.com/docker/cli/cli", "github.com/containers", "go.podman.io"}},
		{from: "backends", not: []string{promptKit, module + "/factory", module + "/cmd"}},
		{from: "backends/dockercli", not: []string{module + "/backends/dockerapi", module + "/backends/podman",
			"github.com/docker/docker/client", "github.com/containers"}},
		{from: "backends/dockerapi", not: []string{module + "/backends/dockercli", module + "/backends/podman", "github.com/containers"}},
		{from: "backends/podman", not: []string{module + "/backends/dockercli", module + "/backends/dockerapi", "github.com/docker/docker/client"}},
		{from: "factory", not: []string{module + "/cmd"}},
		{from: "cmd", not: []string{promptKit}},
	} {
		for pkg, imports := range goList(t, false, module+"/"+tt.from+"/...") {
			for _, imported := range imports {
				for _, tree := range tt.not {
					assert.False(t, within(imported, tree), "%s imports %s", pkg, imported)
				}
			}
		}
	}
}

// A program that imports factory builds with no build tags and no C headers: the parts
// of Podman's bindings that need them must not be in it.
func TestFactoryNeedsNoHeaders(t *testing.T) {
	t.Parallel()
	banned := []string{
		"github.com/proglottis/gpgme", "go.podman.io/storage/drivers/btrfs", "github.com/containers/storage/drivers/btrfs",
		"github.com/containers/podman/v5/pkg/bindings/containers", "github.com/containers/podman/v5/pkg/specgen",
	}
	for pkg, deps := range goList(t, true, module+"/factory", module+"/cmd/...") {
		for _, dep := range deps {
			for _, tree := range banned {
				assert.False(t, within(dep, tree), "%s depends on %s", pkg, dep)
			}
		}
	}
}

// Who imports dockerrun gets OpenTelemetry's API with it, which does nothing by itself:
// the SDK and the exporters are for the program to choose.
func TestOnlyTheCommandExports(t *testing.T) {
	t.Parallel()
	for pkg, deps := range goList(t, true, module+"/runtime/...", module+"/backends/...", module+"/factory/...") {
		for _, dep := range deps {
			for _, tree := range []string{"go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/exporters", "google.golang.org/grpc", "github.com/prometheus"} {
				assert.False(t, within(dep, tree), "%s depends on %s", pkg, dep)
			}
		}
	}
}
