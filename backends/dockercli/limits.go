package dockercli

import (
	"encoding/json"
	"strings"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// limits is what an engine can hold containers to.
type limits struct{ memory, cpu, pids bool }

// all reports whether nothing is missing.
func (l limits) all() bool { return l.memory && l.cpu && l.pids }

// unenforced names all that it can't do, as [runtime.Info] has them.
func (l limits) unenforced(swap bool) []string {
	var names []string
	for _, m := range []struct {
		name  string
		holds bool
	}{{"memory", l.memory}, {"memory-swap", swap}, {"cpus", l.cpu}, {"pids-limit", l.pids}} {
		if !m.holds {
			names = append(names, m.name)
		}
	}
	return names
}

// missing names what spec asks for and the engine can't do; empty: nothing.
func (l limits) missing(spec runtime.Spec) string {
	var names []string
	for _, m := range []struct {
		name  string
		holds bool
		asked bool
	}{
		{"memory", l.memory, spec.Memory > 0 || spec.MemorySwap > 0 || spec.MemoryReservation > 0},
		{"cpus", l.cpu, spec.NanoCPUs > 0 || spec.CPUQuota > 0},
		{"pids-limit", l.pids, spec.PidsLimit > 0},
	} {
		if m.asked && !m.holds {
			names = append(names, m.name)
		}
	}
	return strings.Join(names, ", ")
}

// knownLimits are the limits of the engine, asked once, when a Spec has some.
type knownLimits struct {
	asking call.Gate // one asks, the others wait
	known  bool
	limits limits
}

// checkLimits refuses limits that would be ignored, before a container starts without
// them. What can't be found out so is left to the engine's warnings.
func (r *run) checkLimits() error {
	if (limits{}).missing(r.spec) == "" {
		return nil
	}
	k := &r.rt.limits
	if err := k.asking.Enter(r.call.Ctx); err != nil {
		return r.call.Err(false)
	}
	defer k.asking.Leave()
	if !k.known {
		out, err := r.cl.output(r.call.Ctx, askLimit, r.cl.args("info", "--format={{json .}}")...)
		if err != nil {
			return r.call.Err(false) // an engine that does not answer is for the call to report
		}
		k.limits, k.known = parseLimits(r.cl.podman, out)
		if !k.known {
			return nil
		}
	}
	if names := k.limits.missing(r.spec); names != "" {
		return unsupported("the engine does not hold containers to %s: rootless engines need cgroup v2 for that, and others a kernel with the controllers", names)
	}
	return nil
}

// parseLimits reads `info`; ok is false when it does not say.
func parseLimits(podman bool, out string) (l limits, ok bool) {
	if podman {
		var rec podmanRecord
		err := json.Unmarshal([]byte(out), &rec)
		return rec.limits(), err == nil && rec.Host.CgroupVersion != ""
	}
	var rec dockerRecord
	err := json.Unmarshal([]byte(out), &rec)
	return rec.limits(), err == nil && rec.ServerVersion != ""
}
