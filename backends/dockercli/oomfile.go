package dockercli

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// oomFile is what Podman's monitor leaves in the directory that it was started in, when
// the kernel has killed a process of the container for want of memory. Podman's event
// log does not say it, and the container's record goes with the container.
const oomFile = "oom"

// oomDir makes an empty directory for a command line to run in, so that an oomFile says
// something about this call, and does not lie about in the working directory. Empty:
// there is no need, or the command line has to resolve a relative path.
func (cl *client) oomDir(spec runtime.Spec) string {
	// Without a limit of its own a container does not run out of memory alone.
	if !cl.podman || spec.Memory == 0 || len(spec.Passthrough) > 0 {
		return ""
	}
	for _, m := range spec.Mounts {
		if m.Type == runtime.MountBind && !filepath.IsAbs(m.Source) {
			return ""
		}
	}
	for _, o := range spec.SecurityOpts {
		if name, value, _ := strings.Cut(strings.Replace(o, ":", "=", 1), "="); name == "seccomp" && !filepath.IsAbs(value) && value != "unconfined" {
			return ""
		}
	}
	dir, err := os.MkdirTemp("", "dockerrun-")
	if err != nil {
		return ""
	}
	return dir
}

// takeOOMDir reports whether there is an oomFile, and removes the directory.
func takeOOMDir(dir string) bool {
	if dir == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(dir, oomFile))
	_ = os.RemoveAll(dir) // nothing is lost with what can't be removed
	return err == nil
}
