package runtime

import "slices"

// Allowance is a name that [Isolation.Allow] takes.
type Allowance struct {
	Name string
	Doc  string // what it lets a Spec do
}

// The names, as the refusals give them.
const (
	allowCapabilities   = "capabilities"
	allowCgroupParent   = "cgroup-parent"
	allowCredentials    = "credentials"
	allowDevices        = "devices"
	allowHostNamespaces = "host-namespaces"
	allowHostPaths      = "host-paths"
	allowKeepGroups     = "keep-groups"
	allowLogs           = "logs"
	allowNetwork        = "network"
	allowNewPrivileges  = "new-privileges"
	allowNoLimits       = "no-limits"
	allowOtherFlags     = "other-flags"
	allowPrivileged     = "privileged"
	allowRoot           = "root"
	allowRWMounts       = "rw-mounts"
	allowSecurityOpts   = "security-opts"
	allowSockets        = "sockets"
	allowSysctls        = "sysctls"
	allowWritableRoot   = "writable-root"
)

var allowances = []Allowance{
	{allowCapabilities, "Capabilities that are added (`cap_add`)."},
	{allowCgroupParent, "A parent cgroup of one's own (`--cgroup-parent`)."},
	{allowCredentials, "Mounts of home directories and of places where credentials are kept (`.ssh`, `.aws`, `.kube`, ...), and `--env-file` of those."},
	{allowDevices, "Devices and GPUs (`devices`, `gpus`, NVIDIA's OCI runtime), and mounts of device nodes."},
	{allowHostNamespaces, "Namespaces of the host or of another container (`network: host`, `--pid`, `--ipc`, `--uts`, `userns`, `--cgroupns`)."},
	{allowHostPaths, "Mounts of `/`, `/etc`, `/proc`, `/sys`, `/dev`, `/boot` and the engines' own files, of what is in them, and of what can't be looked at; " +
		"mount propagation, volumes with options of their own, and with `logs` a log file of one's own."},
	{allowKeepGroups, "The groups of the engine's user (`group_add: [keep-groups]`)."},
	{allowLogs, "A log driver, which writes what the command answers to where the engine keeps its logs (`log_driver`)."},
	{allowNetwork, "A network other than `none`; with `logs`, drivers that send logs over one."},
	{allowNewPrivileges, "`security_opt: [no-new-privileges=false]`."},
	{allowNoLimits, "No limit of memory, swap, processes or open files: where a key says so, and where the engine can't enforce one."},
	{allowOtherFlags, "What can't be judged: flags that the launcher does not know, other types of mounts, an OCI runtime named by its path, an image's annotations."},
	{allowPrivileged, "`--privileged`."},
	{allowRoot, "Root as the user: the image's, when no user is set, or `user: root`."},
	{allowRWMounts, "Mounts that say `rw`, and volumes without a name, also those of the image."},
	{allowSecurityOpts, "Other security options: seccomp and AppArmor profiles, SELinux labels, `unmask`, `systempaths`."},
	{allowSockets, "Mounts of sockets, or of directories that have one in them."},
	{allowSysctls, "Kernel parameters (`--sysctl`)."},
	{allowWritableRoot, "A root filesystem that can be written to; it is then, unless `read_only` is set."},
}

// Allowances lists what [Isolation.Allow] can name.
func Allowances() []Allowance { return slices.Clone(allowances) }

func allowanceNames() []string {
	names := make([]string, len(allowances))
	for i, a := range allowances {
		names[i] = a.Name
	}
	return names
}
