package podman

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/AltairaLabs/dockerrun/runtime"
)

const (
	// timeoutGrace keeps Podman's own timeout, which counts whole seconds from the
	// container's start, from ending a call before its deadline does.
	timeoutGrace = 5 * time.Second
	// stopTimeout is what `podman run` records; nothing of ours stops softly.
	stopTimeout = 10
)

// translate gives the request for what `podman run --rm -i` with the flags of spec
// records. It is pure. What svc or the API can't do fails with
// [runtime.ErrUnsupported], what Podman itself refuses with [runtime.ErrInvalidSpec].
func translate(spec runtime.Spec, svc service, now time.Time) (*createRequest, error) {
	if len(spec.Passthrough) > 0 {
		names := make([]string, len(spec.Passthrough))
		for i, flag := range spec.Passthrough {
			names[i], _, _ = strings.Cut(flag, "=")
		}
		return nil, unsupported("%s: only runtime docker-cli takes it", strings.Join(names, ", "))
	}
	req := &createRequest{
		Name: spec.Name, Image: spec.Image, RawImageName: spec.Image,
		Command: spec.Args, Entrypoint: spec.Entrypoint,
		// As the CLI has it; what the service's own environment holds then goes in.
		HTTPProxy: !spec.NoProxy,
		WorkDir:   spec.Dir, User: spec.User, Groups: spec.GroupAdd, Hostname: spec.Hostname,
		Labels: spec.Labels, Annotations: map[string]string{},
		Stdin: true, Volatile: true, Init: spec.Init,
		Systemd: "true", SdNotifyMode: "container", StopTimeout: stopTimeout,
		SeccompPolicy: "default",
		ReadOnly:      spec.ReadOnly,
		CapAdd:        spec.CapAdd, CapDrop: spec.CapDrop,
		CgroupParent: spec.CgroupParent, Sysctl: spec.Sysctls,
	}
	if spec.NoSystemd {
		req.Systemd, req.SdNotifyMode = "false", "ignore"
	}
	req.Timeout = timeout(spec.Deadline, now)
	req.Remove = spec.AutoRemove
	if spec.Privileged {
		req.Privileged = new(true)
	}
	if spec.NoHealthcheck {
		req.Health = &healthConfig{Test: []string{"NONE"}}
	}
	// Older versions list what is false, too.
	if !svc.atLeast(4, 4) {
		req.Annotations[annotationTTY] = "false"
	}
	if slices.Contains(spec.GroupAdd, "keep-groups") {
		return nil, unsupported("group-add keep-groups: Podman's API does not take it")
	}
	setEnv(req, spec.Env)
	for _, step := range []func(*createRequest, runtime.Spec, service) error{
		setPlatform, setStopSignal, setLog, setMounts, setDevices, setNamespaces, setNetwork, setSecurity, setResources,
	} {
		if err := step(req, spec, svc); err != nil {
			return nil, err
		}
	}
	return req, nil
}

func unsupported(format string, args ...any) error {
	return &runtime.Error{Kind: runtime.ErrUnsupported, Runtime: Key, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return &runtime.Error{Kind: runtime.ErrInvalidSpec, Runtime: Key, Message: fmt.Sprintf(format, args...)}
}

// timeout gives the whole seconds after which Podman itself ends the container.
func timeout(deadline, now time.Time) uint {
	if deadline.IsZero() {
		return 0
	}
	left := max(deadline.Sub(now), 0) + timeoutGrace
	return uint(math.Ceil(left.Seconds()))
}

// setEnv takes bare names, which resolving has left without a value, as removals of
// what the image sets.
func setEnv(req *createRequest, entries []string) {
	for _, entry := range entries {
		name, value, ok := strings.Cut(entry, "=")
		if !ok {
			req.UnsetEnv = append(req.UnsetEnv, name)
			continue
		}
		if req.Env == nil {
			req.Env = make(map[string]string, len(entries))
		}
		req.Env[name] = value
	}
}

func setPlatform(req *createRequest, spec runtime.Spec, _ service) error {
	var err error
	req.ImageOS, req.ImageArch, req.ImageVariant, err = splitPlatform(spec.Platform)
	return err
}

// splitPlatform reads os/arch[/variant].
func splitPlatform(platform string) (os, arch, variant string, err error) {
	if platform == "" {
		return "", "", "", nil
	}
	parts := strings.Split(platform, "/")
	if len(parts) > 3 || slices.Contains(parts, "") {
		return "", "", "", invalid("platform: %q: takes os/arch[/variant]", platform)
	}
	parts = append(parts, "", "")
	return parts[0], parts[1], parts[2], nil
}

func setLog(req *createRequest, spec runtime.Spec, _ service) error {
	if spec.LogDriver == "" && len(spec.LogOpts) == 0 {
		return nil
	}
	if strings.HasPrefix(spec.LogDriver, "passthrough") {
		return unsupported("log-driver %s: Podman's API does not take it", spec.LogDriver)
	}
	log := &logConfig{Driver: spec.LogDriver}
	for key, value := range spec.LogOpts {
		switch strings.ToLower(key) {
		case "driver":
			log.Driver = value
		case "path":
			log.Path = value
		case "max-size":
			size, err := units.FromHumanSize(value)
			if err != nil {
				return invalid("log-opt: max-size=%s: takes a size such as 10m", value)
			}
			log.Size = size
		default:
			if log.Options == nil {
				log.Options = map[string]string{}
			}
			log.Options[key] = value
		}
	}
	req.Log = log
	return nil
}

func setDevices(req *createRequest, spec runtime.Spec, _ service) error {
	for _, d := range spec.Devices {
		req.Devices = append(req.Devices, device{Path: d.String()})
	}
	for _, gpus := range spec.GPUs {
		names, err := gpuNames(gpus)
		if err != nil {
			return err
		}
		for _, name := range names {
			req.Devices = append(req.Devices, device{Path: "nvidia.com/gpu=" + name})
		}
	}
	return nil
}

// gpuNames reads what docker's --gpus takes ("all", "2", "device=0,1", quoted or not)
// and gives CDI names.
func gpuNames(gpus string) ([]string, error) {
	var names []string
	isDevice := false
	for field := range strings.SplitSeq(strings.Trim(gpus, `"`), ",") {
		key, value, ok := strings.Cut(strings.Trim(field, `"`), "=")
		switch {
		case !ok && isDevice: // device=0,1
			names = append(names, key)
			continue
		case !ok:
			key, value = "count", key
		}
		isDevice = false
		switch key {
		case "device":
			isDevice = true
			names = append(names, value)
		case "count":
			if value == "all" || value == "-1" {
				names = append(names, "all")
				continue
			}
			var n int
			if _, err := fmt.Sscanf(value, "%d", &n); err != nil || n < 1 {
				return nil, invalid("gpus: %q: takes all, a number or device=...", gpus)
			}
			for i := range n {
				names = append(names, fmt.Sprint(i))
			}
		case "driver":
			if value != "nvidia" {
				return nil, unsupported("gpus: driver %q: only nvidia is known; name a CDI device with --device", value)
			}
		default:
			return nil, unsupported("gpus: %q: only all, a number and device=... can be told to Podman", gpus)
		}
	}
	if len(names) == 0 {
		names = []string{"all"}
	}
	return names, nil
}

func checkIPs(field string, values []string) error {
	for _, v := range values {
		if _, err := netip.ParseAddr(v); err != nil {
			return invalid("%s: %q: takes an IP address", field, v)
		}
	}
	return nil
}
