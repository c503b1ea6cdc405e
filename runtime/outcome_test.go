package runtime_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestOutcome(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		status runtime.Status
		err    error
	}{
		"ok":            {},
		"exit":          {status: runtime.Status{Code: 1}},
		"out_of_memory": {err: fmt.Errorf("box: %w", &runtime.ExitError{Status: runtime.Status{Code: 137, OOMKilled: true}})},
		"timeout":       {err: fmt.Errorf("box: %w", &runtime.Error{Kind: runtime.ErrTimeout})},
		"_OTHER":        {err: errors.New("somebody else's")},
	} {
		assert.Equal(t, want, runtime.Outcome(c.status, c.err))
	}
	assert.Equal(t, "_OTHER", runtime.Outcome(runtime.Status{}, &runtime.Error{Kind: errors.New("somebody else's")}))
}

// Every kind of failure has a name.
func TestOutcomeKnowsAllKinds(t *testing.T) {
	t.Parallel()
	kinds, err := os.ReadFile("errors.go")
	require.NoError(t, err)
	names, err := os.ReadFile("outcome.go")
	require.NoError(t, err)
	found := regexp.MustCompile(`(?m)^\t(Err\w+)\s+= errors\.New`).FindAllSubmatch(kinds, -1)
	require.Greater(t, len(found), 10)
	for _, kind := range found {
		assert.Regexp(t, `\t`+string(kind[1])+`:\s+"[a-z_]+",`, string(names))
	}
}
