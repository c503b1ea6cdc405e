package runtime

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/distribution/reference"
)

// saysUTF8: engines take requests as JSON, and replace other bytes without a word.
const saysUTF8 = "takes UTF-8: no engine hands other bytes to a command unaltered; use stdin for them"

// nameRE is what Docker and Podman both take as a container's name.
var nameRE = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// imageIDRE is an image's ID, whole or shortened, which is no reference.
var imageIDRE = regexp.MustCompile(`^(sha256:)?[0-9a-f]{64}$`)

// Validate checks what can be checked without an engine or the host's files. It
// returns the first fault as an [*Error] of kind [ErrInvalidSpec] that names the
// field, what it holds and what it takes.
func (s Spec) Validate() error {
	if all := s.Faults(); len(all) > 0 {
		return all[0]
	}
	return nil
}

// Faults are all that Validate can find, in its order.
func (s Spec) Faults() []error {
	var all []error
	add := func(err error) {
		if err != nil {
			all = append(all, err)
		}
	}
	add(validateImage(s.Image))
	if s.Name != "" && !nameRE.MatchString(s.Name) {
		add(invalid("name", s.Name, "takes letters, digits, _, . and -, and starts with a letter or digit"))
	}
	for i, arg := range s.Args {
		if strings.ContainsRune(arg, 0) {
			add(invalid(fmt.Sprintf("args[%d]", i), arg, "can't hold a NUL byte"))
		}
		if !utf8.ValidString(arg) {
			add(invalid(fmt.Sprintf("args[%d]", i), arg, saysUTF8))
		}
	}
	if len(s.Args) > 0 && s.Args[0] == "" && len(s.Entrypoint) == 0 {
		add(invalid("command", "", "is empty: it takes a program to run"))
	}
	if len(s.Entrypoint) > 1 {
		add(invalid("entrypoint", strings.Join(s.Entrypoint, " "), "takes one word; put its arguments into the command's"))
	}
	if s.Dir != "" && !path.IsAbs(s.Dir) {
		add(invalid("workdir", s.Dir, "takes an absolute path in the container"))
	}
	validateEnv(s.Env, add)
	if _, err := ParsePullPolicy(string(s.Pull)); err != nil {
		add(invalid("pull", string(s.Pull), "takes missing, always or never"))
	}
	for i, group := range s.GroupAdd {
		if group == "" || strings.ContainsAny(group, ",\"'\r\n\x00") { // Podman's command line would read more out of it
			add(invalid(fmt.Sprintf("group-add[%d]", i), group, "takes a group's name or number"))
		}
	}
	validateTargets(s.Mounts, s.Tmpfs, add)
	s.Resources.validate(add)
	return all
}

func validateImage(ref string) error {
	if ref == "" {
		return invalid("image", ref, "is required")
	}
	if imageIDRE.MatchString(ref) {
		return nil
	}
	if _, err := reference.ParseAnyReference(ref); err != nil {
		return invalid("image", ref, "takes name[:tag][@digest] or an image ID ("+err.Error()+")")
	}
	return nil
}

func validateEnv(env []string, add func(error)) {
	for i, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		switch field := fmt.Sprintf("env[%d]", i); {
		case name == "":
			add(invalid(field, "=...", "takes NAME=value or NAME; the name is empty"))
		case strings.ContainsRune(entry, 0):
			add(invalid(field, name, "can't hold a NUL byte"))
		case !utf8.ValidString(entry):
			add(invalid(field, name, saysUTF8))
		}
	}
}

func (r Resources) validate(add func(error)) {
	for _, c := range []struct {
		field string
		value int64
	}{
		{"memory", r.Memory}, {"memory-reservation", r.MemoryReservation},
		{"cpus", r.NanoCPUs}, {"cpu-shares", r.CPUShares}, {"cpu-period", r.CPUPeriod},
	} {
		if c.value < 0 {
			add(invalid(c.field, fmt.Sprint(c.value), "can't be negative"))
		}
	}
	if r.MemorySwap < -1 {
		add(invalid("memory-swap", fmt.Sprint(r.MemorySwap), "takes a size, or -1 for no limit"))
	}
	if r.MemorySwap > 0 && r.Memory == 0 {
		add(invalid("memory-swap", fmt.Sprint(r.MemorySwap), "needs memory to be set too"))
	}
	if r.MemorySwap > 0 && r.MemorySwap < r.Memory {
		add(invalid("memory-swap", fmt.Sprint(r.MemorySwap), "is memory plus swap, so it can't be less than memory"))
	}
	if r.PidsLimit < -1 {
		add(invalid("pids-limit", fmt.Sprint(r.PidsLimit), "takes a number of processes, or -1 for no limit"))
	}
	if v := r.MemorySwappiness; v != nil && (*v < 0 || *v > 100) {
		add(invalid("memory-swappiness", fmt.Sprint(*v), "takes 0 to 100"))
	}
	if r.NanoCPUs > 0 && (r.CPUPeriod > 0 || r.CPUQuota > 0) {
		add(invalid("cpus", fmt.Sprint(float64(r.NanoCPUs)/1e9), "can't be combined with cpu-period or cpu-quota"))
	}
	if v := r.OOMScoreAdj; v < -1000 || v > 1000 {
		add(invalid("oom-score-adj", fmt.Sprint(v), "takes -1000 to 1000"))
	}
}

// validateTargets refuses two mounts at one place, which engines report late and in
// different words.
func validateTargets(mounts []Mount, tmpfs []Tmpfs, add func(error)) {
	seen := make(map[string]string, len(mounts)+len(tmpfs))
	check := func(field, text, target string) {
		clean := path.Clean(target)
		first, dup := seen[clean]
		switch {
		case !path.IsAbs(target):
			add(invalid(field, text, "takes an absolute path in the container"))
		case clean == "/":
			add(invalid(field, text, "can't replace the container's root directory"))
		case dup:
			add(invalid(field, text, fmt.Sprintf("mounts %s a second time (first by %q)", clean, first)))
		default:
			seen[clean] = text
		}
	}
	for i, m := range mounts {
		if err := m.validate(); err != nil {
			add(err)
			continue
		}
		check(fmt.Sprintf("mounts[%d]", i), m.Redacted(), m.Target)
	}
	for i, t := range tmpfs {
		check(fmt.Sprintf("tmpfs[%d]", i), t.String(), t.Target)
	}
}

// invalid says that field holds got, and what it takes.
func invalid(field, got, takes string) *Error {
	return &Error{Kind: ErrInvalidSpec, Message: fmt.Sprintf("%s: %q: %s", field, shorten(got), takes)}
}

// shorten keeps a message readable whatever the value was.
func shorten(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}
