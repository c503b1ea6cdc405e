package podman

import (
	"cmp"
	"context"
	"net/http"
	"path"
	"slices"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// info is the part of GET /info that we read.
type info struct {
	Host struct {
		Arch              string   `json:"arch"`
		OS                string   `json:"os"`
		CgroupManager     string   `json:"cgroupManager"`
		CgroupVersion     string   `json:"cgroupVersion"`
		CgroupControllers []string `json:"cgroupControllers"`
		OCIRuntime        struct {
			Name string `json:"name"`
			Path string `json:"path"`
		} `json:"ociRuntime"`
		Security struct {
			Rootless       bool  `json:"rootless"`
			SeccompEnabled *bool `json:"seccompEnabled"` // nil: it does not say
		} `json:"security"`
	} `json:"host"`
	Version struct {
		Version    string
		APIVersion string
	} `json:"version"`
}

// fetchInfo asks the service what it is.
func (c *conn) fetchInfo(ctx context.Context) (*info, error) {
	var in info
	if err := c.call(ctx, http.MethodGet, "/info", nil, nil, &in); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.info = &in
	c.mu.Unlock()
	return &in, nil
}

// cachedInfo asks once per connection: what it is used for changes only with a
// restart of the service.
func (c *conn) cachedInfo(ctx context.Context) (*info, error) {
	c.mu.Lock()
	in := c.info
	c.mu.Unlock()
	if in != nil {
		return in, nil
	}
	return c.fetchInfo(ctx)
}

// Info asks the service what it is. The list of OCI runtimes holds the default one
// only: the API names no other, and would use no other.
func (r *Runtime) Info(ctx context.Context) (runtime.Info, error) {
	c, err := r.connect(ctx)
	if err != nil {
		return runtime.Info{}, err
	}
	in, err := c.fetchInfo(ctx)
	if err != nil {
		return runtime.Info{}, r.failure(ctx, c, err, "asking the service for its version", false)
	}
	out := runtime.Info{
		Runtime: Key, Engine: "podman",
		Version: in.Version.Version, APIVersion: cmp.Or(in.Version.APIVersion, c.service.version.String()),
		Endpoint: c.endpoint,
		OS:       in.Host.OS, Arch: in.Host.Arch,
		Rootless:     in.Host.Security.Rootless,
		CgroupDriver: in.Host.CgroupManager,
	}
	switch in.Host.CgroupVersion {
	case "v1":
		out.CgroupVersion = 1
	case "v2":
		out.CgroupVersion = 2
	}
	out.NoSeccomp = in.Host.Security.SeccompEnabled != nil && !*in.Host.Security.SeccompEnabled
	if name := in.Host.OCIRuntime.Name; name != "" {
		out.DefaultOCIRuntime, out.OCIRuntimes = name, []string{name}
	}
	out.LimitsEnforced, out.UnenforcedLimits = in.enforcesLimits(), in.unenforced()
	if !out.LimitsEnforced {
		out.Warnings = append(out.Warnings, "limits of memory, CPUs and processes are not enforced; "+limitsHint(in))
	}
	return out, nil
}

// Ping asks for the one answer that needs nothing of the service; see [runtime.Pinger].
func (r *Runtime) Ping(ctx context.Context) error {
	if err := r.removals.Enter(Key); err != nil {
		return err
	}
	defer r.removals.Done()
	c, err := r.connect(ctx)
	if err != nil {
		return err
	}
	if err := c.call(ctx, http.MethodGet, "/_ping", nil, nil, nil); err != nil && !answered(err) {
		return r.failure(ctx, c, err, "asking for a sign of life", false)
	}
	return nil
}

// enforcesLimits reports whether memory, CPU and pids limits hold.
func (in *info) enforcesLimits() bool { return len(in.unenforced()) == 0 }

// unenforced names limits that don't hold. Without root, cgroup v1 has none that do, and
// v2 those that systemd has delegated.
func (in *info) unenforced() []string {
	none := in.Host.Security.Rootless && in.Host.CgroupVersion != "v2"
	var names []string
	for _, l := range []struct{ name, controller string }{
		{"memory", "memory"}, {"memory-swap", "memory"}, {"cpus", "cpu"}, {"pids-limit", "pids"},
	} {
		if none || !slices.Contains(in.Host.CgroupControllers, l.controller) {
			names = append(names, l.name)
		}
	}
	return names
}

func limitsHint(in *info) string {
	if in.Host.Security.Rootless && in.Host.CgroupVersion != "v2" {
		return "rootless Podman needs cgroup v2 for them"
	}
	return "delegate the cgroup controllers memory, cpu and pids to the service's user"
}

// checkOCIRuntime refuses a runtime other than the service's own, as the API would
// take it and use its own all the same.
func (in *info) checkOCIRuntime(name string) error {
	own := in.Host.OCIRuntime
	if name == "" || name == own.Name || name == own.Path || name == path.Base(own.Path) {
		return nil
	}
	return unsupported("runtime %q: Podman's API uses the service's own OCI runtime, %s, whatever it is asked for; "+
		"set it in the service's containers.conf, or use runtime docker-cli with docker_path podman", name, own.Name)
}
