package dockercli

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Info asks the engine what it is, with `info` and, for Docker, `version`.
func (r *Runtime) Info(ctx context.Context) (runtime.Info, error) {
	if err := r.removals.Enter(Key); err != nil {
		return runtime.Info{}, err
	}
	defer r.removals.Done()
	cl, err := r.find(ctx)
	if err != nil {
		return runtime.Info{}, err
	}
	ask := func(command string, into any) error {
		out, err := cl.output(ctx, 0, cl.args(command, "--format={{json .}}")...)
		if err != nil {
			return engineError(ctx, err, runtime.ErrUnavailable)
		}
		if err := json.Unmarshal([]byte(out), into); err != nil {
			return &runtime.Error{Kind: runtime.ErrUnavailable, Runtime: Key, Message: cl.path + " " + command, Err: err}
		}
		return nil
	}
	info := runtime.Info{Runtime: Key, ClientVersion: cl.version}
	info.Endpoint, _ = cl.endpoint(os.LookupEnv)
	// The version first: `docker info` has status 0 when there is no engine.
	var version versionRecord
	if err := ask("version", &version); err != nil {
		return runtime.Info{}, err
	}
	if cl.podman {
		var rec podmanRecord
		if err := ask("info", &rec); err != nil {
			return runtime.Info{}, err
		}
		rec.fill(&info)
		if info.Endpoint == "" {
			info.Endpoint = cl.path // no service: the command line is the engine
		}
		return info, nil
	}
	var rec dockerRecord
	if err := ask("info", &rec); err != nil {
		return runtime.Info{}, err
	}
	rec.fill(&info)
	info.Engine, info.APIVersion = version.engine(), version.Client.APIVersion
	if info.Endpoint == "" {
		info.Endpoint = cl.defaultEndpoint(ctx)
	}
	return info, nil
}

// defaultEndpoint asks where docker looks when nothing says so.
func (cl *client) defaultEndpoint(ctx context.Context) string {
	out, err := cl.output(ctx, versionLimit, "context", "inspect", "--format={{.Endpoints.docker.Host}}")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}

// versionRecord is the part of `docker version` that is used.
type versionRecord struct {
	Client struct {
		APIVersion string `json:"ApiVersion"`
	}
	Server struct {
		APIVersion string `json:"ApiVersion"`
		Components []struct{ Name string }
	}
}

// engine is what answers docker's command line.
func (rec versionRecord) engine() string {
	for _, c := range rec.Server.Components {
		if strings.HasPrefix(c.Name, "Podman") {
			return "podman"
		}
	}
	return "docker"
}

// dockerRecord is the part of `docker info` that is used.
type dockerRecord struct {
	ServerVersion   string
	OSType          string
	Architecture    string
	CgroupDriver    string
	CgroupVersion   string
	MemoryLimit     bool
	SwapLimit       bool
	CPUCfsQuota     bool `json:"CpuCfsQuota"`
	PidsLimit       bool
	Runtimes        map[string]struct{}
	DefaultRuntime  string
	SecurityOptions []string
	Warnings        []string
}

func (rec dockerRecord) fill(info *runtime.Info) {
	info.Version = rec.ServerVersion
	info.OS, info.Arch = rec.OSType, architecture(rec.Architecture)
	info.CgroupDriver, info.CgroupVersion = rec.CgroupDriver, cgroupVersion(rec.CgroupVersion)
	info.LimitsEnforced, info.UnenforcedLimits = rec.limits().all(), rec.limits().unenforced(rec.SwapLimit)
	info.DefaultOCIRuntime, info.Warnings = rec.DefaultRuntime, rec.Warnings
	for name := range rec.Runtimes {
		info.OCIRuntimes = append(info.OCIRuntimes, name)
	}
	slices.Sort(info.OCIRuntimes)
	info.NoSeccomp = !slices.ContainsFunc(rec.SecurityOptions, func(o string) bool {
		return strings.HasPrefix(o, "name=seccomp") && !strings.Contains(o, "profile=unconfined")
	})
	info.Rootless = slices.ContainsFunc(rec.SecurityOptions, func(o string) bool { return strings.HasPrefix(o, "name=rootless") })
}

func (rec dockerRecord) limits() limits {
	return limits{memory: rec.MemoryLimit, cpu: rec.CPUCfsQuota, pids: rec.PidsLimit}
}

// podmanRecord is the part of `podman info` that is used.
type podmanRecord struct {
	Host struct {
		Arch              string
		OS                string
		CgroupManager     string
		CgroupVersion     string
		CgroupControllers []string
		OCIRuntime        struct{ Name string }
		RemoteSocket      struct{ Path string }
		ServiceIsRemote   bool
		Security          struct {
			Rootless       bool
			SeccompEnabled *bool // nil: it does not say
		}
	}
	Version struct {
		APIVersion string
		Version    string
	}
}

func (rec podmanRecord) fill(info *runtime.Info) {
	h := rec.Host
	info.Engine, info.Version, info.APIVersion = "podman", rec.Version.Version, rec.Version.APIVersion
	info.OS, info.Arch = h.OS, architecture(h.Arch)
	info.CgroupDriver, info.CgroupVersion = h.CgroupManager, cgroupVersion(h.CgroupVersion)
	info.Rootless = h.Security.Rootless
	info.NoSeccomp = h.Security.SeccompEnabled != nil && !*h.Security.SeccompEnabled
	info.LimitsEnforced, info.UnenforcedLimits = rec.limits().all(), rec.limits().unenforced(rec.limits().memory)
	info.DefaultOCIRuntime = h.OCIRuntime.Name
	if h.OCIRuntime.Name != "" {
		info.OCIRuntimes = []string{h.OCIRuntime.Name} // it does not list the others
	}
}

// limits follow from what was delegated on cgroup v2. On v1 rootless Podman has none.
func (rec podmanRecord) limits() limits {
	h := rec.Host
	if cgroupVersion(h.CgroupVersion) != 2 {
		rootful := !h.Security.Rootless
		return limits{rootful, rootful, rootful}
	}
	has := func(name string) bool { return slices.Contains(h.CgroupControllers, name) }
	return limits{memory: has("memory"), cpu: has("cpu"), pids: has("pids")}
}

func cgroupVersion(s string) int {
	switch strings.TrimPrefix(s, "v") {
	case "1":
		return 1
	case "2":
		return 2
	}
	return 0
}
