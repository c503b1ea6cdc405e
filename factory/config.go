package factory

import (
	"log/slog"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// The runtimes that Config.Runtime can name. [WithRuntime] adds others.
const (
	RuntimeDockerCLI = "docker-cli" // the docker command line, or podman's; the default
	RuntimeDockerAPI = "docker-api" // the Docker API
	RuntimePodman    = "podman"     // Podman's API
	// RuntimeAuto is the first of docker-api, podman and docker-cli that can run the
	// container and answers. It is looked for at the first call, and again when it
	// stops answering.
	RuntimeAuto = "auto"
)

// Config says how a sandbox runs its containers. Only Image is required; the zero
// value of any other field leaves the matter to the engine. Values are spelled as
// `docker run` spells them, sizes for instance as "256m".
type Config struct {
	// Image is the container image to run.
	Image string `mapstructure:"image"`
	// Network is none, bridge, host, container:ID or a network's name.
	Network string `mapstructure:"network"`
	// Mounts are as -v takes them: "./hooks:/hooks:ro". Relative sources start at
	// BaseDir.
	Mounts []string `mapstructure:"mounts"`
	// ExtraArgs are more flags of `docker run`. They come last, so that a flag here
	// replaces what a field says; list flags add to it. A flag that not every runtime
	// takes must be in the form --flag=value, and needs docker-cli.
	ExtraArgs []string `mapstructure:"extra_args"`
	// DockerPath is the command for docker-cli: a path, or a name to look up in PATH.
	// Empty is docker; podman works too.
	DockerPath string `mapstructure:"docker_path"`

	// Runtime is the key of the runtime; empty is docker-cli.
	Runtime string `mapstructure:"runtime"`
	// Host is the engine's address, such as unix:///run/podman/podman.sock; empty: where
	// the engine's own tools look.
	Host string `mapstructure:"host"`
	// Backend, when set, is used instead of what Runtime, Host and DockerPath say: a
	// fake, or an engine of your own. It stays yours to close.
	Backend runtime.Runtime `mapstructure:"-"`
	// Logger gets warnings, each once for each engine client; nil is slog.Default().
	Logger *slog.Logger `mapstructure:"-"`

	// Isolation is engine (default): the container is what the other fields say; or
	// strict: it gets no more than a command needs, and what weakens that is an error.
	Isolation string `mapstructure:"isolation"`
	// Allow names what strict lets other fields weaken; see runtime.Allowances.
	Allow []string `mapstructure:"allow"`
	// RequireDigest refuses an Image without one: name@sha256:... or an image ID.
	RequireDigest bool `mapstructure:"require_digest"`

	// OCIRuntime is runc, crun, runsc, ...
	OCIRuntime string `mapstructure:"oci_runtime"`

	Memory     string   `mapstructure:"memory"`      // size
	MemorySwap string   `mapstructure:"memory_swap"` // size of memory plus swap; "-1": unlimited swap
	CPUs       string   `mapstructure:"cpus"`        // "0.5"
	PidsLimit  int64    `mapstructure:"pids_limit"`  // -1: unlimited
	Ulimits    []string `mapstructure:"ulimits"`     // "nofile=1024:2048"
	ShmSize    string   `mapstructure:"shm_size"`    // size of /dev/shm

	ReadOnly    bool     `mapstructure:"read_only"` // root filesystem
	Tmpfs       []string `mapstructure:"tmpfs"`     // "/tmp:size=64m"
	User        string   `mapstructure:"user"`      // name or uid[:group or gid]
	GroupAdd    []string `mapstructure:"group_add"`
	CapAdd      []string `mapstructure:"cap_add"`
	CapDrop     []string `mapstructure:"cap_drop"`
	SecurityOpt []string `mapstructure:"security_opt"`
	UserNS      string   `mapstructure:"userns"`
	// LogDriver is where the engine keeps what the command answers; none: nowhere, which
	// strict and warm containers have by default.
	LogDriver string   `mapstructure:"log_driver"`
	Devices   []string `mapstructure:"devices"` // "/dev/fuse", "vendor.com/class=name"
	GPUs      string   `mapstructure:"gpus"`    // "all", "2", "device=0"

	Workdir string `mapstructure:"workdir"` // absolute path in the container
	// Entrypoint replaces the image's; "" clears it, nil keeps it.
	Entrypoint *string `mapstructure:"entrypoint"`
	// Env entries are "NAME=value", or "NAME" for the value that this process has at
	// the call; without one the entry is skipped. A request's own entries win.
	Env      []string          `mapstructure:"env"`
	Init     *bool             `mapstructure:"init"` // an init as PID 1; nil: the engine's default
	Hostname string            `mapstructure:"hostname"`
	AddHost  []string          `mapstructure:"add_host"` // "name:ip"
	DNS      []string          `mapstructure:"dns"`
	Labels   map[string]string `mapstructure:"labels"`
	Platform string            `mapstructure:"platform"` // os/arch[/variant]

	Pull        string        `mapstructure:"pull"`         // missing (default), always, never
	PullTimeout time.Duration `mapstructure:"pull_timeout"` // default 10m
	// Timeout of a call whose request has none; default 10s.
	Timeout time.Duration `mapstructure:"timeout"`
	// MaxOutput is the most that stdout, and stderr, may be: a size, default 16m. More is
	// an error.
	MaxOutput string `mapstructure:"max_output"`
	// MaxConcurrent is how many calls of the sandbox run at once; 0: any number. Waiting
	// for a place counts against a call's timeout.
	MaxConcurrent int `mapstructure:"max_concurrent"`
	// Warm keeps containers started ahead of calls; the zero value is none.
	Warm Warm `mapstructure:"warm"`
	// BaseDir is where relative mount sources start. Empty is the working directory at
	// the call, as for `docker run`.
	BaseDir string `mapstructure:"base_dir"`
	// MountCheck is on (default) or off. Off is for an engine that sees another
	// filesystem than this process, such as one whose socket is mounted into our own
	// container.
	MountCheck string `mapstructure:"mount_check"`
}
