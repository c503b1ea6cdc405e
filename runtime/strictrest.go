package runtime

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// hasBuiltinSeccomp reports whether seccomp=builtin is the engine's own profile, as with
// Docker 23 and later; before, and with Podman, it is a file. An engine that is not known
// yet is given the benefit of the doubt until it is.
func (i *Info) hasBuiltinSeccomp() bool {
	switch {
	case i == nil:
		return true
	case i.Engine == enginePodman:
		return false
	case i.ClientVersion == "": // the API has the engine read it, which knows no files
		return true
	}
	major, _, _ := strings.Cut(i.ClientVersion, ".")
	n, err := strconv.Atoi(major)
	return err == nil && n >= 23
}

// logsElsewhere judges, where logs are allowed, those that leave the engine's own place.
func (s *strict) logsElsewhere() {
	if !s.allows(allowLogs) {
		return // refused as it is
	}
	local := []string{"", "none", "local", "json-file", "k8s-file", "journald", "syslog", "passthrough"}
	if d := s.spec.LogDriver; !slices.Contains(local, d) {
		s.refuse(allowNetwork, "log-driver", d, "can send what the command answers anywhere")
	}
	for _, name := range slices.Sorted(maps.Keys(s.spec.LogOpts)) {
		switch {
		case name == "path" || name == "driver":
			s.refuse(allowHostPaths, "log-opt", name, "has the engine write to a file of the host's")
		case strings.Contains(name, "address") || strings.Contains(name, "url"):
			s.refuse(allowNetwork, "log-opt", name, "can send what the command answers anywhere")
		}
	}
}

// nvidia keeps NVIDIA's OCI runtime, which goes by the environment, from handing in GPUs.
// That it takes void for none is from its documentation.
func (s *strict) nvidia() {
	const devices = "NVIDIA_VISIBLE_DEVICES"
	switch in := s.around.Info; {
	case s.allows(allowDevices):
	case strings.Contains(s.spec.OCIRuntime, "nvidia"):
		s.refuse(allowDevices, "runtime", s.spec.OCIRuntime, "hands in devices of the host")
	case in != nil && s.spec.OCIRuntime == "" && strings.Contains(in.DefaultOCIRuntime, "nvidia") && !slices.Contains(s.spec.Env, devices+"=void"):
		s.spec.Env = append(slices.Clip(s.spec.Env), devices+"=void")
		s.set("env", devices+"=void", "the engine's OCI runtime hands in GPUs that the image asks for")
	}
}

// inertAnnotations begin the names of annotations that describe an image, and that neither
// engines nor OCI runtimes act on.
var inertAnnotations = []string{
	"org.opencontainers.", "org.label-schema.", "org.artifacthub.", "io.artifacthub.", "io.buildah.", "com.docker.", "com.github.", "dev.sigstore.", "dev.chainguard.", "vnd.docker.",
}

// annotations: crun takes a seccomp filter from one, for an example.
func (s *strict) annotations() {
	if s.around.Image == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(s.around.Image.Annotations)) {
		if !slices.ContainsFunc(inertAnnotations, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			s.refuse(allowOtherFlags, "image", s.spec.Image, "has the annotation "+strconv.Quote(name)+", on which an OCI runtime may act")
		}
	}
}
