package factory

import (
	"fmt"

	"github.com/AltairaLabs/dockerrun/backends/dockerapi"
	"github.com/AltairaLabs/dockerrun/backends/dockercli"
	"github.com/AltairaLabs/dockerrun/backends/podman"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// openBackend makes the runtime that a key of the cache asks for. None of them contacts
// its engine before the first call.
func openBackend(key clientKey) (runtime.Runtime, error) {
	switch key.runtime {
	case RuntimeDockerCLI:
		return opened(dockercli.New(dockercli.Options{Path: key.path, Host: key.host}))
	case RuntimeDockerAPI:
		return opened(dockerapi.New(dockerapi.Options{Host: key.host}))
	case RuntimePodman:
		return opened(podman.New(podman.Options{Host: key.host}))
	}
	return nil, fmt.Errorf("runtime %q is not built in", key.runtime)
}

// opened keeps a nil pointer from becoming a Runtime that is not nil.
func opened[R runtime.Runtime](rt R, err error) (runtime.Runtime, error) {
	if err != nil {
		return nil, err
	}
	return rt, nil
}
