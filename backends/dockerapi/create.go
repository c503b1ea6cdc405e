package dockerapi

import (
	"context"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/versions"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// minAPI is the oldest API that can do what Run needs: a wait for the next exit
// (Docker 17.06).
const minAPI = "1.30"

// requestCreate makes the container, after negotiate.
func (r *Runtime) requestCreate(ctx context.Context, req *createRequest) (container.CreateResponse, error) {
	if err := req.checkVersion(r.cli.ClientVersion()); err != nil {
		return container.CreateResponse{}, err
	}
	return r.cli.ContainerCreate(ctx, req.config, req.host, req.network, req.platform, req.name)
}

// negotiate agrees on an API version with the engine, once. The client would do so by
// itself, but behind a lock that no context ends: a call would wait for the deadline
// of another one on an engine that hangs.
func (r *Runtime) negotiate(ctx context.Context) error {
	if err := r.asking.Enter(ctx); err != nil {
		return err
	}
	defer r.asking.Leave()
	err := r.cli.NewVersionError(ctx, minAPI, "a call")
	if v := r.cli.ClientVersion(); err != nil && versions.LessThan(v, minAPI) {
		return tooOld("", v, minAPI)
	}
	return err
}

// checkVersion refuses what the engine's API is too old for. The engine would ignore
// such a field in silence.
func (req *createRequest) checkVersion(version string) error {
	for _, f := range []struct {
		flag, since string
		used        bool
	}{
		{"gpus", "1.40", len(req.host.DeviceRequests) > 0},
		{"cgroupns", "1.41", req.host.CgroupnsMode != ""},
		{"platform", "1.41", req.platform != nil},
		{"sysctl", "1.24", len(req.host.Sysctls) > 0},
		{"init", "1.25", req.host.Init != nil},
	} {
		if f.used && versions.LessThan(version, f.since) {
			return tooOld(f.flag, version, f.since)
		}
	}
	return nil
}

func tooOld(flag, has, needs string) error {
	what := "docker-api"
	if flag != "" {
		what = "--" + flag
	}
	return &runtime.Error{Kind: runtime.ErrUnsupported, Runtime: Key,
		Message: what + " needs API version " + needs + ", and the engine or DOCKER_API_VERSION has " + has}
}
