package factory

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Key describes one key of the configuration.
type Key struct {
	Name     string   // as the configuration spells it
	Field    string   // of [Config]
	Flag     string   // of `docker run` that it stands for, without dashes; may be empty
	Takes    string   // what values it takes
	Default  string   // empty: the engine's
	Example  string   // in YAML
	Doc      string   // what it is for, in a sentence or two
	Runtimes []string // that take it; nil: all
	// Notes are what is different on a runtime, by its key.
	Notes map[string]string
}

// Keys lists all keys, in the order of docs/configuration.md.
func Keys() []Key {
	out := make([]Key, len(keyTable))
	for i, d := range keyTable {
		out[i] = d.Key
		out[i].Takes = d.takes()
		out[i].Runtimes = slices.Clone(d.Runtimes)
		out[i].Notes = maps.Clone(d.Notes)
	}
	return out
}

// keyDef is one row of the table: a key, how its value is read, and where it goes.
type keyDef struct {
	Key
	kind kind
	// values are what its flag gets, one by one; nil when the key has no flag.
	values func(*Config) []string
}

func (d *keyDef) takes() string {
	if d.Takes != "" {
		return d.Takes
	}
	return d.kind.takes
}

func findKey(name string) *keyDef {
	for i := range keyTable {
		if keyTable[i].Name == name {
			return &keyTable[i]
		}
	}
	return nil
}

// text is a scalar whose empty value means "not given".
func text(at func(*Config) *string) func(*Config) []string {
	return func(c *Config) []string {
		if v := *at(c); v != "" {
			return []string{v}
		}
		return nil
	}
}

func list(at func(*Config) *[]string) func(*Config) []string {
	return func(c *Config) []string { return *at(c) }
}

// limitNotes are for limits that need a cgroup which the engine may write to.
var limitNotes = map[string]string{RuntimePodman: "An error where the service can't enforce it: rootless on cgroup v1."}

// keyTable is every key, in the order in which values are set.
var keyTable = []keyDef{
	{Key: Key{Name: "image", Field: "Image", Example: "python:3.12-slim",
		Doc: "Image of the containers: `name[:tag][@digest]` or an image ID. Required."}, kind: textKind},
	{Key: Key{Name: "runtime", Field: "Runtime", Default: RuntimeDockerCLI, Example: RuntimeDockerAPI,
		Takes: "docker-cli, docker-api, podman or auto",
		Doc:   "What runs the containers. `auto` is the first of docker-api, podman and docker-cli that answers."}, kind: textKind},
	{Key: Key{Name: "host", Field: "Host", Example: "unix:///run/podman/podman.sock",
		Default: "where the engine's own tools look",
		Doc:     "Address of the engine: `unix://`, `tcp://`, `ssh://`, or for Docker on Windows `npipe://`. Not with `runtime: auto`."}, kind: textKind},
	{Key: Key{Name: "docker_path", Field: "DockerPath", Default: "docker", Example: "podman",
		Doc:      "Command that `docker-cli` starts: a path, or a name to look up in `PATH`.",
		Runtimes: []string{RuntimeDockerCLI}}, kind: textKind},
	{Key: Key{Name: "isolation", Field: "Isolation", Default: "engine", Example: "strict", Takes: "engine or strict",
		Doc: "How far a container is shut off. `engine` is what the other keys say. `strict` gives it no more than a command needs (no network, no capabilities, " +
			"a user other than root, nothing to write to but memory, limits), and makes what weakens that an error unless `allow` names it. See [isolation](isolation.md)."}, kind: textKind},
	{Key: Key{Name: "allow", Field: "Allow", Default: "none", Example: `["network", "rw-mounts"]`,
		Takes: "a list of names such as network; see isolation.md",
		Doc:   "What `isolation: strict` lets other keys weaken. The names are in [isolation](isolation.md#allow)."}, kind: listKind},
	{Key: Key{Name: "require_digest", Field: "RequireDigest", Default: "false", Example: "true",
		Doc: "Refuses an `image` that is not named by its content: it then takes `name@sha256:...` or an image ID."}, kind: boolKind},
	{Key: Key{Name: "oci_runtime", Field: "OCIRuntime", Flag: "runtime", Example: "runsc",
		Doc:   "OCI runtime that the engine starts the container with.",
		Notes: map[string]string{RuntimePodman: "Only the service's own default: the API ignores any other, so that is an error."}},
		kind: textKind, values: text(func(c *Config) *string { return &c.OCIRuntime })},

	{Key: Key{Name: "network", Field: "Network", Flag: "network", Example: "none",
		Doc: "Network of the container: none, bridge, host, `container:ID`, or a network's name."},
		kind: textKind, values: text(func(c *Config) *string { return &c.Network })},
	{Key: Key{Name: "mounts", Field: "Mounts", Flag: "volume", Default: "none", Example: `["./hooks:/hooks:ro"]`,
		Takes: "a list of mounts such as ./hooks:/hooks:ro",
		Doc:   "Mounts, as `-v` takes them. A relative source starts at `base_dir`, `~` is the home directory; a source that does not exist is an error."},
		kind: listKind, values: list(func(c *Config) *[]string { return &c.Mounts })},
	{Key: Key{Name: "base_dir", Field: "BaseDir", Default: "the working directory at the call", Example: "/srv/agent",
		Doc: "Directory at which relative mount sources start. Relative itself, it starts at the working directory of the moment when the sandbox is made."}, kind: textKind},
	{Key: Key{Name: "mount_check", Field: "MountCheck", Default: "on", Example: `"off"`,
		Doc: "Whether mount sources are looked at on this host before a call. Off is for an engine that sees another filesystem than this process; remote engines are known without it."}, kind: switchKind},

	{Key: Key{Name: "memory", Field: "Memory", Flag: "memory", Default: "no limit", Example: "256m",
		Doc:   "Limit of memory. Going over it ends the command with an out-of-memory error.",
		Notes: limitNotes},
		kind: sizeKind, values: text(func(c *Config) *string { return &c.Memory })},
	{Key: Key{Name: "memory_swap", Field: "MemorySwap", Flag: "memory-swap", Default: "no limit", Example: "512m",
		Takes: "a size such as 512m, a number of bytes, or -1 for no limit",
		Doc:   "Limit of memory plus swap; -1 is unlimited swap. Needs `memory`.",
		Notes: limitNotes},
		kind: sizeKind, values: text(func(c *Config) *string { return &c.MemorySwap })},
	{Key: Key{Name: "cpus", Field: "CPUs", Flag: "cpus", Default: "no limit", Example: "0.5", Takes: "a number of CPUs such as 0.5",
		Doc:   "Limit of CPU time, in CPUs.",
		Notes: limitNotes},
		kind: decimalKind, values: text(func(c *Config) *string { return &c.CPUs })},
	{Key: Key{Name: "pids_limit", Field: "PidsLimit", Flag: "pids-limit", Default: "no limit", Example: "100",
		Doc:   "Limit of processes and threads; -1 is no limit.",
		Notes: limitNotes},
		kind: countKind, values: func(c *Config) []string {
			if c.PidsLimit == 0 {
				return nil
			}
			return []string{strconv.FormatInt(c.PidsLimit, 10)}
		}},
	{Key: Key{Name: "ulimits", Field: "Ulimits", Flag: "ulimit", Example: `["nofile=1024:2048"]`,
		Takes: "a list of limits such as nofile=1024:2048",
		Doc:   "Resource limits of the process, `name=soft[:hard]`."},
		kind: listKind, values: list(func(c *Config) *[]string { return &c.Ulimits })},
	{Key: Key{Name: "shm_size", Field: "ShmSize", Flag: "shm-size", Example: "64m", Doc: "Size of `/dev/shm`."},
		kind: sizeKind, values: text(func(c *Config) *string { return &c.ShmSize })},

	{Key: Key{Name: "read_only", Field: "ReadOnly", Flag: "read-only", Default: "false", Example: "true",
		Doc: "Makes the container's root filesystem read-only."},
		kind: boolKind, values: func(c *Config) []string {
			if !c.ReadOnly {
				return nil
			}
			return []string{"true"}
		}},
	{Key: Key{Name: "tmpfs", Field: "Tmpfs", Flag: "tmpfs", Default: "none", Example: `["/tmp:size=64m"]`,
		Takes: "a list of mounts such as /tmp:size=64m",
		Doc:   "Directories in memory, `target[:options]`."},
		kind: listKind, values: list(func(c *Config) *[]string { return &c.Tmpfs })},
	{Key: Key{Name: "user", Field: "User", Flag: "user", Default: "the image's", Example: `"1000:1000"`,
		Takes: "a name or a number, and perhaps :group",
		Doc:   "User that the command runs as, `name or uid[:group or gid]`."},
		kind: wordKind, values: text(func(c *Config) *string { return &c.User })},
	{Key: Key{Name: "group_add", Field: "GroupAdd", Flag: "group-add", Default: "none", Example: `["audio", 2000]`, Doc: "Supplementary groups."},
		kind: listKind, values: list(func(c *Config) *[]string { return &c.GroupAdd })},
	{Key: Key{Name: "cap_add", Field: "CapAdd", Flag: "cap-add", Default: "none", Example: `["NET_BIND_SERVICE"]`, Doc: "Linux capabilities to add."},
		kind: listKind, values: list(func(c *Config) *[]string { return &c.CapAdd })},
	{Key: Key{Name: "cap_drop", Field: "CapDrop", Flag: "cap-drop", Default: "none", Example: `["ALL"]`, Doc: "Linux capabilities to drop."},
		kind: listKind, values: list(func(c *Config) *[]string { return &c.CapDrop })},
	{Key: Key{Name: "security_opt", Field: "SecurityOpt", Flag: "security-opt", Example: `["no-new-privileges"]`,
		Doc: "Security options: `no-new-privileges`, `seccomp=...`, `apparmor=...`, `label=...`."},
		kind: listKind, values: list(func(c *Config) *[]string { return &c.SecurityOpt })},
	{Key: Key{Name: "userns", Field: "UserNS", Flag: "userns", Example: "keep-id",
		Doc: "User namespace.",
		Notes: map[string]string{
			RuntimeDockerCLI: "`host`; with `docker_path: podman` as for podman.",
			RuntimeDockerAPI: "`host`.",
			RuntimePodman:    "`host`, `keep-id`, `nomap`, `auto` and the like.",
		}},
		kind: textKind, values: text(func(c *Config) *string { return &c.UserNS })},
	{Key: Key{Name: "log_driver", Field: "LogDriver", Flag: "log-driver", Default: "the engine's; none with `isolation: strict` and for warm containers", Example: "none",
		Doc: "Where the engine keeps what the command writes to stdout and stderr. Docker's own default, json-file, writes it to the host's disk until the container is removed; `none` keeps nothing."},
		kind: textKind, values: text(func(c *Config) *string { return &c.LogDriver })},
	{Key: Key{Name: "devices", Field: "Devices", Flag: "device", Default: "none", Example: `["/dev/fuse"]`,
		Doc: "Host devices, `source[:target[:rwm]]`, or CDI devices, `vendor.com/class=name`."},
		kind: listKind, values: list(func(c *Config) *[]string { return &c.Devices })},
	{Key: Key{Name: "gpus", Field: "GPUs", Flag: "gpus", Default: "none", Example: "all", Takes: "all, a number, or device=...",
		Doc: "GPUs for the container.",
		Notes: map[string]string{
			RuntimeDockerCLI: "With `docker_path: podman`, Podman 5.0 or newer.",
			RuntimePodman:    "As CDI devices; NVIDIA only.",
		}},
		kind: wordKind, values: text(func(c *Config) *string { return &c.GPUs })},

	{Key: Key{Name: "workdir", Field: "Workdir", Flag: "workdir", Default: "the image's", Example: "/work",
		Doc: "Working directory in the container, absolute."},
		kind: textKind, values: text(func(c *Config) *string { return &c.Workdir })},
	{Key: Key{Name: "entrypoint", Field: "Entrypoint", Flag: "entrypoint", Default: "the image's", Example: "/usr/bin/python3",
		Takes: `one word; "" clears the image's entrypoint`,
		Doc:   "Replaces the image's entrypoint; `\"\"` clears it. The hook's command and arguments follow it."},
		kind: textKind, values: func(c *Config) []string {
			if c.Entrypoint == nil {
				return nil
			}
			return []string{*c.Entrypoint}
		}},
	{Key: Key{Name: "env", Field: "Env", Flag: "env", Default: "none", Example: "{LOG_LEVEL: debug, OPENAI_KEY: null}",
		Doc: "Environment of the command. A name alone (in a map: with null) takes the value that this process has at the call, and is skipped when it has none. What the hook itself sets wins."},
		kind: envKind},
	{Key: Key{Name: "init", Field: "Init", Flag: "init", Example: "true",
		Doc: "Runs an init as PID 1, which reaps processes and forwards signals."},
		kind: boolKind, values: func(c *Config) []string {
			if c.Init == nil {
				return nil
			}
			return []string{strconv.FormatBool(*c.Init)}
		}},
	{Key: Key{Name: "hostname", Field: "Hostname", Flag: "hostname", Default: "the container's ID", Example: "hook", Doc: "Host name of the container."},
		kind: textKind, values: text(func(c *Config) *string { return &c.Hostname })},
	{Key: Key{Name: "add_host", Field: "AddHost", Flag: "add-host", Default: "none", Example: `["db:10.0.0.5"]`,
		Doc: "Entries for `/etc/hosts`, `name:ip`."},
		kind: listKind, values: list(func(c *Config) *[]string { return &c.AddHost })},
	{Key: Key{Name: "dns", Field: "DNS", Flag: "dns", Example: `["1.1.1.1"]`, Doc: "DNS servers."},
		kind: listKind, values: list(func(c *Config) *[]string { return &c.DNS })},
	{Key: Key{Name: "labels", Field: "Labels", Flag: "label", Default: "none", Example: "{team: safety}",
		Doc: "Labels of the container, besides those that the launcher sets."},
		kind: labelsKind, values: func(c *Config) []string {
			out := make([]string, 0, len(c.Labels))
			for k, v := range c.Labels {
				out = append(out, k+"="+v)
			}
			slices.Sort(out)
			return out
		}},
	{Key: Key{Name: "platform", Field: "Platform", Flag: "platform", Example: "linux/arm64",
		Doc: "Platform of the image, `os/arch[/variant]`."},
		kind: textKind, values: text(func(c *Config) *string { return &c.Platform })},

	{Key: Key{Name: "pull", Field: "Pull", Flag: "pull", Default: "missing", Example: "never",
		Takes: "missing, always or never",
		Doc:   "When to pull the image. A pull goes on when the call that began it runs out of time."},
		kind: textKind, values: text(func(c *Config) *string { return &c.Pull })},
	{Key: Key{Name: "pull_timeout", Field: "PullTimeout", Default: "10m", Example: "2m", Doc: "Bounds a pull."}, kind: durationKind},
	{Key: Key{Name: "timeout", Field: "Timeout", Default: "10s", Example: "30s",
		Doc: "Bounds a call whose request sets no timeout. PromptKit's hooks always set one."}, kind: durationKind},
	{Key: Key{Name: "max_output", Field: "MaxOutput", Default: "16m", Example: "1m",
		Doc: "The most that a call may write to stdout, and to stderr. One byte more, and it fails."}, kind: sizeKind},
	{Key: Key{Name: "max_concurrent", Field: "MaxConcurrent", Default: "0", Example: "4",
		Doc: "How many calls of the sandbox run at once; 0 is no limit. Waiting for a place counts against a call's timeout."}, kind: countKind},
	{Key: Key{Name: "warm", Field: "Warm", Default: "0", Example: `{size: 4, start: gate, idle_ttl: 5m, max_age: 10m, refill: 2}`,
		Takes: "a number of containers, or a map with any of size and refill (numbers), start (gate or eager), idle_ttl and max_age (durations)",
		Doc: "Containers that are started ahead of calls; each is still used once. `warm: 4` is short for `{size: 4}`. `start: gate` runs nothing of the hook before its call. " +
			"`start: eager` starts the hook ahead, up to its first read of stdin: faster still, and for hooks that do nothing of consequence before they read. See [warm starts](warm.md)."},
		kind: warmKind},
	{Key: Key{Name: "extra_args", Field: "ExtraArgs", Default: "none", Example: `["--sysctl=net.core.somaxconn=64"]`,
		Takes: "a list of docker-run flags, one in each entry, such as --ipc=none",
		Doc:   "More flags of `docker run`. They replace what other keys say; list flags add to it. A flag that not every runtime takes must be in the form `--flag=value`, and needs `docker-cli`."},
		kind: argsKind},
}

// keyNames is for messages.
func keyNames() string {
	names := make([]string, len(keyTable))
	for i := range keyTable {
		names[i] = keyTable[i].Name
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
