package bench

import (
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
)

// BenchmarkFootprint says what a warm container costs while it waits, and what a call
// costs this process.
func BenchmarkFootprint(b *testing.B) {
	vs, files := variants(b)
	p := programs(b, files)[0]
	var text strings.Builder
	for b.Loop() {
		text.Reset()
		text.WriteString("| runtime | idle container: launcher, MiB | idle container: engine, MiB | warm call: CPU of the launcher, ms | warm call: allocations |\n|---|--:|--:|--:|--:|\n")
		for _, v := range vs {
			if v.Name == "podman-cli" {
				continue
			}
			f := footprint(b, v, p)
			fmt.Fprintf(&text, "| %s | %.1f | %.1f | %.1f | %.0f |\n", v.Name, f.launcher, f.engine, f.cpu, f.allocations)
		}
	}
	b.ReportMetric(0, "ns/op")
	out.section(b, "footprint", text.String())
}

type costs struct {
	launcher, engine float64 // MiB for each idle container, of processes that there are for it
	cpu              float64 // milliseconds for each warm call, of this process and its children
	allocations      float64 // for each warm call
}

func footprint(b *testing.B, v engines.Variant, p program) costs {
	b.Helper()
	const containers = 8
	sb := ours(b, v, p.image, "gate", containers)
	w := &way{name: v.Name, runtime: v.Name, start: "gate", sandbox: sb}
	w.request.Command, w.request.Args, w.request.Stdin, w.request.Timeout = p.argv[0], p.argv[1:], p.stdin, time.Minute
	_, err := ours(b, v, p.image, "cold", 0).Spawn(b.Context(), w.request) // what is there once and for all
	require.NoError(b, err)
	before := memory(b)
	require.NoError(b, sb.Prepare(b.Context()))
	var launcher, engine float64
	for pid, m := range memory(b) {
		if _, old := before[pid]; old {
			continue
		}
		if m.mine {
			launcher += m.mib
		} else {
			engine += m.mib
		}
	}

	// One at a time, with the stock full: the refills are part of the price of a call.
	const calls = 20
	var from, to goruntime.MemStats
	goruntime.ReadMemStats(&from)
	cpu := cpuTime(b)
	for range calls {
		_, err := w.call(b.Context(), nil)
		require.NoError(b, err)
		require.NoError(b, w.refill(b.Context()))
	}
	goruntime.ReadMemStats(&to)
	cpu = cpuTime(b) - cpu
	return costs{
		launcher: launcher / containers, engine: engine / containers,
		cpu: cpu / calls, allocations: float64(to.Mallocs-from.Mallocs) / calls,
	}
}

// used is the memory of one process.
type used struct {
	mib  float64 // proportional set size
	mine bool    // it is this one's child
}

// memory is that of all processes, by number.
func memory(b *testing.B) map[string]used {
	b.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/smaps_rollup")
	require.NoError(b, err)
	me := strconv.Itoa(os.Getpid())
	out := map[string]used{}
	for _, file := range files {
		pid := filepath.Base(filepath.Dir(file))
		text, err := os.ReadFile(file)
		stat, statErr := os.ReadFile(filepath.Join("/proc", pid, "stat"))
		if err != nil || statErr != nil {
			continue // it has ended, or is of the kernel
		}
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
				kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
				require.NoError(b, err)
				// pid (name) state ppid ...
				fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
				out[pid] = used{mib: kib / 1024, mine: fields[1] == me}
			}
		}
	}
	return out
}

// cpuTime is that of this process and of its children that have ended, in milliseconds.
func cpuTime(b *testing.B) float64 {
	b.Helper()
	var total time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		require.NoError(b, syscall.Getrusage(who, &usage))
		total += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	return float64(total.Microseconds()) / 1000
}
