package podman

import (
	"strconv"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Annotations that `podman run` adds beside the fields themselves; inspect shows
// them, and SecurityOpt is made of them.
const (
	annotationAppArmor = "io.podman.annotations.apparmor"
	annotationLabel    = "io.podman.annotations.label"
	annotationSeccomp  = "io.podman.annotations.seccomp"
	annotationUserNS   = "io.podman.annotations.userns"
	annotationPids     = "io.podman.annotations.pids-limit"
	annotationCpus     = "io.podman.annotations.cpuset"
	annotationMems     = "io.podman.annotations.memory-nodes"
	annotationTTY      = "io.kubernetes.cri-o.TTY"
	annotationContext  = "run.oci.mount_context_type"
)

func setSecurity(req *createRequest, spec runtime.Spec, _ service) error {
	for _, opt := range spec.SecurityOpts {
		// Docker's older spelling has a colon.
		key, value, hasValue := strings.Cut(opt, "=")
		if !hasValue {
			key, value, hasValue = strings.Cut(opt, ":")
		}
		switch key {
		case "no-new-privileges":
			on := true
			if hasValue {
				b, err := strconv.ParseBool(value)
				if err != nil {
					return invalid("security-opt: %q: takes no-new-privileges[=true|false]", opt)
				}
				on = b
			}
			req.NoNewPrivileges = &on
		case "apparmor":
			req.AppArmor = value
			req.Annotations[annotationAppArmor] = value
		case "seccomp":
			req.SeccompProfile = value
			req.Annotations[annotationSeccomp] = value
		case "label":
			if value == "nested" {
				setLabelNested(req)
				continue
			}
			req.SelinuxOpts = append(req.SelinuxOpts, value)
			req.Annotations[annotationLabel] = strings.Join(req.SelinuxOpts, ",label=")
		case "mask":
			req.Mask = append(req.Mask, strings.Split(value, ":")...)
		case "unmask":
			req.Unmask = append(req.Unmask, strings.Split(value, ":")...)
		case "systempaths":
			if value != "unconfined" {
				return invalid("security-opt: %q: systempaths takes unconfined", opt)
			}
			req.Unmask = append(req.Unmask, "ALL")
		case "proc-opts":
			req.ProcOpts = strings.Split(value, ",")
		default:
			return unsupported("security-opt %q: Podman has no such option", opt)
		}
	}
	return nil
}

// setLabelNested lets a container label the files of those that it runs itself.
func setLabelNested(req *createRequest) {
	req.LabelNested = new(true)
	req.Unmask = append(req.Unmask, "/sys/fs/selinux", "/proc")
	req.Mounts = append(req.Mounts, mount{Source: "/sys/fs/selinux", Destination: "/sys/fs/selinux", Type: "bind"})
	req.Annotations[annotationContext] = "rootcontext"
}
