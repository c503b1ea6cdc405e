package dockercli

import (
	"regexp"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// maxWarning is longer than any warning of a command line.
const maxWarning = 4096

// warningStarts are how the lines begin that a command line prints ahead of the
// command's stderr. couldBeWarning waits for the rest of such a line.
func warningStarts() []string {
	return []string{"WARNING: ", "Emulate Docker CLI using podman.", "Resource limits are not supported", `time="`}
}

// dockerWarningRE knows what engines warn of when a container is created, word by word,
// so that a command's own "WARNING: ..." stays the command's.
var dockerWarningRE = regexp.MustCompile(`^WARNING: (` + strings.Join([]string{
	`The requested image's platform \(.*\) does not match the detected host platform \(.*\) and no specific platform was requested`,
	`Your kernel does not support .* [Dd]iscarded\.`,
	`Your kernel does not support swap limit capabilities or the cgroup is not mounted\. Memory limited without swap\.`,
	`Your kernel does not support swap limit capabilities,? .*without swap.*`,
	`.* does not support CPU percent\. Percent discarded\.`,
	`Conflicting options: CPU .* discarded`,
	`OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources\.`,
	`Disabling the OOM killer on containers without setting a '-m/--memory' limit may be dangerous\.`,
	`IPv4 forwarding is disabled\. Networking will not work\.?`,
	`Published ports are discarded when using host network mode`,
	`Image mount is an experimental feature`,
	`Localhost DNS setting \(--dns=.*\) may fail in containers\.`,
	`Specifying a kernel memory limit is deprecated and will be removed in a future release\.`,
	`image platform \(.*\) does not match the expected platform \(.*\)`, // podman
}, "|") + `)$`)

// plainWarningRE knows warnings without decoration: that of the docker which podman
// provides, and what a remote Podman answers to a creation.
var plainWarningRE = regexp.MustCompile(`^(Emulate Docker CLI using podman\..*|Resource limits are not supported and ignored on cgroups V1 rootless systems)$`)

// logRE reads a line of the log that docker and podman write to stderr.
var logRE = regexp.MustCompile(`^time="[^"]*" level=(warning|error|fatal) msg="?(.*?)"?$`)

// logWarningRE knows what Podman warns of on the way to a container.
var logWarningRE = regexp.MustCompile(`^(` + strings.Join([]string{
	`Resource limits are not supported and ignored on cgroups V1 rootless`,
	`Using cgroups-v1 which is deprecated`,
	`The deprecated BoltDB database driver is in use`,
	`.*is not a shared mount, this could cause issues or missing mounts`,
	`The cgroupv2 manager is set to systemd but there is no systemd user session`,
	`The systemd cgroup manager is not .*supported`,
	`For using systemd, you may need to (log in|login) using an user session`,
	`For using systemd, you may need to (log in|login) using a user session`,
	`Alternatively, you can enable lingering with`,
	`Falling back to --cgroup-manager=cgroupfs`,
	`Using rootless single mapping into the namespace`,
	`Failed to (decode|determine|retrieve|return|read|parse) `,
	`Additional gid=\d+ is not present in the user namespace`,
	`Requested oom_score_adj=`,
	`The --kernel-memory flag is no longer supported`,
	`Network file system detected as backing store`,
	`Error validating CNI config file`,
	`Path \\?".*\\?" from \\?".*\\?" doesn't exist, skipping`,
	`Can't stat lower layer`,
	`RunRoot is pointing to a path .* which is not writable`,
	`XDG_RUNTIME_DIR is pointing to a path which is not writable`,
	`Found incomplete layer`,
	`Your kernel does not support `,
}, "|") + `)`)

// couldBeWarning reports whether a partial line may become a warning.
func couldBeWarning(line string) bool { return prefixed(line, warningStarts(), true) }

// isWarning reports whether a whole line is a warning of a command line.
func isWarning(line string) bool {
	line = strings.TrimSuffix(line, "\r")
	if plainWarningRE.MatchString(line) || dockerWarningRE.MatchString(line) {
		return true
	}
	m := logRE.FindStringSubmatch(line)
	return m != nil && m[1] == "warning" && logWarningRE.MatchString(m[2])
}

// warningText is a warning without its decoration.
func warningText(line string) string {
	line = strings.TrimSuffix(line, "\r")
	if m := logRE.FindStringSubmatch(line); m != nil {
		return strings.ReplaceAll(m[2], `\"`, `"`)
	}
	return strings.TrimPrefix(line, "WARNING: ")
}

// discards names the limit that spec asks for and that the engine, going by its
// warning, does not hold the container to; empty: none.
func discards(spec runtime.Spec, warning string) string {
	for _, d := range []struct {
		says  string
		limit string
		asked bool
	}{
		{"memory limit capabilities", "memory", spec.Memory > 0},
		{"swap limit capabilities", "memory-swap", spec.MemorySwap > 0},
		{"memory swappiness", "memory-swappiness", spec.MemorySwappiness != nil},
		{"memory soft limit", "memory-reservation", spec.MemoryReservation > 0},
		{"PIDs limit", "pids-limit", spec.PidsLimit > 0},
		{"CPU shares", "cpu-shares", spec.CPUShares > 0},
		{"CPU CFS", "cpus", spec.NanoCPUs > 0 || spec.CPUQuota > 0 || spec.CPUPeriod > 0},
		{"cpuset", "cpuset-cpus", spec.CpusetCPUs != "" || spec.CpusetMems != ""},
		{"OomKillDisable", "oom-kill-disable", spec.OOMKillDisable},
		{"Resource limits are not supported", "memory, cpus and pids-limit", spec.Memory > 0 || spec.MemorySwap > 0 ||
			spec.MemoryReservation > 0 || spec.NanoCPUs > 0 || spec.CPUQuota > 0 || spec.CPUShares > 0 ||
			spec.CpusetCPUs != "" || spec.CpusetMems != "" || spec.PidsLimit > 0},
	} {
		if d.asked && strings.Contains(warning, d.says) {
			return d.limit
		}
	}
	return ""
}
