package runtimetest

import (
	"testing"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// One call in a test of the runtime's package.
func TestConformance(t *testing.T) {
	var e testEngine
	Conformance(t, Config{
		New:        func(testing.TB) runtime.Runtime { return e.fake() },
		Image:      "probe",
		Variant:    "variant",
		Containers: e.containers,
		Tries:      2,
	})
}
