package warm_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
	"github.com/AltairaLabs/dockerrun/runtime/warm"
)

// BenchmarkRun is what the pool itself costs a call, its container's start included: the
// engine is a Fake.
func BenchmarkRun(b *testing.B) {
	fake := &runtimetest.Fake{Programs: map[string]runtimetest.Program{"/probe": runtimetest.Probe}}
	pool := warm.New(fake, warm.Options{Logger: slog.New(slog.DiscardHandler)})
	defer func() {
		require.NoError(b, pool.Close())
		require.NoError(b, fake.Close())
	}()
	s := runtime.Spec{Image: "img", Args: []string{"/probe", "echo"}, Network: "none"}
	in := bytes.Repeat([]byte("x"), 1024)
	require.NoError(b, pool.Prepare(b.Context(), s))
	b.ReportAllocs()
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
		_, err := pool.Run(ctx, s, runtime.Stdio{Stdin: io.NopCloser(bytes.NewReader(in)), Stdout: io.Discard})
		cancel()
		require.NoError(b, err)
	}
}
