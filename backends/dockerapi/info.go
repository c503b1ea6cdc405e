package dockerapi

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/system"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Info asks the engine what it is; see [runtime.Runtime].
func (r *Runtime) Info(ctx context.Context) (runtime.Info, error) {
	if err := r.removals.Enter(Key); err != nil {
		return runtime.Info{}, err
	}
	defer r.removals.Done()
	info, version, err := r.ask(ctx)
	if err != nil {
		if ended := runtime.ContextError(ctx, Key, false); ended != nil {
			return runtime.Info{}, ended
		}
		return runtime.Info{}, r.failure(err, false, "")
	}
	out := runtime.Info{
		Runtime:           Key,
		Engine:            "docker",
		Version:           version.Version,
		APIVersion:        r.cli.ClientVersion(),
		Endpoint:          r.raw.host,
		OS:                version.Os,
		Arch:              version.Arch,
		Rootless:          slices.ContainsFunc(info.SecurityOptions, isRootless),
		CgroupDriver:      info.CgroupDriver,
		LimitsEnforced:    info.MemoryLimit && info.CPUCfsQuota && info.PidsLimit,
		DefaultOCIRuntime: info.DefaultRuntime,
		NoSeccomp:         !slices.ContainsFunc(info.SecurityOptions, isSeccomp),
		Warnings:          info.Warnings,
	}
	for _, limit := range []struct {
		name  string
		holds bool
	}{{"memory", info.MemoryLimit}, {"memory-swap", info.SwapLimit}, {"cpus", info.CPUCfsQuota}, {"pids-limit", info.PidsLimit}} {
		if !limit.holds {
			out.UnenforcedLimits = append(out.UnenforcedLimits, limit.name)
		}
	}
	out.CgroupVersion, _ = strconv.Atoi(info.CgroupVersion) // empty before API 1.41
	for name := range info.Runtimes {
		out.OCIRuntimes = append(out.OCIRuntimes, name)
	}
	slices.Sort(out.OCIRuntimes)
	if slices.ContainsFunc(version.Components, func(c types.ComponentVersion) bool { return strings.Contains(c.Name, "Podman") }) {
		out.Engine = "podman" // its Docker-compatible API
	}
	return out, nil
}

// Ping asks for the one answer that needs nothing of the engine; see [runtime.Pinger].
func (r *Runtime) Ping(ctx context.Context) error {
	if err := r.removals.Enter(Key); err != nil {
		return err
	}
	defer r.removals.Done()
	_, err := r.cli.Ping(ctx)
	if ended := runtime.ContextError(ctx, Key, false); err != nil && ended != nil {
		return ended
	}
	if err != nil && unreachable(err) {
		return r.failure(err, false, "")
	}
	return nil // any answer is one
}

func (r *Runtime) ask(ctx context.Context) (info system.Info, version types.Version, err error) {
	if err = r.negotiate(ctx); err != nil {
		return info, version, err
	}
	if info, err = r.cli.Info(ctx); err != nil {
		return info, version, err
	}
	version, err = r.cli.ServerVersion(ctx)
	return info, version, err
}

// isSeccomp reports whether an option says that containers have a filter.
func isSeccomp(option string) bool {
	return strings.HasPrefix(option, "name=seccomp") && !strings.Contains(option, "profile=unconfined")
}

func isRootless(option string) bool {
	return option == "rootless" || strings.HasPrefix(option, "name=rootless")
}
