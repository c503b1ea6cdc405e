package podman

import (
	"math"
	"strconv"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

const (
	cpuPeriod = 100_000 // microseconds; what --cpus is counted in
	// unlimitedSwap is more than any machine has. The API takes -1 for a limit less
	// than the memory's, and nothing at all for twice the memory.
	unlimitedSwap = math.MaxInt64 &^ (1<<16 - 1)
)

func setResources(req *createRequest, spec runtime.Spec, svc service) error {
	r := spec.Resources
	limits := resources{Memory: memoryOf(r), CPU: cpuOf(r)}
	if r.PidsLimit != 0 {
		limits.Pids = &pidsLimit{Limit: r.PidsLimit}
		if r.PidsLimit < 0 && !svc.atLeast(4, 4) {
			limits.Pids.Limit = 0 // how older versions write unlimited
		}
	}
	if limits.Memory != nil || limits.CPU != nil || limits.Pids != nil {
		req.Resources = &limits
	}
	for _, u := range r.Ulimits {
		// -1, unlimited, wraps to the largest number, which is RLIM_INFINITY.
		req.Rlimits = append(req.Rlimits, rlimit{Type: u.Name, Soft: uint64(u.Soft), Hard: uint64(u.Hard)})
	}
	if r.OOMScoreAdj != 0 {
		req.OOMScoreAdj = new(r.OOMScoreAdj)
	}
	// What `kube generate` reads; each came with its own version.
	for _, a := range []struct {
		name  string
		minor uint64
		value string
	}{
		{annotationPids, 5, numberOrEmpty(r.PidsLimit)},
		{annotationCpus, 6, r.CpusetCPUs},
		{annotationMems, 6, r.CpusetMems},
	} {
		if a.value != "" && svc.atLeast(5, a.minor) {
			req.Annotations[a.name] = a.value
		}
	}
	return nil
}

func numberOrEmpty(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func memoryOf(r runtime.Resources) *memoryLimits {
	var m memoryLimits
	if r.Memory > 0 {
		m.Limit = new(r.Memory)
		m.Swap = new(2 * r.Memory)
	}
	if r.MemorySwap > 0 {
		m.Swap = new(r.MemorySwap)
	}
	if r.MemorySwap < 0 && r.Memory > 0 {
		m.Swap = new(int64(unlimitedSwap))
	}
	if r.MemoryReservation > 0 {
		m.Reservation = new(r.MemoryReservation)
	}
	if r.MemorySwappiness != nil {
		m.Swappiness = new(uint64(*r.MemorySwappiness))
	}
	if r.OOMKillDisable {
		m.DisableOOMKiller = new(true)
	}
	if m == (memoryLimits{}) {
		return nil
	}
	return &m
}

func cpuOf(r runtime.Resources) *cpuLimits {
	c := cpuLimits{Cpus: r.CpusetCPUs, Mems: r.CpusetMems}
	if r.NanoCPUs > 0 {
		c.Period = new(uint64(cpuPeriod))
		c.Quota = new(r.NanoCPUs / (1_000_000_000 / cpuPeriod))
	}
	if r.CPUShares > 0 {
		c.Shares = new(uint64(r.CPUShares))
	}
	if r.CPUPeriod > 0 {
		c.Period = new(uint64(r.CPUPeriod))
	}
	if r.CPUQuota > 0 {
		c.Quota = new(r.CPUQuota)
	}
	if c == (cpuLimits{}) {
		return nil
	}
	return &c
}

// limit is one that a Spec can ask for, and the words by which Podman says that it
// has thrown it away.
type limit struct {
	flag  string
	asked bool
	words string // of the warning, in lower case
}

func limitsOf(r runtime.Resources) []limit {
	return []limit{
		{"memory", r.Memory > 0, "memory limit capabilities"},
		// Memory alone asks for a swap limit too, but only by default.
		{"memory-swap", r.MemorySwap > 0, "swap limit"},
		{"memory-swappiness", r.MemorySwappiness != nil, "swappiness"},
		{"memory-reservation", r.MemoryReservation > 0, "soft limit"},
		{"oom-kill-disable", r.OOMKillDisable, "oomkilldisable"},
		{"pids-limit", r.PidsLimit > 0, "pids limit"},
		{"cpu-shares", r.CPUShares > 0, "cpu shares"},
		{"cpus", r.NanoCPUs > 0, "cpu cfs"},
		{"cpu-period", r.CPUPeriod > 0, "cfs period"},
		{"cpu-quota", r.CPUQuota > 0, "cfs quota"},
		{"cpuset-cpus", r.CpusetCPUs != "", "cpuset"},
		{"cpuset-mems", r.CpusetMems != "", "cpuset"},
	}
}

// ignoredLimits sorts the warnings of a create: the flags of limits that were asked
// for and thrown away, and the warnings that are about nothing asked for.
func ignoredLimits(r runtime.Resources, warnings []string) (ignored, other []string) {
	seen := map[string]bool{}
	for _, w := range warnings {
		text := strings.ToLower(w)
		all := strings.Contains(text, "resource limits are not supported")
		hit := false
		for _, l := range limitsOf(r) {
			if !l.asked || !all && !strings.Contains(text, l.words) {
				continue
			}
			hit = true
			if !seen[l.flag] {
				seen[l.flag] = true
				ignored = append(ignored, l.flag)
			}
		}
		if !hit {
			other = append(other, w)
		}
	}
	return ignored, other
}

func limitsError(flags, warnings []string) error {
	return unsupported("limits that this service does not enforce: %s (it says: %s)",
		strings.Join(flags, ", "), strings.Join(warnings, "; "))
}
