package e2e

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/factory"
)

// The containers that docker-api and docker-cli make are those that `docker run --rm -i`
// makes, field by field.
func TestInspectDocker(t *testing.T) {
	variants := variantsOf(t, engines.Docker)
	p := newPlace(t, variants[0])
	for _, c := range inspectCases() {
		if c.only != "" && c.only != engines.Docker {
			continue
		}
		c = p.in(c)
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			same := variants
			if c.cliOnly {
				same = slices.DeleteFunc(slices.Clone(same), func(v engines.Variant) bool { return v.Key != factory.RuntimeDockerCLI })
			}
			// What a client of another version sends differs in the spelling of some values.
			other := func(v engines.Variant) bool { return v.DockerPath != "" }
			ours := slices.DeleteFunc(slices.Clone(same), other)
			if !isCombination(c) && len(ours) == 2 && !soaking() {
				// docker-cli prints its flags from the same table that reads them; where
				// several meet, below, and in a soak it is compared with the literal ones.
				cli := slices.IndexFunc(ours, func(v engines.Variant) bool { return v.Key == factory.RuntimeDockerCLI })
				p.compareWith(t, c, p.record(t, ours[cli], viaSandbox(ours[cli]), c), slices.Delete(slices.Clone(ours), cli, cli+1))
			} else {
				p.compareAll(t, c, variants[0].CLI, ours)
			}
			if i := slices.IndexFunc(same, other); i >= 0 && c.old {
				v := same[i]
				p.compareAll(t, c, []string{v.DockerPath, "--host", v.Host}, []engines.Variant{v})
			}
		})
	}
}

// compareAll compares the container of a case that each variant makes with that of a
// command line. Where none can make it, all must fail for the same reason.
func (p place) compareAll(t *testing.T, c inspectCase, cli []string, variants []engines.Variant) {
	t.Helper()
	p.compareWith(t, c, p.record(t, variants[0], viaCLI(cli), c), variants)
}

// compareWith compares the container of a case that each variant makes with a record.
func (p place) compareWith(t *testing.T, c inspectCase, want made, variants []engines.Variant) {
	t.Helper()
	var kinds []error
	for _, v := range variants {
		t.Run(v.Name, func(t *testing.T) { kinds = append(kinds, p.compare(t, v, c, want)) })
	}
	for _, kind := range kinds {
		assert.Equal(t, kinds[0], kind, "the runtimes fail for different reasons")
	}
}

// variantsOf are the variants of an engine that this machine has, with the images
// loaded.
func variantsOf(t *testing.T, engine string) []engines.Variant {
	t.Helper()
	variants := slices.DeleteFunc(slices.Clone(machine.variants), func(v engines.Variant) bool { return v.Engine != engine })
	if len(variants) == 0 {
		t.Skipf("E2E_ENGINES leaves %s out", engine)
	}
	if err := variants[0].Err; err != nil {
		t.Skipf("%s is not here (%v); e2e/engines.sh up sets it up", engine, err)
	}
	require.NoError(t, machine.loaded[engine]())
	return variants
}
