package runtime

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// strictTmpfs are the options of a directory in memory; 64m is much for what a hook
// keeps there, and a small part of its memory.
const (
	strictTmpfs     = "rw,nosuid,nodev,noexec,mode=1777," + strictTmpfsSize
	strictTmpfsSize = "size=64m"
)

// unboundedRE matches the sizes of a tmpfs without a limit.
var unboundedRE = regexp.MustCompile(`(?i)^(tmpfs-)?size=0*(\.0*)?[a-z%]*$`)

func (s *strict) mounts() {
	var endpoint string
	if s.around.Info != nil {
		endpoint = s.around.Info.Endpoint
	}
	for i := range s.spec.Mounts {
		m := &s.spec.Mounts[i]
		field := fmt.Sprintf("mounts[%d]", i)
		switch m.Type {
		case MountBind, MountVolume:
			s.readOnly(field, m)
		case MountTmpfs:
			switch {
			case !hasField(*m, "tmpfs-size"):
				m.Options = append(slices.Clip(m.Options), "tmpfs-"+strictTmpfsSize)
				s.set("mount", m.Redacted(), "bounded")
			case slices.ContainsFunc(m.Options, func(o string) bool { return unboundedRE.MatchString(o) }):
				s.refuse(allowNoLimits, field, m.Redacted(), "has no bound: a size of 0 is none")
			}
		case MountImage:
			if slices.ContainsFunc(m.Options, saysAccess) && !m.ReadOnly() {
				s.refuse(allowRWMounts, field, m.Redacted(), "can be written to")
			}
		default:
			s.refuse(allowOtherFlags, field, m.Redacted(), "is of a type that the launcher does not know")
		}
		for _, option := range m.Options {
			if what := mountOptionFault(option); what != "" {
				s.refuse(allowHostPaths, field, m.Redacted(), what)
			}
		}
		if m.Type == MountBind {
			if allowance, what := sensitive(m.Source, endpoint); what != "" {
				s.refuse(allowance, field, m.Redacted(), what)
			}
		}
	}
}

// readOnly makes a mount read-only that does not say what it is to be.
func (s *strict) readOnly(field string, m *Mount) {
	switch said := slices.ContainsFunc(m.Options, saysAccess); {
	case m.Source == "" && !m.ReadOnly():
		s.refuse(allowRWMounts, field, m.Redacted(), "is a volume without a name, on the engine's disk; a tmpfs does instead")
	case !said:
		m.Options = append(slices.Clip(m.Options), "ro")
		s.set(mountFlag(*m), m.Redacted(), "read-only, as it does not say rw")
	case !m.ReadOnly(), hasField(*m, "bind-recursive=writable"):
		s.refuse(allowRWMounts, field, m.Redacted(), "can be written to")
	case m.Long: // in the one spelling that all engines read alike
		m.Options = slices.Clone(m.Options)
		for i, option := range m.Options {
			if saysAccess(option) {
				m.Options[i] = "ro"
			}
		}
	}
}

func mountFlag(m Mount) string {
	if m.Long {
		return "mount"
	}
	return "volume"
}

// saysAccess reports whether an option is about writing.
func saysAccess(option string) bool {
	key, _, _ := strings.Cut(strings.ToLower(option), "=")
	return slices.Contains([]string{"ro", "rw", "readonly"}, key)
}

// hasField reports whether a long mount has a field, or field=value.
func hasField(m Mount, field string) bool {
	return slices.ContainsFunc(m.Options, func(o string) bool {
		o = strings.ToLower(o)
		return o == field || strings.HasPrefix(o, field+"=")
	})
}

// mountOptionFault says what an option opens that the mount itself does not show.
func mountOptionFault(option string) string {
	key, value, _ := strings.Cut(strings.ToLower(option), "=")
	if key == "bind-propagation" {
		key = value
	}
	switch key {
	case "shared", "rshared", "slave", "rslave":
		return "passes mounts on between host and container"
	case "volume-opt", "volume-driver":
		return "has options that can make any path of the host a volume"
	}
	return ""
}

// tmpfs gives the command places to write to.
func (s *strict) tmpfs() {
	for i := range s.spec.Tmpfs {
		t := &s.spec.Tmpfs[i]
		if !slices.ContainsFunc(strings.Split(t.Options, ","), func(o string) bool { return strings.HasPrefix(o, "size=") }) {
			t.Options = strings.TrimPrefix(t.Options+","+strictTmpfsSize, ",")
			s.set("tmpfs", t.String(), "bounded")
		} else if slices.ContainsFunc(strings.Split(t.Options, ","), unboundedRE.MatchString) {
			s.refuse(allowNoLimits, fmt.Sprintf("tmpfs[%d]", i), t.String(), "has no bound: a size of 0 is none")
		}
	}
	s.addTmpfs("/tmp", "a place to write to, which goes with the container")
	if in := s.around.Info; in != nil && in.Engine == enginePodman && s.spec.ReadOnly {
		// It would make them anyway, without a bound.
		s.addTmpfs("/run", "bounded: Podman makes it in any read-only container")
		s.addTmpfs("/var/tmp", "bounded: Podman makes it in any read-only container")
	}
	if img := s.around.Image; img != nil && !s.allows(allowRWMounts) {
		for _, dir := range img.Volumes {
			s.addTmpfs(dir, "a volume of the image, which would be on the engine's disk")
		}
	}
}

func (s *strict) addTmpfs(dir, why string) {
	dir = path.Clean("/" + dir)
	if dir == "/" || slices.ContainsFunc(s.spec.Tmpfs, func(t Tmpfs) bool { return path.Clean(t.Target) == dir }) ||
		slices.ContainsFunc(s.spec.Mounts, func(m Mount) bool { return path.Clean(m.Target) == dir }) {
		return
	}
	t := Tmpfs{Target: dir, Options: strictTmpfs}
	s.spec.Tmpfs = append(s.spec.Tmpfs, t)
	s.set("tmpfs", t.String(), why)
}
