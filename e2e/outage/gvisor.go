package outage

import "context"

// GVisor is the name of gVisor's OCI runtime, and of its program.
const GVisor = "runsc"

// DockerGVisor is Docker with gVisor as one of its OCI runtimes, for containers without a
// network: that of Debian 12 takes a container's namespace for the host's on new kernels
// ("cannot run with network enabled in root network namespace"), and has to be told.
func DockerGVisor(ctx context.Context, disk int64) (*Engine, error) {
	return docker(ctx, disk, `{"runtimes": {"runsc": {"path": "runsc", "runtimeArgs": ["--network=none"]}}}`)
}

// PodmanGVisor is Podman with gVisor as its OCI runtime, for containers without a network.
func PodmanGVisor(ctx context.Context, disk int64) (*Engine, error) {
	return podman(ctx, disk, "--runtime="+GVisor, "--runtime-flag=network=none")
}
