package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/hostcheck"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// lookAround adds what the engine's answer, or this machine, says about a runtime.
func (d *diagnosis) lookAround(host hostcheck.Host, target Target) {
	add := func(more ...hostcheck.Finding) { d.Findings = append(d.Findings, more...) }
	kind := hostcheck.Docker
	if target.Key == "podman" || strings.Contains(target.DockerPath, "podman") {
		kind = hostcheck.Podman
	}
	if !d.Reachable {
		tried := socketIn(d.Error)
		if tried != "" {
			add(host.Permission(kind, strings.TrimPrefix(tried, "unix://"))...)
		}
		add(host.Others(kind, tried)...)
		if kind == hostcheck.Docker && target.Key == "docker-cli" && target.DockerPath == "" && lacks(host, "docker") && !lacks(host, "podman") {
			add(hostcheck.Finding{Level: hostcheck.Note, Message: "there is no docker command, but a podman command, which does as well",
				Do: "use --docker-path=podman, which is the key docker_path of a sandbox"})
		}
		if kind == hostcheck.Podman && isLocal(tried) {
			add(host.Rootless()...)
		}
		return
	}
	if !d.Info.LimitsEnforced {
		add(hostcheck.Finding{Level: hostcheck.Warning,
			Message: "calls that ask for memory, cpu or pids limits fail, as the engine can't enforce them",
			Do:      limitsAdvice(d.Info)})
	}
	for _, warning := range d.Info.Warnings {
		add(hostcheck.Finding{Level: hostcheck.Warning, Message: "the engine warns: " + strings.TrimSpace(warning), Do: warningAdvice(warning)})
	}
	if d.Info.Rootless && isLocal(d.Info.Endpoint) {
		add(host.Rootless()...)
	}
	if sandboxed := slices.IndexFunc(d.Info.OCIRuntimes, isSandboxed); sandboxed >= 0 {
		if name := d.Info.OCIRuntimes[sandboxed]; name != d.Info.DefaultOCIRuntime && target.Key != "podman" {
			add(hostcheck.Finding{Level: hostcheck.Note, Message: "the engine has the OCI runtime " + name + ", which keeps containers from the host's kernel",
				Do: "use --oci-runtime=" + name + ", which is the key oci_runtime of a sandbox, where that is worth more than speed"})
		}
	}
}

var socketRE = regexp.MustCompile(`unix://(/[^\s:";,]+)`)

// socketIn is the socket that an error is about; empty: none.
func socketIn(text string) string { return socketRE.FindString(text) }

// isLocal reports whether an engine runs on this machine, as far as its address says.
func isLocal(endpoint string) bool {
	return endpoint == "" || strings.HasPrefix(endpoint, "unix://") || strings.HasPrefix(endpoint, "/")
}

func lacks(host hostcheck.Host, command string) bool {
	_, err := host.LookPath(command)
	return err != nil
}

// isSandboxed reports whether an OCI runtime has a kernel of its own: gVisor's, or Kata's.
func isSandboxed(name string) bool {
	return strings.Contains(name, "runsc") || strings.Contains(name, "gvisor") || strings.Contains(name, "kata")
}

func limitsAdvice(i *engine) string {
	if i.CgroupVersion == 1 && i.Rootless {
		return "boot with systemd.unified_cgroup_hierarchy=1 for cgroups v2, use a rootful engine, or leave such limits out"
	}
	return "see that the kernel has the cgroup controllers memory, cpu and pids and that the engine may use them, or leave such limits out"
}

// warningAdvice is what to do about a warning of Docker's that has the words.
func warningAdvice(warning string) string {
	for _, known := range []struct{ words, do string }{
		{"swap limit", "memory_swap has no effect; boot with swapaccount=1 to have it"},
		{"blkio", "limits of block devices have no effect; calls that do not ask for them need nothing"},
		{"bridge-nf-call", "rules of iptables do not see traffic between containers; sysctl net.bridge.bridge-nf-call-iptables=1 changes that"},
		{"devicemapper", "give the engine the storage driver overlay2"},
		{"without encryption", "let the engine listen on a socket, or with TLS"},
		{"insecure", "let the engine listen on a socket, or with TLS"},
	} {
		if strings.Contains(strings.ToLower(warning), known.words) {
			return known.do
		}
	}
	return "see the engine's own documentation; calls work, but for what it names"
}

// imageDiagnosis is what an engine knows of an image, and whether calls will find what
// they need in it.
type imageDiagnosis struct {
	Ref      string `json:"ref"`
	Present  bool   `json:"present"`
	Usable   bool   `json:"usable"` // its containers start
	ID       string `json:"id,omitempty"`
	Platform string `json:"platform,omitempty"`
	User     string `json:"user,omitempty"`
	Shell    bool   `json:"shell"` // it has a /bin/sh, which warm starts need
	Millis   int64  `json:"start_ms,omitempty"`
}

func (i *imageDiagnosis) String() string {
	switch {
	case !i.Present:
		return "the image " + i.Ref + " is not there"
	case !i.Usable:
		return "the image " + i.Ref + " is there, but its containers don't start"
	case !i.Shell:
		return fmt.Sprintf("the image %s is there, for %s, as user %s, without /bin/sh", i.Ref, cmp.Or(i.Platform, "an unknown platform"), cmp.Or(i.User, "root"))
	}
	return fmt.Sprintf("the image %s is there, for %s, as user %s, with /bin/sh, which was started and had ended after %d ms",
		i.Ref, cmp.Or(i.Platform, "an unknown platform"), cmp.Or(i.User, "root"), i.Millis)
}

// examineImage looks at an image, and starts /bin/sh in it.
func (d *diagnosis) examineImage(ctx context.Context, rt runtime.Runtime, ref string) {
	d.Image = &imageDiagnosis{Ref: ref}
	add := func(level, message, do string) {
		d.Findings = append(d.Findings, hostcheck.Finding{Level: level, Message: message, Do: do})
	}
	img, err := runtime.GetImage(ctx, rt, runtime.ImageRequest{Ref: ref, Pull: runtime.PullNever})
	switch {
	case errors.Is(err, runtime.ErrImageMissing):
		add(hostcheck.Error, "the image "+ref+" is not there, so that the first call waits for its pull", "fetch it ahead: dockerrun pull, or the engine's own pull")
		return
	case err != nil:
		add(hostcheck.Error, err.Error(), "see that the name is right, and what the engine's own image inspect says")
		return
	}
	d.Image.Present = true
	d.Image.ID, d.Image.Platform, d.Image.User = img.ID, img.Platform, img.User
	began := time.Now()
	status, err := rt.Run(ctx, runtime.Spec{
		Image: ref, Entrypoint: []string{""}, Args: []string{"/bin/sh", "-c", "exit 0"}, Network: "none", Pull: runtime.PullNever,
	}, runtime.Stdio{})
	d.Image.Millis = time.Since(began).Milliseconds()
	switch {
	case err == nil && status.Code == 0:
		d.Image.Usable, d.Image.Shell = true, true
	case errors.Is(err, runtime.ErrCommandNotFound), errors.Is(err, runtime.ErrNotExecutable):
		d.Image.Usable = true
		add(hostcheck.Warning, "the image "+ref+" has no /bin/sh that can be executed, so that a warm sandbox of it (start: gate) starts each call cold",
			"use warm: {start: eager}, which needs no shell and suits commands that do nothing before they read their input; or an image with a shell")
	case err == nil:
		d.Image.Usable = true
		add(hostcheck.Warning, fmt.Sprintf("the /bin/sh of the image %s ends with status %d when it is told to exit 0", ref, status.Code), "use an image with a POSIX shell, or do without warm")
	default:
		add(hostcheck.Error, "a container of the image "+ref+" did not start: "+err.Error(), "see that the image is for this machine's platform, and that the engine can start any container")
	}
}
