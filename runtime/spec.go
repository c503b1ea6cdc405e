package runtime

import (
	"time"
)

// Spec says what container to run. It is complete and means the same on every
// engine; the zero value of a field leaves the matter to the engine or the image.
// [SetFlags] fills it from `docker run` flags. A Spec is passed by value; nobody may
// change what its slices and maps hold while a call is under way.
type Spec struct {
	Name  string // of the container; empty: [Spec.Resolve] makes a random one
	Image string // as docker spells it
	// Args is the command and its arguments. Empty: the image's own command. With an
	// entrypoint they are its arguments.
	Args []string
	// Entrypoint replaces the image's. Nil keeps it; [""] clears it, as
	// `--entrypoint=` does. Docker takes one word.
	Entrypoint []string
	// Env entries are KEY=value, or a bare KEY: the value that this process has for
	// it at the call, or without one, removal of what the image sets for it. The last
	// entry for a name holds.
	Env      []string
	EnvFiles []string // files of such entries, read at the call, before Env
	// NoProxy keeps Podman from adding the proxy variables (http_proxy and the like) that
	// its service has in its own environment, and that can hold a password.
	NoProxy bool
	// NoSystemd keeps Podman from setting a container up for systemd, with the host's cgroups
	// and further tmpfs in it, when the command's or the entrypoint's name looks like it, and
	// from handing in the socket that the launcher's NOTIFY_SOCKET names.
	NoSystemd bool
	Dir       string   // working directory, absolute
	User      string   // name or uid, [:group or gid]
	GroupAdd  []string // supplementary groups
	Hostname  string
	Labels    map[string]string
	Platform  string // os/arch[/variant]
	Init      *bool  // an init as PID 1
	// NoHealthcheck turns the image's HEALTHCHECK off.
	NoHealthcheck bool
	StopSignal    string

	ReadOnly  bool    // root filesystem
	Mounts    []Mount // -v and --mount
	Tmpfs     []Tmpfs
	ShmSize   int64 // bytes of /dev/shm
	Devices   []Device
	GPUs      []string // as `docker run --gpus` takes them: "all", "2", "device=0"
	LogDriver string
	LogOpts   map[string]string

	Network    string   // none, bridge, host, container:ID or a network's name
	AddHosts   []string // host:ip
	DNS        []string
	DNSSearch  []string
	DNSOptions []string

	Privileged   bool
	CapAdd       []string
	CapDrop      []string
	SecurityOpts []string // as `docker run --security-opt` takes them
	UserNS       string   // host, or on Podman keep-id, nomap, auto, ...
	PIDMode      string
	IPCMode      string
	UTSMode      string
	CgroupNS     string // host or private
	CgroupParent string
	Sysctls      map[string]string

	Resources

	OCIRuntime string // runc, crun, runsc, ... ; empty: the engine's default

	Pull PullPolicy // for Launcher; Run never pulls

	// Deadline is when the container has no more business to live. The engine or a
	// [Sweep] may remove it after that; zero: that of the call's context, or never.
	Deadline time.Time

	// AutoRemove makes the engine itself remove the container when it ends, even when
	// this process is gone by then. Docker's runtimes always do that. On Podman an exit
	// status can get lost by it (4.3 does so in a few calls of a hundred), so that it is
	// for who does not need that, as package warm.
	AutoRemove bool

	// Passthrough holds `docker run` flags that have no field here, each in the form
	// --flag=value. Only docker-cli takes them.
	Passthrough []string
}

// Resources limits what a container may use. Zero values mean no limit of ours.
type Resources struct {
	Memory            int64  // bytes
	MemoryReservation int64  // bytes
	MemorySwap        int64  // bytes of memory plus swap; -1: unlimited swap
	MemorySwappiness  *int64 // 0 to 100
	NanoCPUs          int64  // billionths of a CPU
	CPUShares         int64
	CPUPeriod         int64 // microseconds
	CPUQuota          int64 // microseconds
	CpusetCPUs        string
	CpusetMems        string
	PidsLimit         int64 // -1: unlimited
	OOMKillDisable    bool
	OOMScoreAdj       int
	Ulimits           []Ulimit
}

// Ulimit is one resource limit of the process, such as nofile.
type Ulimit struct {
	Name       string
	Soft, Hard int64 // -1: unlimited
}

// Tmpfs is a tmpfs mount as `docker run --tmpfs` makes it.
type Tmpfs struct {
	Target  string // absolute
	Options string // as mount(8) takes them, "size=64m,mode=1777"; may be empty
}

// Device is a host device, or a CDI device when only CDI is set.
type Device struct {
	Source      string // path on the host
	Target      string // path in the container
	Permissions string // some of r, w, m
	CDI         string // vendor.com/class=name
}
