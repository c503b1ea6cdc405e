package runtime

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// unenforced refuses a container whose limits the engine would ignore, or drops them
// where that is allowed.
func (s *strict) unenforced() {
	if s.around.Info == nil {
		return
	}
	missing := s.around.Info.missingLimits()
	r := &s.spec.Resources
	kept := *r
	var names []string
	for _, l := range []struct {
		name  string
		asked bool
		drop  func()
	}{
		{"memory", r.Memory > 0 || r.MemoryReservation > 0 || r.MemorySwappiness != nil, func() {
			kept.Memory, kept.MemoryReservation, kept.MemorySwappiness = 0, 0, nil
			kept.MemorySwap, kept.OOMKillDisable = 0, false
		}},
		{"memory-swap", r.MemorySwap > 0, func() { kept.MemorySwap = 0 }},
		{"cpus", r.NanoCPUs > 0 || r.CPUShares > 0 || r.CPUPeriod > 0 || r.CPUQuota > 0 || r.CpusetCPUs+r.CpusetMems != "", func() {
			kept.NanoCPUs, kept.CPUShares, kept.CPUPeriod, kept.CPUQuota = 0, 0, 0, 0
			kept.CpusetCPUs, kept.CpusetMems = "", ""
		}},
		{"pids-limit", r.PidsLimit > 0, func() { kept.PidsLimit = 0 }},
	} {
		if !l.asked || !slices.Contains(missing, l.name) {
			continue
		}
		names = append(names, l.name)
		l.drop()
	}
	if len(names) == 0 {
		return
	}
	if !s.allows(allowNoLimits) {
		s.faults = append(s.faults, &Error{Kind: ErrUnsupported, Runtime: s.around.Info.Runtime, Message: fmt.Sprintf(
			"the engine does not hold containers to %s; isolation strict does without only with allow: [%s]", strings.Join(names, ", "), allowNoLimits)})
		return
	}
	*r = kept
	s.settings = slices.DeleteFunc(s.settings, func(o Setting) bool { return slices.Contains(names, o.Name) })
	for _, name := range names {
		s.set(name, "", "dropped, as the engine does not enforce it (allow: ["+allowNoLimits+"])")
	}
}

// missingLimits are those that the engine does not enforce.
func (i *Info) missingLimits() []string {
	if len(i.UnenforcedLimits) == 0 && !i.LimitsEnforced {
		return []string{"memory", "memory-swap", "cpus", "pids-limit"}
	}
	return i.UnenforcedLimits
}

// userNS makes the container's user, on rootless Podman, the one whom the engine runs as,
// when there are mounts: they are mostly that user's, and to anyone else in the container
// they belong to root.
func (s *strict) userNS() {
	in := s.around.Info
	if in == nil || in.Engine != enginePodman || !in.Rootless || !podmanMapsUsers(in.Version) || s.spec.UserNS != "" ||
		!slices.ContainsFunc(s.spec.Mounts, func(m Mount) bool { return m.Type == MountBind }) {
		return
	}
	user, group, _ := strings.Cut(s.spec.User, ":")
	if _, err := strconv.ParseUint(user, 10, 31); err != nil {
		return // a name, whose number only the image knows
	}
	s.spec.UserNS = "keep-id:uid=" + user
	if _, err := strconv.ParseUint(group, 10, 31); err == nil {
		s.spec.UserNS += ",gid=" + group
	}
	s.set("userns", s.spec.UserNS, "the mounts are readable to the user whom rootless Podman runs as")
}

// podmanMapsUsers reports whether keep-id takes a user: from 4.3 on.
func podmanMapsUsers(version string) bool {
	var major, minor int
	_, err := fmt.Sscanf(version, "%d.%d", &major, &minor)
	return err == nil && (major > 4 || major == 4 && minor >= 3)
}
