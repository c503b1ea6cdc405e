package runtime

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/cli/opts"
)

// network: none. Another one has to be named and allowed.
func (s *strict) network() {
	switch n := s.spec.Network; {
	case n == "":
		s.spec.Network = "none"
		s.set("network", "none", "nothing to reach, and nothing that reaches it")
	case n == "none":
	case isForeign(n), isForeign(networkTarget(n)):
		s.refuse(allowHostNamespaces, "network", n, "is the network of the host or of another container")
	case strings.HasPrefix(n, "slirp4netns:"), strings.HasPrefix(n, "pasta:"):
		s.refuse(allowHostNamespaces, "network", n, "has options that can open the host's loopback")
	default:
		s.refuse(allowNetwork, "network", n, "is a network")
	}
	if s.spec.Network == "none" {
		s.spec.NoProxy = true // no flag of docker's says it, and it matters to Podman alone
	}
}

// networkTarget is the network of docker's long form, name=...,alias=...
func networkTarget(n string) string {
	var o opts.NetworkOpt
	if o.Set(n) != nil || len(o.Value()) != 1 {
		return n
	}
	return o.Value()[0].Target
}

// isForeign reports whether a namespace is not the container's own.
func isForeign(mode string) bool {
	name, _, _ := strings.Cut(mode, ":")
	return slices.Contains([]string{"host", "container", "ns", "pod"}, name)
}

// ownUserNSRE matches the modes, all of Podman, that take no user of the host along but the
// one who runs it.
var ownUserNSRE = regexp.MustCompile(`^(private|nomap|auto(:size=\d+)?|keep-id(:[ug]id=\d+(,[ug]id=\d+)*)?)$`)

func (s *strict) namespaces() {
	for _, ns := range []struct {
		field string
		at    *string
		own   string // set when nothing is said; empty: the engine's default is the container's own
		why   string
	}{
		{"pid", &s.spec.PIDMode, "", ""},
		{"uts", &s.spec.UTSMode, "", ""},
		{"ipc", &s.spec.IPCMode, "private", "no shared memory that another container could join"},
		{"cgroupns", &s.spec.CgroupNS, "private", "the host's cgroups are not seen; on cgroup v1 they would be"},
		{"userns", &s.spec.UserNS, "", ""},
	} {
		switch mode := *ns.at; {
		case mode == "" && ns.own != "":
			*ns.at = ns.own
			s.set(ns.field, ns.own, ns.why)
		case isForeign(mode), mode == "shareable":
			s.refuse(allowHostNamespaces, ns.field, mode, "shares a namespace with the host or with other containers")
		case ns.field == "userns" && mode != "" && !ownUserNSRE.MatchString(mode):
			s.refuse(allowHostNamespaces, ns.field, mode, "can make users of the container users of the host")
		}
	}
}

func (s *strict) privileges() {
	if s.spec.Privileged {
		s.refuse(allowPrivileged, "privileged", "true", "gives the container the host's devices and all privileges")
	}
	for i, c := range s.spec.CapAdd {
		s.refuse(allowCapabilities, fmt.Sprintf("cap-add[%d]", i), c, "adds a capability")
	}
	if len(s.spec.CapDrop) != 1 || s.spec.CapDrop[0] != "ALL" {
		s.spec.CapDrop = []string{"ALL"}
		s.set("cap-drop", "ALL", "a command that needs none can misuse none")
	}
}

// securityOpts leaves the engine's own seccomp and AppArmor profiles and SELinux labels
// in place.
func (s *strict) securityOpts() {
	said, seccomp := false, false
	for i, opt := range s.spec.SecurityOpts {
		field := fmt.Sprintf("security-opt[%d]", i)
		key, value, hasValue := strings.Cut(opt, "=")
		if !hasValue {
			key, value, hasValue = strings.Cut(opt, ":")
		}
		switch {
		case key == "no-new-privileges":
			said = true
			if on, err := strconv.ParseBool(value); hasValue && (err != nil || !on) {
				s.refuse(allowNewPrivileges, field, opt, "lets programs gain privileges")
			}
		case key == "seccomp" && value == "builtin" && s.around.Info.hasBuiltinSeccomp():
			seccomp = true
		case key == "seccomp" && value == "builtin":
			s.refuse(allowSecurityOpts, field, opt, "is no word to this engine or command line, but a file of that name")
		case key == "mask":
		default:
			s.refuse(allowSecurityOpts, field, opt, "replaces what the engine does by default")
		}
	}
	if in := s.around.Info; in != nil && in.NoSeccomp && !seccomp && !s.allows(allowSecurityOpts) {
		s.faults = append(s.faults, &Error{Kind: ErrUnsupported, Runtime: in.Runtime, Message: "the engine gives containers no seccomp filter; " +
			"security_opt: [seccomp=builtin] has Docker 23 and later give them its own, and isolation strict does without only with allow: [" + allowSecurityOpts + "]"})
	}
	if !said {
		s.spec.SecurityOpts = append(s.spec.SecurityOpts, "no-new-privileges")
		s.set("security-opt", "no-new-privileges", "no set-uid program helps it further")
	}
}

// strictUser is below 65536, so that rootless engines have it, no user's and not that
// of nobody, who owns files.
const strictUser = "65532:65532"

func (s *strict) user() {
	if slices.Contains(s.spec.GroupAdd, "keep-groups") {
		s.refuse(allowKeepGroups, "group-add", "keep-groups", "takes the groups of the engine's user along")
	}
	switch img := s.around.Image; {
	case s.spec.User != "":
		if isRoot(s.spec.User) {
			s.refuse(allowRoot, "user", s.spec.User, "is root")
		}
	case s.allows(allowRoot):
	case img != nil && !isRoot(img.User):
		s.spec.User = img.User
		s.set("user", img.User, "the image's own, which is not root")
	default:
		s.spec.User = strictUser
		s.set("user", strictUser, "the image has no user but root")
	}
}

// isRoot reads a user as engines do: nothing and any way to write zero is root, too.
func isRoot(user string) bool {
	name, _, _ := strings.Cut(user, ":")
	uid, err := strconv.Atoi(name)
	return name == "" || name == "root" || err == nil && uid == 0
}

func (s *strict) root() {
	if !s.spec.ReadOnly && !s.allows(allowWritableRoot) {
		s.spec.ReadOnly = true
		s.set("read-only", "true", "nothing on the engine's disk is written to")
	}
}

// Sizes of what strict bounds.
const (
	strictMemory = 512 << 20
	strictPids   = 256
	strictFiles  = 1024
	// strictProcs is for Podman alone. When any limit is given there, the others become its
	// own largest ones, which a service without CAP_SYS_RESOURCE may not set. It
	// counts all processes of one user, in all containers, so it is no small one; where
	// nothing else bounds processes, it does.
	strictProcs = 4096
)

func (s *strict) limits() {
	spec := &s.spec
	if spec.Memory == 0 {
		spec.Memory = max(strictMemory, spec.MemoryReservation)
		s.set("memory", strconv.FormatInt(spec.Memory, 10), "one call can't take the host's memory; tmpfs counts")
	}
	switch {
	case spec.MemorySwap == 0:
		spec.MemorySwap = spec.Memory
		s.set("memory-swap", strconv.FormatInt(spec.MemorySwap, 10), "as much as memory: no swap")
	case spec.MemorySwap < 0:
		s.refuse(allowNoLimits, "memory-swap", "-1", "is no limit")
	}
	switch {
	case spec.PidsLimit == 0:
		spec.PidsLimit = strictPids
		s.set("pids-limit", strconv.Itoa(strictPids), "a fork bomb stays in its container")
	case spec.PidsLimit < 0:
		s.refuse(allowNoLimits, "pids-limit", strconv.FormatInt(spec.PidsLimit, 10), "is no limit")
	}
	if spec.OOMKillDisable {
		s.refuse(allowNoLimits, "oom-kill-disable", "true", "lets a command without memory hang instead of ending it")
	}
	if spec.OOMScoreAdj < 0 {
		s.refuse(allowNoLimits, "oom-score-adj", strconv.Itoa(spec.OOMScoreAdj), "makes the kernel end the host's own processes first")
	}
	s.ulimit("nofile", strictFiles, "open files")
	s.ulimit("core", 0, "the host keeps no image of a command that crashes")
	if in := s.around.Info; in != nil && in.Engine == enginePodman {
		s.ulimit("nproc", strictProcs, "processes of the user, in all containers; Podman's own default may be more than it may set")
	}
}

const enginePodman = "podman"

func (s *strict) ulimit(name string, most int64, why string) {
	i := slices.IndexFunc(s.spec.Ulimits, func(u Ulimit) bool { return u.Name == name })
	if i < 0 {
		u := Ulimit{Name: name, Soft: most, Hard: most}
		s.spec.Ulimits = append(s.spec.Ulimits, u)
		s.set("ulimit", u.String(), why)
		return
	}
	if u := s.spec.Ulimits[i]; u.Soft < 0 || u.Hard < 0 {
		s.refuse(allowNoLimits, "ulimit", u.String(), "is no limit")
	}
}

// logs: what a command answers may be the very data that must not get out.
func (s *strict) logs() {
	switch {
	case s.spec.LogDriver == "none":
	case s.spec.LogDriver != "":
		s.refuse(allowLogs, "log-driver", s.spec.LogDriver, "keeps what the command answers")
	case len(s.spec.LogOpts) > 0:
	default:
		s.spec.LogDriver = "none"
		s.set("log-driver", "none", "the engine keeps no copy of what the command answers")
	}
	for _, name := range slices.Sorted(maps.Keys(s.spec.LogOpts)) {
		s.refuse(allowLogs, "log-opt", name, "is for a log driver that keeps what the command answers")
	}
}

func (s *strict) devices() {
	for i, d := range s.spec.Devices {
		s.refuse(allowDevices, fmt.Sprintf("device[%d]", i), d.String(), "is a device of the host")
	}
	for i, g := range s.spec.GPUs {
		s.refuse(allowDevices, fmt.Sprintf("gpus[%d]", i), g, "is a device of the host")
	}
}

func (s *strict) rest() {
	if v := s.spec.CgroupParent; v != "" {
		s.refuse(allowCgroupParent, "cgroup-parent", v, "takes the container out of the engine's own cgroup")
	}
	for _, name := range slices.Sorted(maps.Keys(s.spec.Sysctls)) {
		s.refuse(allowSysctls, "sysctl", name+"="+s.spec.Sysctls[name], "changes a kernel parameter")
	}
	if v := s.spec.OCIRuntime; strings.Contains(v, "/") {
		s.refuse(allowOtherFlags, "runtime", v, "is a program of the host's, and none of the engine's runtimes")
	}
	if !s.spec.NoHealthcheck && !slices.ContainsFunc(s.spec.Passthrough, func(flag string) bool { return strings.HasPrefix(flag, "--health-") }) {
		s.spec.NoHealthcheck = true
		s.set("no-healthcheck", "true", "a check is a command beside the one that is called, and the engine keeps what it says")
	}
	s.spec.NoSystemd = true // as NoProxy
	for _, file := range s.spec.EnvFiles {
		s.envFile(file)
	}
	s.nvidia()
	s.annotations()
	for _, flag := range s.spec.Passthrough {
		name, _, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		s.refuse(allowOtherFlags, name, "...", "is a flag that the launcher does not know") // its value may be a secret
	}
}
