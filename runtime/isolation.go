package runtime

import (
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// Isolation says what a [Launcher] adds to a Spec before it runs it, and what it
// refuses in one. The zero value does neither: the container is what the Spec says.
type Isolation struct {
	// Strict gives the command no more than a command needs: see docs/isolation.md. What
	// a Spec says itself holds, but for what weakens the isolation.
	Strict bool
	// Allow names what Strict lets a Spec weaken; see [Allowances].
	Allow []string
	// RequireDigest refuses an image that is not named by its content: it takes
	// name@sha256:... and an image ID.
	RequireDigest bool
}

// The names of isolations.
const (
	IsolationEngine = "engine" // the zero Isolation
	IsolationStrict = "strict"
)

// ParseIsolation reads engine (or nothing) and strict, and the names under allow.
func ParseIsolation(name string, allow []string) (Isolation, error) {
	i := Isolation{Strict: name == IsolationStrict, Allow: allow}
	if name != "" && name != IsolationEngine && !i.Strict {
		return i, invalid("isolation", name, "takes engine or strict")
	}
	return i, i.checkAllow()
}

// checkAllow refuses names that allow nothing.
func (i Isolation) checkAllow() error {
	if len(i.Allow) > 0 && !i.Strict {
		return invalid("allow", strings.Join(i.Allow, ", "), "needs isolation strict: there is nothing to allow without it")
	}
	for n, name := range i.Allow {
		if !slices.ContainsFunc(allowances, func(a Allowance) bool { return a.Name == name }) {
			return invalid(fmt.Sprintf("allow[%d]", n), name, "takes one of "+strings.Join(allowanceNames(), ", "))
		}
	}
	return nil
}

// Setting is one thing that strict isolation made of a Spec.
type Setting struct {
	Name  string // of the `docker run` flag, without dashes
	Value string
	Why   string
}

// Surroundings are what is known of where a Spec will run. Nil is what is not known.
type Surroundings struct {
	Info  *Info
	Image *Image
}

// Weakenings are all that strict isolation refuses in a Spec: to errors.Is each of
// them is [ErrInvalidSpec], or [ErrUnsupported] when the engine lacks something.
type Weakenings []*Error

// Error gives one line for each.
func (w Weakenings) Error() string {
	lines := make([]string, len(w))
	for i, e := range w {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap makes each visible to errors.Is and errors.As.
func (w Weakenings) Unwrap() []error {
	out := make([]error, len(w))
	for i, e := range w {
		out[i] = e
	}
	return out
}

// Apply gives spec as it will be run, what was added to it and why. The error is a
// [Weakenings] with all that is refused. It looks at nothing but its arguments: what the
// engine and the image have to do with it is left out as long as they are not known, and where
// symlinks lead is for [CheckStrictMounts]. Sources of mounts should be absolute.
// Applied to what it gave, it changes nothing any more.
func (i Isolation) Apply(spec Spec, around Surroundings) (Spec, []Setting, error) {
	var faults Weakenings
	if i.RequireDigest && !hasDigest(spec.Image) {
		faults = append(faults, invalid("image", spec.Image, "has no digest, which require_digest demands: it takes name@sha256:... or an image ID"))
	}
	var settings []Setting
	if i.Strict {
		s := &strict{spec: spec.clone(), around: around, allow: i.Allow}
		s.apply()
		spec, settings = s.spec, s.settings
		faults = append(faults, s.faults...)
	}
	if len(faults) > 0 {
		return spec, settings, faults
	}
	return spec, settings, nil
}

// hasDigest reports whether ref says what the image's content is.
func hasDigest(ref string) bool {
	if imageIDRE.MatchString(ref) {
		return true
	}
	named, err := reference.ParseAnyReference(ref)
	if err != nil {
		return false
	}
	_, ok := named.(reference.Digested)
	return ok
}

// strict makes a Spec strict.
type strict struct {
	spec     Spec
	around   Surroundings
	allow    []string
	settings []Setting
	faults   Weakenings
}

func (s *strict) apply() {
	// These are changed in place, and are the caller's.
	s.spec.Mounts, s.spec.Tmpfs = slices.Clone(s.spec.Mounts), slices.Clone(s.spec.Tmpfs)
	for _, step := range []func(){
		s.network, s.namespaces, s.privileges, s.securityOpts, s.user, s.root, s.mounts, s.tmpfs, s.limits, s.logs, s.logsElsewhere, s.devices, s.rest,
		s.unenforced, s.userNS,
	} {
		step()
	}
}

func (s *strict) allows(name string) bool { return slices.Contains(s.allow, name) }

// set records what was set.
func (s *strict) set(name, value, why string) {
	s.settings = append(s.settings, Setting{Name: name, Value: value, Why: why})
}

// refuse records a weakening, unless it is allowed.
func (s *strict) refuse(allowance, field, got, what string) {
	if !s.allows(allowance) {
		s.faults = append(s.faults, refusal(allowance, field, got, what))
	}
}

func refusal(allowance, field, got, what string) *Error {
	return invalid(field, got, what+"; isolation strict takes that only with allow: ["+allowance+"]")
}
