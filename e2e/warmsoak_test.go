package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	goruntime "runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// TestWarmSoak makes many warm calls on all engines at once, in both ways of being warm.
// E2E_WARM_CALLS says how many; without it, a few.
func TestWarmSoak(t *testing.T) {
	total := 40
	if s := os.Getenv("E2E_WARM_CALLS"); s != "" {
		var err error
		total, err = strconv.Atoi(s)
		require.NoError(t, err, "E2E_WARM_CALLS is a number of calls")
	}
	var boxes []*factory.Sandbox
	var used []engines.Variant
	for _, v := range machine.variants {
		if v.Err != nil || v.Again {
			continue
		}
		require.NoError(t, machine.loaded[v.Engine]())
		used = append(used, v)
		for _, start := range []string{"gate", "eager"} {
			sb := newSandbox(t, config(v, map[string]any{"warm": map[string]any{"size": 2, "start": start}})).(*factory.Sandbox)
			require.NoError(t, spawn(t, sb, probe("echo")).Err, "opens what stays open")
			boxes = append(boxes, sb)
		}
	}
	if len(boxes) == 0 {
		t.Skip("there is no engine; e2e/engines.sh up sets them up")
	}
	heap, files, children := heapInUse(), openFiles(t), len(childProcesses(t))

	var made atomic.Int64
	var mu sync.Mutex
	var wrong []error
	var wg sync.WaitGroup
	began := time.Now()
	for _, sb := range boxes {
		for range 2 {
			wg.Go(func() {
				for n := made.Add(1); n <= int64(total); n = made.Add(1) {
					if err := soakCall(t, sb, n); err != nil {
						mu.Lock()
						wrong = append(wrong, fmt.Errorf("%s: call %d: %w", sb.Name(), n, err))
						mu.Unlock()
					}
				}
			})
		}
	}
	wg.Wait()
	took := time.Since(began)
	require.NoError(t, errors.Join(wrong...))
	for _, sb := range boxes {
		require.NoError(t, sb.Close())
	}
	for _, v := range used {
		require.NoError(t, noContainers(v, 15*time.Second))
	}
	require.Eventually(t, func() bool { return openFiles(t) <= files && len(childProcesses(t)) <= children }, 10*time.Second, 50*time.Millisecond,
		"file descriptors or processes are left")
	after := heapInUse()
	t.Logf("%d calls in %v, %.1f a second; heap %d KiB before and %d KiB after; %d descriptors before and %d after",
		total, took.Round(time.Second), float64(total)/took.Seconds(), heap>>10, after>>10, files, openFiles(t))
	assert.Less(t, after, heap+16<<20, "the heap has grown")
}

// soakCall makes one of several kinds of calls, with data of its own.
func soakCall(t *testing.T, sb *factory.Sandbox, n int64) error {
	req := probe("echo")
	req.Timeout = time.Minute
	if n%10 == 9 {
		code := int(n/10)%100 + 1
		req = probe("exit", strconv.Itoa(code))
		resp, err := sb.Spawn(t.Context(), req)
		var exit *runtime.ExitError
		if err != nil || !errors.As(resp.Err, &exit) || exit.Status.Code != code {
			return fmt.Errorf("exit %d: %w, %w", code, err, resp.Err)
		}
		return nil
	}
	req.Stdin = fmt.Appendf(nil, "call %d %d;", n, rand.Uint64())
	req.Stdin = bytes.Repeat(req.Stdin, 1+rand.IntN(2000))
	resp, err := sb.Spawn(t.Context(), req)
	switch {
	case err != nil || resp.Err != nil:
		return errors.Join(err, resp.Err)
	case !bytes.Equal(resp.Stdout, req.Stdin):
		return fmt.Errorf("a wrong answer: %d bytes for %d, %.60q", len(resp.Stdout), len(req.Stdin), resp.Stdout)
	case len(resp.Stderr) > 0:
		return fmt.Errorf("stderr %q", resp.Stderr)
	}
	return nil
}

func heapInUse() uint64 {
	goruntime.GC()
	goruntime.GC()
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	return m.HeapInuse
}
