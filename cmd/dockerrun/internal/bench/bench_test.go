package bench

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMeasure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var order []string
		readied := 0
		takes := func(name string, d time.Duration) func(context.Context) error {
			return func(context.Context) error {
				order = append(order, name)
				time.Sleep(d)
				return nil
			}
		}
		broken := errors.New("no such image")
		calls := 0
		ways := []*Way{
			{Name: "slow", Call: takes("slow", time.Second)},
			{Name: "fast", Call: takes("fast", time.Millisecond), Ready: func(context.Context) error {
				readied++
				time.Sleep(time.Minute) // is not part of a call
				return nil
			}},
			{Name: "broken", Call: func(context.Context) error { return broken }},
			{Name: "breaks", Call: func(context.Context) error {
				if calls++; calls > 3 {
					return broken
				}
				return nil
			}},
			{Name: "absent", Err: broken},
		}
		var rounds []int
		require.NoError(t, Measure(t.Context(), ways, 20, func(round int) { rounds = append(rounds, round) }))
		assert.Len(t, rounds, 20)
		assert.Len(t, ways[0].Took, 20, "the first call is not counted")
		assert.Equal(t, time.Second, ways[0].Quantile(0.5))
		assert.Equal(t, time.Millisecond, ways[1].Quantile(1))
		assert.Equal(t, 2*21, readied)
		assert.ErrorIs(t, ways[2].Err, broken)
		assert.False(t, ways[2].Measured())
		assert.ErrorIs(t, ways[3].Err, broken)
		assert.Len(t, ways[3].Took, 2)
		assert.Len(t, order, 2*21)
		same := 0
		for i := 2; i < len(order); i += 2 {
			if order[i] == "slow" {
				same++
			}
		}
		assert.NotContains(t, []int{0, 20}, same, "the order changes (but for one run in half a million)")
	})
}

func TestMeasureEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	calls := 0
	w := &Way{Call: func(context.Context) error {
		if calls++; calls == 3 {
			cancel(why)
		}
		return nil
	}}
	require.ErrorIs(t, Measure(ctx, []*Way{w}, 100, func(int) {}), why)
	assert.Equal(t, 3, calls)
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	w := &Way{Took: []time.Duration{5, 1, 4, 2, 3}}
	assert.Equal(t, []time.Duration{1, 3, 5}, []time.Duration{w.Quantile(0), w.Quantile(0.5), w.Quantile(1)})
	assert.Equal(t, []time.Duration{5, 1, 4, 2, 3}, w.Took, "the order stays")
	assert.Zero(t, (&Way{}).Quantile(0.5))
	assert.Equal(t, "4.25", Millis(4250*time.Microsecond))
	assert.Equal(t, "42.5", Millis(42500*time.Microsecond))
	assert.Equal(t, "425", Millis(425*time.Millisecond))
}

func TestChart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "chart.svg")
	require.NoError(t, Chart(file, "One call", []*Way{
		{Name: "docker run", Start: Engine, Took: []time.Duration{400 * time.Millisecond}},
		{Name: "docker-api, cold", Start: Cold, Took: []time.Duration{300 * time.Millisecond}},
		{Name: "docker-api, gate", Start: Gate, Took: []time.Duration{4 * time.Millisecond}},
		{Name: "docker-api, eager", Start: Eager, Took: []time.Duration{900 * time.Microsecond}},
	}))
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, text := range []string{"One call", "docker run", "docker-api, gate", "400 ms", "4.00 ms", "0.90 ms", "milliseconds"} {
		assert.Contains(t, string(data), text)
	}
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	for dec := xml.NewDecoder(f); ; {
		if _, err := dec.Token(); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
	}
	assert.Error(t, Chart(filepath.Join(t.TempDir(), "chart.txt"), "", []*Way{{Took: []time.Duration{1e6}}}), "no such format")
}
