package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// unwise warns of what the configuration may say, and rarely should. Under strict
// isolation all of it was allowed by name.
func (b *box) unwise() {
	s := &b.spec
	if !pinned(s.Image) {
		b.say(Warning, "image", "unpinned", fmt.Sprintf("image: %s can come to be another image; name@sha256:... can't", s.Image))
	}
	if b.isolation.Strict {
		return
	}
	switch s.Network {
	case "none":
	case "":
		b.say(Warning, "network", "network", "the container has the engine's default network; network: none takes it away")
	case "host":
		b.say(Warning, b.key("network"), "network", "the container shares the host's network, with all that listens there; network: none takes it away")
	default:
		b.say(Warning, b.key("network"), "network", fmt.Sprintf("the container has the network %s; network: none takes it away", s.Network))
	}
	if isRoot(s.User) {
		b.say(Warning, b.key("user"), "root", fmt.Sprintf("user: %q is root", s.User))
	}
	b.privileges()
	var unlimited []string
	if s.Memory == 0 {
		unlimited = append(unlimited, "memory")
	}
	if s.PidsLimit <= 0 {
		unlimited = append(unlimited, "pids_limit")
	}
	if len(unlimited) > 0 {
		b.say(Warning, "", "limits", "no limit of what one call may take of the host: set "+strings.Join(unlimited, " and "))
	}
	if s.LogDriver == "" && b.config.Warm.Size == 0 {
		b.say(Warning, "", "log", "the engine may keep what the command writes, in its log on the host; log_driver: none keeps it from that")
	}
}

// privileges warns of what a container has that it could do without.
func (b *box) privileges() {
	s := &b.spec
	if s.Privileged {
		b.say(Warning, "extra_args", "privileged", "--privileged: the container can do to the host what root can")
	}
	for _, mode := range []struct{ flag, value string }{
		{"pid", s.PIDMode}, {"ipc", s.IPCMode}, {"uts", s.UTSMode}, {"cgroupns", s.CgroupNS}, {"userns", s.UserNS},
	} {
		if mode.value == "host" {
			b.say(Warning, b.key(mode.flag), "host", fmt.Sprintf("--%s=host: the container shares it with the host", mode.flag))
		}
	}
	for _, opt := range s.SecurityOpts {
		if strings.HasSuffix(opt, "unconfined") || strings.HasSuffix(opt, "disable") {
			b.say(Warning, b.key("security_opt"), "security", fmt.Sprintf("security_opt: %s takes a guard away", opt))
		}
	}
	if len(s.CapAdd) > 0 {
		b.say(Warning, b.key("cap_add"), "capabilities", "cap_add: the container gets more capabilities than others: "+strings.Join(s.CapAdd, ", "))
	}
	if len(s.Devices) > 0 {
		b.say(Warning, b.key("devices"), "devices", "devices: the container gets devices of the host")
	}
	var lacks []string
	if !slices.ContainsFunc(s.CapDrop, func(c string) bool { return strings.EqualFold(c, "all") }) {
		lacks = append(lacks, "cap_drop: [ALL]")
	}
	if !slices.ContainsFunc(s.SecurityOpts, func(o string) bool {
		return strings.HasPrefix(o, "no-new-privileges") && !strings.HasSuffix(o, "false")
	}) {
		lacks = append(lacks, "security_opt: [no-new-privileges]")
	}
	if !s.ReadOnly {
		lacks = append(lacks, "read_only: true")
	}
	if len(lacks) > 0 && !s.Privileged {
		b.say(Warning, "", "hardening", "the container is as open as the engine makes it by default; most commands run as well with isolation: strict, or at least "+strings.Join(lacks, ", "))
	}
}

// isRoot reports whether a user was chosen, and is root.
func isRoot(user string) bool {
	name, _, _ := strings.Cut(user, ":")
	return name == "root" || name != "" && strings.Trim(name, "0") == ""
}

// pinned reports whether the name of an image can only ever mean one image.
func pinned(ref string) bool {
	return strings.Contains(ref, "@sha256:") || strings.HasPrefix(ref, "sha256:") || isImageID(ref)
}

func isImageID(ref string) bool {
	return len(ref) == 64 && strings.Trim(ref, "0123456789abcdef") == ""
}

// limits are the limits that the container asks for, as keys.
func limits(r runtime.Resources) []string {
	var out []string
	for _, l := range []struct {
		key string
		set bool
	}{
		{"memory", r.Memory != 0 || r.MemoryReservation != 0}, {"memory_swap", r.MemorySwap != 0},
		{"cpus", r.NanoCPUs != 0 || r.CPUQuota != 0 || r.CPUShares != 0}, {"pids_limit", r.PidsLimit > 0},
	} {
		if l.set {
			out = append(out, l.key)
		}
	}
	return out
}
