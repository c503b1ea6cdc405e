package e2e

import (
	"strings"
	"testing"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
)

// The containers that podman makes over its API are those that `podman run --rm -i`
// makes. Combinations also with the command line as the runtime: docker_path: podman.
func TestInspectPodman(t *testing.T) {
	service := variantsOf(t, engines.Podman)[0]
	local := variantsOf(t, engines.PodmanCLI)[0]
	p := newPlace(t, service)
	comparePodman(t, p, inspectCases(), func(c inspectCase) []engines.Variant {
		if isCombination(c) {
			return []engines.Variant{service, local}
		}
		return []engines.Variant{service}
	}, local.CLI)
}

// The same on the service of an ordinary user, against `podman --url` with it.
func TestInspectPodmanRootless(t *testing.T) {
	service := variantsOf(t, engines.PodmanRootless)[0]
	p := newPlace(t, service)
	comparePodman(t, p, combinationCases(), func(inspectCase) []engines.Variant { return []engines.Variant{service} }, service.CLI)
}

func isCombination(c inspectCase) bool {
	return !strings.HasPrefix(c.name, "flag ") && !strings.HasPrefix(c.name, "key ")
}

func comparePodman(t *testing.T, p place, cases []inspectCase, variants func(inspectCase) []engines.Variant, cli []string) {
	t.Helper()
	for _, c := range cases {
		if c.only != "" && c.only != engines.Podman {
			continue
		}
		c = p.in(c)
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p.compareAll(t, c, cli, variants(c))
		})
	}
}
