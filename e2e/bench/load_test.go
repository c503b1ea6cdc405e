package bench

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// loadTime is how long calls are made one after another at each concurrency.
const loadTime = 6 * time.Second

// rate is what one way did at one concurrency.
type rate struct {
	elapsed time.Duration
	*samples
}

func (r *rate) add(more rate) {
	r.elapsed += more.elapsed
	if r.samples == nil {
		r.samples = more.samples
		return
	}
	r.took = append(r.took, more.took...)
}

func (r *rate) perSecond() float64 { return float64(len(r.took)) / r.elapsed.Seconds() }

// BenchmarkLoad makes calls of cat without a pause, at some concurrencies, for longer
// than a stock lasts: cold, and with a pool.
func BenchmarkLoad(b *testing.B) {
	vs, files := variants(b)
	p := programs(b, files)[0]
	concurrencies := []int{1, 2, 4, 8, 16}
	var (
		tried []*way
		names []string
		table [][]rate
	)
	all := ways(b, vs, p)
	want := answer(b, all[0])
	for _, w := range all {
		if (w.start == "cold" || w.start == "gate") && w.runtime != "podman-cli" {
			tried, names = append(tried, w), append(names, w.name)
			table = append(table, make([]rate, len(concurrencies)))
		}
	}
	// A runtime's cold and warm rows are measured right after one another, so that what
	// else the machine does falls on both.
	for b.Loop() {
		for i, n := range concurrencies {
			for j, w := range tried {
				require.NoError(b, w.refill(b.Context()))
				table[j][i].add(load(b, w, n, want))
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	out.load(b, names, concurrencies, table)
}

func load(b *testing.B, w *way, concurrency int, want []byte) rate {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), loadTime)
	defer cancel()
	s := &samples{way: w}
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		first error
	)
	began := time.Now()
	for range concurrency {
		wg.Go(func() {
			for ctx.Err() == nil {
				took, err := w.call(b.Context(), want)
				mu.Lock()
				s.took = append(s.took, took)
				if err != nil && first == nil {
					first = err
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(began)
	require.NoError(b, first, "%s at %d", w.name, concurrency)
	return rate{elapsed: elapsed, samples: s}
}

// BenchmarkBurst makes as many calls at once as a pool has containers.
func BenchmarkBurst(b *testing.B) {
	vs, files := variants(b)
	p := programs(b, files)[0]
	all := ways(b, vs, p)
	want := answer(b, all[0])
	bursts := map[string]*samples{}
	var names []string
	for _, w := range all {
		if (w.start == "cold" || w.start == "gate") && w.runtime != "podman-cli" {
			names = append(names, w.name)
			bursts[w.name] = &samples{way: w}
		}
	}
	for b.Loop() {
		for _, name := range names {
			w := bursts[name].way
			require.NoError(b, w.refill(b.Context()))
			var wg sync.WaitGroup
			errs := make([]error, warmSize)
			began := time.Now()
			for i := range errs {
				wg.Go(func() { _, errs[i] = w.call(b.Context(), want) })
			}
			wg.Wait()
			bursts[name].took = append(bursts[name].took, time.Since(began))
			for _, err := range errs {
				require.NoError(b, err, name)
			}
			require.NoError(b, w.refill(b.Context()))
		}
	}
	b.ReportMetric(0, "ns/op")
	var text strings.Builder
	fmt.Fprintf(&text, "Until the last of %d calls that began at once had its answer; %d bursts of each.\n\n| way | p50 ms | p95 ms |\n|---|--:|--:|\n", warmSize, b.N)
	for _, name := range names {
		fmt.Fprintf(&text, "| %s | %s | %s |\n", name, ms(bursts[name].quantile(0.5)), ms(bursts[name].quantile(0.95)))
	}
	out.section(b, "burst", text.String())
}
