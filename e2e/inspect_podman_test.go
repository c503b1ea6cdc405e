package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

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
	// What an ordinary user's Podman can't show; the other engines do.
	const noLimits = "ours refuses limits that cgroup v1 does not hold for a user; the command line drops them"
	without := map[string]string{
		"limits":                        noLimits,
		"swappiness and the OOM killer": noLimits,
		"a locked-down hook":            noLimits,
		"user namespace, auto":          "each container gets the next range of ids",
		"user namespace, nomap":         "Podman 4.3 takes it from its command line alone",
		"all of the host's":             "a user may not have all of them",
	}
	cases := slices.DeleteFunc(combinationCases(), func(c inspectCase) bool { return without[c.name] != "" })
	require.Len(t, cases, len(combinationCases())-len(without), "a name in the list is no case's")
	comparePodman(t, p, cases, func(inspectCase) []engines.Variant { return []engines.Variant{service} }, service.CLI)
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
			if !slices.Contains(c.flags, "--userns=auto") {
				// Beside that one, another `podman run` of 4.3 can wait for ever.
				t.Parallel()
			}
			p.compareAll(t, c, cli, variants(c))
		})
	}
}
