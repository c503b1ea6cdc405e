package bench

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var errWrongAnswer = errors.New("a wrong answer")

// samples are the times of one way with one program.
type samples struct {
	*way
	took []time.Duration
}

func (s *samples) quantile(q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(s.took))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

// BenchmarkLatency makes one call a round in every way, in an order of chance, so that
// whatever else the machine does meets all of them alike. Pools are full before each call,
// and the engines at rest.
func BenchmarkLatency(b *testing.B) {
	vs, files := variants(b)
	for _, p := range programs(b, files) {
		b.Run(strings.ReplaceAll(p.name, " ", "-"), func(b *testing.B) {
			all := ways(b, vs, p)
			rows := make([]*samples, len(all))
			want := answer(b, all[0])
			for i, w := range all {
				rows[i] = &samples{way: w}
				require.NoError(b, w.refill(b.Context()), w.name)
				_, err := w.call(b.Context(), want) // what is done once is done
				require.NoError(b, err, w.name)
			}
			for b.Loop() {
				for _, i := range rand.Perm(len(rows)) {
					r := rows[i]
					require.NoError(b, r.refill(b.Context()), r.name)
					took, err := r.call(b.Context(), want)
					require.NoError(b, err, r.name)
					r.took = append(r.took, took)
					require.NoError(b, r.refill(b.Context()), r.name)
				}
			}
			b.ReportMetric(0, "ns/op") // of all rows together: says nothing
			out.latency(b, p.name, rows)
		})
	}
}

// answer is what the program says when it is run without any container.
func answer(b *testing.B, local *way) []byte {
	b.Helper()
	resp, err := local.sandbox.Spawn(b.Context(), local.request)
	require.NoError(b, err)
	require.NoError(b, resp.Err, "%s", resp.Stderr)
	return resp.Stdout
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000) }
