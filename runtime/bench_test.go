package runtime_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// BenchmarkLaunch is what a Launcher itself costs a call when nobody looks: no log at the
// level of debug, no OpenTelemetry provider.
func BenchmarkLaunch(b *testing.B) {
	l := runtime.NewLauncher(&stub{run: func(context.Context, runtime.Spec, runtime.Stdio) (runtime.Status, error) {
		return runtime.Status{}, nil
	}})
	opts := runtime.Options{Logger: slog.New(slog.DiscardHandler)}
	b.ReportAllocs()
	for b.Loop() {
		_, err := l.Launch(b.Context(), spec, nil, opts)
		require.NoError(b, err)
	}
}
