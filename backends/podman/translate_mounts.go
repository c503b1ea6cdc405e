package podman

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func setMounts(req *createRequest, spec runtime.Spec, svc service) error {
	if spec.ShmSize > 0 {
		req.ShmSize = new(spec.ShmSize)
	}
	for _, m := range spec.Mounts {
		if err := addMount(req, m, svc); err != nil {
			return err
		}
	}
	for _, t := range spec.Tmpfs {
		m := mount{Destination: path.Clean(t.Target), Type: "tmpfs", Source: "tmpfs"}
		if t.Options != "" {
			m.Options = strings.Split(t.Options, ",")
		}
		req.Mounts = append(req.Mounts, m)
	}
	if spec.ReadOnly {
		setReadOnly(req, svc)
	}
	return nil
}

// setReadOnly keeps the usual directories writable in a read-only container, as the
// CLI does. Services before 5.0 leave that to their client.
func setReadOnly(req *createRequest, svc service) {
	if svc.atLeast(5, 0) {
		req.RWTmpfs = true
		return
	}
	taken := map[string]bool{}
	for _, m := range req.Mounts {
		taken[m.Destination] = true
	}
	for _, v := range req.Volumes {
		taken[v.Dest] = true
	}
	for _, v := range req.ImageVolumes {
		taken[v.Destination] = true
	}
	for _, dir := range []string{"/tmp", "/var/tmp", "/run"} {
		if !taken[dir] {
			req.Mounts = append(req.Mounts, mount{
				Destination: dir, Type: "tmpfs", Source: "tmpfs",
				Options: []string{"rw", "rprivate", "nosuid", "nodev", "tmpcopyup"},
			})
		}
	}
}

func addMount(req *createRequest, m runtime.Mount, svc service) error {
	options, err := mountOptions(m)
	if err != nil {
		return err
	}
	target := path.Clean(m.Target)
	switch m.Type {
	case runtime.MountBind:
		req.Mounts = append(req.Mounts, mount{Destination: target, Type: "bind", Source: m.Source, Options: options.flags})
	case runtime.MountTmpfs:
		req.Mounts = append(req.Mounts, mount{Destination: target, Type: "tmpfs", Source: "tmpfs", Options: options.flags})
	case runtime.MountVolume:
		if options.subPath != "" && !svc.atLeast(5, 4) {
			return unsupported("mount %q: a volume's subpath needs Podman 5.4 or later; the service is %s", m.Redacted(), svc.version)
		}
		req.Volumes = append(req.Volumes, namedVolume{Name: m.Source, Dest: target, Options: options.flags, SubPath: options.subPath})
	case runtime.MountImage:
		if options.subPath != "" && !svc.atLeast(5, 1) {
			return unsupported("mount %q: an image's subpath needs Podman 5.1 or later; the service is %s", m.Redacted(), svc.version)
		}
		if m.Source == "" {
			return invalid("mount %q: an image mount needs a source", m.Redacted())
		}
		req.ImageVolumes = append(req.ImageVolumes, imageVolume{
			Source: m.Source, Destination: target, SubPath: options.subPath, ReadWrite: slices.Contains(options.flags, "rw"),
		})
	default:
		return unsupported("mount %q: Podman has no mounts of type %s", m.Redacted(), m.Type)
	}
	return nil
}

// options of a mount as Podman takes them.
type options struct {
	flags   []string
	subPath string
}

func mountOptions(m runtime.Mount) (options, error) {
	if m.Long {
		return longOptions(m)
	}
	var o options
	for _, option := range m.Options {
		switch option {
		case "consistent", "cached", "delegated":
			// They mean something on macOS only. Podman drops the last two and refuses the
			// first.
		default:
			o.flags = append(o.flags, option)
		}
	}
	return o, nil
}

// longOptions reads the fields of docker's --mount other than type, source and target.
func longOptions(m runtime.Mount) (options, error) {
	var o options
	var readonly string
	for _, field := range m.Options {
		key, value, hasValue := strings.Cut(field, "=")
		switch key = strings.ToLower(key); key {
		case "readonly", "ro":
			readonly = cmp.Or(strings.ToLower(value), "true")
		case "bind-propagation":
			o.flags = append(o.flags, strings.ToLower(value))
		case "bind-nonrecursive":
			if !hasValue || isTrue(value) {
				o.flags = append(o.flags, "bind")
			}
		case "bind-recursive":
			switch value {
			case "enabled": // as Podman mounts anyway
			case "disabled":
				o.flags = append(o.flags, "bind")
			default:
				return o, unsupported("mount %q: Podman has no bind-recursive=%s", m.Redacted(), value)
			}
		case "consistency":
		case "volume-nocopy":
			if !hasValue || isTrue(value) {
				o.flags = append(o.flags, "nocopy")
			}
		case "volume-subpath", "image-subpath":
			o.subPath = value
		case "tmpfs-size":
			o.flags = append(o.flags, "size="+value)
		case "tmpfs-mode":
			o.flags = append(o.flags, "mode="+value)
		default: // volume-driver, volume-label, volume-opt: for a volume that is yet to be made
			return o, unsupported("mount %q: Podman can't take %s in a mount; make the volume beforehand", m.Redacted(), key)
		}
	}
	switch {
	case isTrue(readonly):
		o.flags = append(o.flags, "ro")
	case readonly != "" && m.Type == runtime.MountImage:
		o.flags = append(o.flags, "rw")
	}
	return o, nil
}

// isTrue reads a boolean as docker does.
func isTrue(v string) bool {
	b, err := strconv.ParseBool(v)
	return err == nil && b
}
