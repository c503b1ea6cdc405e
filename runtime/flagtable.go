package runtime

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/cli/opts"
	"github.com/docker/go-units"
)

// flagTable holds the flags of `docker run` that every runtime takes, in the order
// in which [Spec.Flags] gives them. docker's own option parsers read the values, so
// that a value means here what it means there.
var flagTable = []*flagDef{
	listFlag("add-host", "", "add a host-to-IP mapping (host:ip)", func(s *Spec) *[]string { return &s.AddHosts }, opts.ValidateExtraHost),
	listFlag("cap-add", "", "add a Linux capability", func(s *Spec) *[]string { return &s.CapAdd }, notEmpty),
	listFlag("cap-drop", "", "drop a Linux capability", func(s *Spec) *[]string { return &s.CapDrop }, notEmpty),
	stringFlag("cgroup-parent", "", "parent cgroup of the container", func(s *Spec) *string { return &s.CgroupParent }),
	stringFlag("cgroupns", "", "cgroup namespace (host, private)", func(s *Spec) *string { return &s.CgroupNS }),
	numberFlag("cpu-period", "", "int", "CPU CFS period in microseconds", func(s *Spec) *int64 { return &s.CPUPeriod }, wholeNumber),
	numberFlag("cpu-quota", "", "int", "CPU CFS quota in microseconds", func(s *Spec) *int64 { return &s.CPUQuota }, wholeNumber),
	numberFlag("cpu-shares", "c", "int", "CPU shares (relative weight)", func(s *Spec) *int64 { return &s.CPUShares }, wholeNumber),
	{name: "cpus", typ: "decimal", usage: "number of CPUs, such as 0.5", set: setCPUs, get: getCPUs},
	stringFlag("cpuset-cpus", "", "CPUs to run on (0-3, 0,1)", func(s *Spec) *string { return &s.CpusetCPUs }),
	stringFlag("cpuset-mems", "", "memory nodes to use (0-3, 0,1)", func(s *Spec) *string { return &s.CpusetMems }),
	{name: "device", typ: "list", usage: "host device (source[:target[:rwm]]) or CDI device (vendor.com/class=name)", set: setDevice, get: getDevices},
	listFlag("dns", "", "DNS server", func(s *Spec) *[]string { return &s.DNS }, opts.ValidateIPAddress),
	alias("dns-opt", "dns-option", func(s *Spec) *[]string { return &s.DNSOptions }, notEmpty),
	listFlag("dns-option", "", "DNS option", func(s *Spec) *[]string { return &s.DNSOptions }, notEmpty),
	listFlag("dns-search", "", "DNS search domain", func(s *Spec) *[]string { return &s.DNSSearch }, opts.ValidateDNSSearch),
	{name: "entrypoint", typ: "string", usage: "replace the image's entrypoint (one word; empty clears it)",
		set: func(s *Spec, v string) error { s.Entrypoint = []string{v}; return nil },
		get: func(s *Spec) []string { return s.Entrypoint }},
	{name: "env", short: "e", typ: "list", usage: "set an environment variable (NAME=value, or NAME: this process's value)", set: setEnv},
	{name: "env-file", typ: "list", usage: "read environment variables from a file", set: func(s *Spec, v string) error {
		s.EnvFiles = append(s.EnvFiles, v)
		return nil
	}},
	listFlag("gpus", "", "GPUs to use (all, 2, device=0)", func(s *Spec) *[]string { return &s.GPUs }, checkGPUs),
	listFlag("group-add", "", "supplementary group", func(s *Spec) *[]string { return &s.GroupAdd }, notEmpty),
	stringFlag("hostname", "h", "host name of the container", func(s *Spec) *string { return &s.Hostname }),
	{name: "init", typ: "bool", usage: "run an init that forwards signals and reaps processes", set: setInit, get: getInit},
	stringFlag("ipc", "", "IPC mode", func(s *Spec) *string { return &s.IPCMode }),
	mapFlag("label", "l", "label the container (name=value)", func(s *Spec) *map[string]string { return &s.Labels }, opts.ValidateLabel),
	stringFlag("log-driver", "", "logging driver", func(s *Spec) *string { return &s.LogDriver }),
	mapFlag("log-opt", "", "logging driver option (name=value)", func(s *Spec) *map[string]string { return &s.LogOpts }, nil),
	numberFlag("memory", "m", "bytes", "memory limit, such as 256m", func(s *Spec) *int64 { return &s.Memory }, byteSize),
	numberFlag("memory-reservation", "", "bytes", "memory soft limit", func(s *Spec) *int64 { return &s.MemoryReservation }, byteSize),
	numberFlag("memory-swap", "", "bytes", "limit of memory plus swap; -1: unlimited swap", func(s *Spec) *int64 { return &s.MemorySwap }, swapSize),
	{name: "memory-swappiness", typ: "int", usage: "memory swappiness (0 to 100)", set: setSwappiness, get: getSwappiness},
	{name: "mount", typ: "list", usage: "mount (type=bind,source=...,target=...)", set: setMount(ParseLongMount), get: getMounts(true)},
	stringFlag("network", "", "network (none, bridge, host, container:ID, a name)", func(s *Spec) *string { return &s.Network }),
	{name: "net", typ: "string", hidden: true, set: func(s *Spec, v string) error { s.Network = v; return nil }},
	boolFlag("no-healthcheck", "turn the image's HEALTHCHECK off", func(s *Spec) *bool { return &s.NoHealthcheck }),
	boolFlag("oom-kill-disable", "disable the OOM killer", func(s *Spec) *bool { return &s.OOMKillDisable }),
	numberFlag("oom-score-adj", "", "int", "OOM score (-1000 to 1000)", func(s *Spec) *int { return &s.OOMScoreAdj }, func(v string) (int, error) {
		n, err := wholeNumber(v)
		return int(n), err
	}),
	stringFlag("pid", "", "PID namespace", func(s *Spec) *string { return &s.PIDMode }),
	numberFlag("pids-limit", "", "int", "limit of processes; -1: unlimited", func(s *Spec) *int64 { return &s.PidsLimit }, wholeNumber),
	stringFlag("platform", "", "platform (os/arch[/variant])", func(s *Spec) *string { return &s.Platform }),
	boolFlag("privileged", "give all privileges to the container", func(s *Spec) *bool { return &s.Privileged }),
	{name: "pull", typ: "string", usage: "when to pull the image (missing, always, never)", set: setPull},
	boolFlag("read-only", "mount the root filesystem read-only", func(s *Spec) *bool { return &s.ReadOnly }),
	stringFlag("runtime", "", "OCI runtime (runc, crun, runsc)", func(s *Spec) *string { return &s.OCIRuntime }),
	listFlag("security-opt", "", "security option", func(s *Spec) *[]string { return &s.SecurityOpts }, checkSecurityOpt),
	numberFlag("shm-size", "", "bytes", "size of /dev/shm", func(s *Spec) *int64 { return &s.ShmSize }, byteSize),
	stringFlag("stop-signal", "", "signal to stop the container", func(s *Spec) *string { return &s.StopSignal }),
	mapFlag("sysctl", "", "sysctl option (name=value)", func(s *Spec) *map[string]string { return &s.Sysctls }, opts.ValidateSysctl),
	{name: "tmpfs", typ: "list", usage: "tmpfs mount (target[:options])", set: setTmpfs, get: getTmpfs},
	{name: "ulimit", typ: "list", usage: "ulimit (name=soft[:hard])", set: setUlimit, get: getUlimits},
	stringFlag("user", "u", "user (name or uid[:group or gid])", func(s *Spec) *string { return &s.User }),
	stringFlag("userns", "", "user namespace", func(s *Spec) *string { return &s.UserNS }),
	stringFlag("uts", "", "UTS namespace", func(s *Spec) *string { return &s.UTSMode }),
	{name: "volume", short: "v", typ: "list", usage: "mount (source:target[:options])", set: setMount(ParseMount), get: getMounts(false)},
	stringFlag("workdir", "w", "working directory in the container", func(s *Spec) *string { return &s.Dir }),

	fixedFlag("rm", "", true, "containers are always removed; --rm=false is not possible"),
	fixedFlag("interactive", "i", true, "stdin is always attached; --interactive=false is not possible"),
	fixedFlag("detach", "d", false, "a call waits for its command; --detach is not possible"),
	fixedFlag("tty", "t", false, "stdout is data, and a terminal would change it; --tty is not possible"),
	fixedFlag("help", "", false, "--help would run nothing"),
	refusedFlag("name", "", "containers are named by the launcher, so that it can remove them"),
	refusedFlag("cidfile", "", "the launcher keeps track of the container itself"),
	refusedFlag("attach", "a", "stdin, stdout and stderr are always attached"),
	refusedFlag("sig-proxy", "", "a container is ended by its deadline, not by signals"),
	refusedFlag("restart", "", "a container runs once"),
	refusedFlag("detach-keys", "", "stdin is data: there are no keys to detach with"),
}

func alias(name, of string, at func(*Spec) *[]string, check func(string) (string, error)) *flagDef {
	d := listFlag(name, "", "the same as --"+of, at, check)
	d.hidden, d.get = true, nil
	return d
}

func notEmpty(v string) (string, error) {
	if strings.TrimSpace(v) == "" {
		return "", errors.New("it is empty")
	}
	return v, nil
}

func wholeNumber(v string) (int64, error) {
	n, err := strconv.ParseInt(v, 0, 64)
	if err != nil {
		return 0, errors.New("it takes a whole number")
	}
	return n, nil
}

func byteSize(v string) (int64, error) {
	var b opts.MemBytes
	if err := b.Set(v); err != nil {
		return 0, fmt.Errorf("it takes a size such as 256m or 1g: %w", err)
	}
	return fitting(b.Value())
}

func swapSize(v string) (int64, error) {
	var b opts.MemSwapBytes
	if err := b.Set(v); err != nil {
		return 0, fmt.Errorf("it takes a size such as 512m, or -1: %w", err)
	}
	if b.Value() == -1 {
		return -1, nil
	}
	return fitting(b.Value())
}

// fitting refuses what docker's parser makes of a size that is too much for it: the least
// number, or on some processors the greatest.
func fitting(size int64) (int64, error) {
	if size < 0 || size == math.MaxInt64 {
		return 0, errors.New("it takes a size below 8 EiB")
	}
	return size, nil
}

func setCPUs(s *Spec, v string) error {
	var n opts.NanoCPUs
	if err := n.Set(v); err != nil {
		return fmt.Errorf("it takes a number of CPUs such as 0.5: %w", err)
	}
	// docker's parser keeps what fits of a number that does not.
	if said, ok := new(big.Rat).SetString(v); ok && said.Cmp(big.NewRat(n.Value(), 1e9)) != 0 {
		return errors.New("it takes a number of CPUs such as 0.5, and no machine has as many")
	}
	s.NanoCPUs = n.Value()
	return nil
}

func getCPUs(s *Spec) []string {
	if s.NanoCPUs == 0 {
		return nil
	}
	return []string{strings.TrimRight(strings.TrimRight(big.NewRat(s.NanoCPUs, 1e9).FloatString(9), "0"), ".")}
}

func setEnv(s *Spec, v string) error {
	if name, _, _ := strings.Cut(v, "="); name == "" {
		return errors.New("it takes NAME=value or NAME; the name is empty")
	}
	s.Env = append(s.Env, v)
	return nil
}

func checkGPUs(v string) (string, error) {
	var g opts.GpuOpts
	return v, g.Set(v)
}

func setInit(s *Spec, v string) error {
	b, err := strconv.ParseBool(v)
	if err != nil {
		return fmt.Errorf("%q is neither true nor false", v)
	}
	s.Init = &b
	return nil
}

func getInit(s *Spec) []string {
	if s.Init == nil {
		return nil
	}
	return []string{strconv.FormatBool(*s.Init)}
}

func setSwappiness(s *Spec, v string) error {
	n, err := wholeNumber(v)
	switch {
	case err != nil:
		return err
	case n == -1: // docker's way to say "not given"
		s.MemorySwappiness = nil
	case n < 0 || n > 100:
		return errors.New("it takes 0 to 100")
	default:
		s.MemorySwappiness = &n
	}
	return nil
}

func getSwappiness(s *Spec) []string {
	if s.MemorySwappiness == nil {
		return nil
	}
	return []string{strconv.FormatInt(*s.MemorySwappiness, 10)}
}

func setPull(s *Spec, v string) error {
	p, err := ParsePullPolicy(v)
	if err != nil {
		return err
	}
	s.Pull = p
	return nil
}

func checkSecurityOpt(v string) (string, error) {
	key, value, ok := strings.Cut(v, "=")
	if !ok {
		key, value, ok = strings.Cut(v, ":")
	}
	if key != "no-new-privileges" && (!ok || value == "") {
		return "", errors.New("it takes name=value, or no-new-privileges")
	}
	return v, nil
}

func setMount(parse func(string) (Mount, error)) func(*Spec, string) error {
	return func(s *Spec, v string) error {
		m, err := parse(v)
		if err != nil {
			return err
		}
		s.Mounts = append(s.Mounts, m)
		return nil
	}
}

func getMounts(long bool) func(*Spec) []string {
	return func(s *Spec) []string {
		var out []string
		for _, m := range s.Mounts {
			if m.Long == long {
				out = append(out, m.String())
			}
		}
		return out
	}
}

func setTmpfs(s *Spec, v string) error {
	target, options, _ := strings.Cut(v, ":")
	t := Tmpfs{Target: target, Options: options}
	if !path.IsAbs(target) {
		return errors.New("it takes an absolute path in the container, and perhaps :options")
	}
	// As docker, where a repeated target replaces.
	s.Tmpfs = append(slices.DeleteFunc(slices.Clone(s.Tmpfs), func(o Tmpfs) bool { return o.Target == target }), t)
	return nil
}

func getTmpfs(s *Spec) []string {
	out := make([]string, len(s.Tmpfs))
	for i, t := range s.Tmpfs {
		out[i] = t.String()
	}
	return out
}

// String gives the mount as --tmpfs takes it.
func (t Tmpfs) String() string {
	if t.Options == "" {
		return t.Target
	}
	return t.Target + ":" + t.Options
}

func setUlimit(s *Spec, v string) error {
	u, err := units.ParseUlimit(v)
	if err != nil {
		return fmt.Errorf("it takes name=soft[:hard]: %w", err)
	}
	// As docker, where the last one for a name holds.
	s.Ulimits = append(slices.DeleteFunc(s.Ulimits, func(o Ulimit) bool { return o.Name == u.Name }),
		Ulimit{Name: u.Name, Soft: u.Soft, Hard: u.Hard})
	return nil
}

func getUlimits(s *Spec) []string {
	out := make([]string, len(s.Ulimits))
	for i, u := range s.Ulimits {
		out[i] = u.String()
	}
	return out
}

// String gives the limit as --ulimit takes it.
func (u Ulimit) String() string {
	return fmt.Sprintf("%s=%d:%d", u.Name, u.Soft, u.Hard)
}

// setDevice reads docker's source[:target][:permissions], or a CDI name.
func setDevice(s *Spec, v string) error {
	if vendor, rest, ok := strings.Cut(v, "/"); ok && vendor != "" && strings.Contains(rest, "=") {
		s.Devices = append(s.Devices, Device{CDI: v})
		return nil
	}
	parts := strings.Split(v, ":")
	d := Device{Source: parts[0], Permissions: "rwm"}
	switch {
	case len(parts) == 2 && isDeviceMode(parts[1]):
		d.Permissions = parts[1]
	case len(parts) == 2:
		d.Target = parts[1]
	case len(parts) == 3 && isDeviceMode(parts[2]):
		d.Target, d.Permissions = parts[1], parts[2]
	case len(parts) != 1:
		return errors.New("it takes source[:target[:permissions]], permissions being some of r, w and m")
	}
	if d.Target == "" {
		d.Target = d.Source
	}
	if !path.IsAbs(d.Source) || !path.IsAbs(d.Target) {
		return errors.New("it takes absolute paths")
	}
	s.Devices = append(s.Devices, d)
	return nil
}

func isDeviceMode(v string) bool {
	return v != "" && strings.Trim(v, "rwm") == "" && strings.Count(v, "r") < 2 && strings.Count(v, "w") < 2 && strings.Count(v, "m") < 2
}

func getDevices(s *Spec) []string {
	out := make([]string, len(s.Devices))
	for i, d := range s.Devices {
		out[i] = d.String()
	}
	return out
}

// String gives the device as --device takes it.
func (d Device) String() string {
	if d.CDI != "" {
		return d.CDI
	}
	return d.Source + ":" + d.Target + ":" + d.Permissions
}
