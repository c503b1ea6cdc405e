package dockerapi

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/docker/cli/opts"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// createRequest is what the engine is asked to create.
type createRequest struct {
	name     string
	config   *container.Config
	host     *container.HostConfig
	network  *network.NetworkingConfig
	platform *ocispec.Platform
}

// translate says spec in the engine's terms, field for field as `docker run --rm -i`
// does: the difference between nil, empty and absent is part of that, as the engine
// records it. It reads the seccomp profile that spec names and nothing else.
func translate(spec runtime.Spec) (*createRequest, error) {
	if err := checkSpec(spec); err != nil {
		return nil, err
	}
	host, err := hostConfig(spec)
	if err != nil {
		return nil, err
	}
	networkMode, networking, err := networkConfig(spec.Network)
	if err != nil {
		return nil, err
	}
	host.NetworkMode = networkMode
	req := &createRequest{name: spec.Name, config: containerConfig(spec), host: host, network: networking}
	for _, m := range spec.Mounts {
		if err := req.addMount(m); err != nil {
			return nil, err
		}
	}
	if spec.Platform != "" {
		p, err := platforms.Parse(spec.Platform)
		if err != nil {
			return nil, invalid("platform", spec.Platform, err.Error())
		}
		req.platform = &p
	}
	return req, nil
}

// checkSpec refuses what can't be said over the API, or would be refused by `docker
// run` itself rather than by the engine.
func checkSpec(spec runtime.Spec) error {
	if len(spec.Passthrough) > 0 {
		names := make([]string, len(spec.Passthrough))
		for i, flag := range spec.Passthrough {
			names[i], _, _ = strings.Cut(flag, "=") // the value may be a secret
		}
		return &runtime.Error{Kind: runtime.ErrUnsupported, Runtime: Key, Message: fmt.Sprintf(
			"%s: only docker-cli takes this flag of docker run", strings.Join(names, ", "))}
	}
	for _, mode := range []struct {
		field, value string
		valid        bool
	}{
		{"pid", spec.PIDMode, container.PidMode(spec.PIDMode).Valid()},
		{"uts", spec.UTSMode, container.UTSMode(spec.UTSMode).Valid()},
		{"userns", spec.UserNS, container.UsernsMode(spec.UserNS).Valid()},
		{"cgroupns", spec.CgroupNS, container.CgroupnsMode(spec.CgroupNS).Valid()},
	} {
		if !mode.valid {
			return invalid(mode.field, mode.value, "is not a mode that Docker takes")
		}
	}
	if spec.LogDriver == "none" && len(spec.LogOpts) > 0 {
		return invalid("log-opt", "...", "can't be given with log-driver none")
	}
	return nil
}

func containerConfig(spec runtime.Spec) *container.Config {
	c := &container.Config{
		Hostname:     spec.Hostname,
		ExposedPorts: nat.PortSet{},
		User:         spec.User,
		OpenStdin:    true,
		StdinOnce:    true,
		AttachStdin:  true,
		AttachStdout: true,
		AttachStderr: true,
		Image:        spec.Image,
		Volumes:      map[string]struct{}{},
		WorkingDir:   spec.Dir,
		Labels:       spec.Labels,
		StopSignal:   spec.StopSignal,
	}
	if len(spec.Env) > 0 {
		c.Env = spec.Env
	}
	if len(spec.Args) > 0 {
		c.Cmd = spec.Args
	}
	if len(spec.Entrypoint) > 0 {
		c.Entrypoint = spec.Entrypoint
	}
	if spec.NoHealthcheck {
		c.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
	}
	return c
}

func hostConfig(spec runtime.Spec) (*container.HostConfig, error) {
	security, unconfined, err := securityOptions(spec.SecurityOpts)
	if err != nil {
		return nil, err
	}
	limits, err := resources(spec)
	if err != nil {
		return nil, err
	}
	h := &container.HostConfig{
		// The engine's own removal is what takes a container whose launcher has died.
		AutoRemove:     true,
		OomScoreAdj:    spec.OOMScoreAdj,
		Privileged:     spec.Privileged,
		PortBindings:   nat.PortMap{},
		DNS:            emptyNotNil(spec.DNS),
		DNSSearch:      emptyNotNil(spec.DNSSearch),
		DNSOptions:     emptyNotNil(spec.DNSOptions),
		ExtraHosts:     spec.AddHosts,
		IpcMode:        container.IpcMode(spec.IPCMode),
		PidMode:        container.PidMode(spec.PIDMode),
		UTSMode:        container.UTSMode(spec.UTSMode),
		UsernsMode:     container.UsernsMode(spec.UserNS),
		CgroupnsMode:   container.CgroupnsMode(spec.CgroupNS),
		CapAdd:         spec.CapAdd,
		CapDrop:        spec.CapDrop,
		GroupAdd:       spec.GroupAdd,
		RestartPolicy:  container.RestartPolicy{Name: container.RestartPolicyDisabled},
		SecurityOpt:    security,
		StorageOpt:     map[string]string{},
		ReadonlyRootfs: spec.ReadOnly,
		LogConfig:      container.LogConfig{Type: spec.LogDriver, Config: mapNotNil(spec.LogOpts)},
		ShmSize:        spec.ShmSize,
		Tmpfs:          make(map[string]string, len(spec.Tmpfs)),
		Sysctls:        mapNotNil(spec.Sysctls),
		Runtime:        spec.OCIRuntime,
		Init:           spec.Init,
		Annotations:    map[string]string{},
		Resources:      limits,
	}
	for _, t := range spec.Tmpfs {
		h.Tmpfs[t.Target] = t.Options
	}
	if unconfined { // empty instead of nil: no path is hidden
		h.MaskedPaths, h.ReadonlyPaths = []string{}, []string{}
	}
	return h, nil
}

// addMount puts a -v or --mount where `docker run` puts it. Only --mount can make
// the engine refuse a source that does not exist.
func (req *createRequest) addMount(m runtime.Mount) error {
	switch {
	case m.Long:
		var value opts.MountOpt
		if err := value.Set(m.String()); err != nil {
			return invalid("mount", m.Redacted(), err.Error())
		}
		req.host.Mounts = append(req.host.Mounts, value.Value()...)
	case m.Source == "":
		req.config.Volumes[m.Target] = struct{}{}
	default:
		if m.Type == runtime.MountBind && strings.HasPrefix(m.Source, ".") {
			if abs, err := filepath.Abs(m.Source); err == nil {
				m.Source = abs
			}
		}
		req.host.Binds = append(req.host.Binds, m.String())
	}
	return nil
}

func emptyNotNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return slices.Clip(list)
}

func mapNotNil(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// invalid says that a field of the Spec holds got, and why that does not do.
func invalid(field, got, why string) *runtime.Error {
	return &runtime.Error{Kind: runtime.ErrInvalidSpec, Runtime: Key, Message: fmt.Sprintf("%s: %q: %s", field, got, why)}
}
