package runtime

import (
	"context"
	"fmt"
)

// PullPolicy says when an image is pulled.
type PullPolicy string

// The policies of `docker run --pull`. The zero value is PullMissing.
const (
	PullMissing PullPolicy = "missing" // when the engine does not have it
	PullAlways  PullPolicy = "always"  // before every call
	PullNever   PullPolicy = "never"
)

// ParsePullPolicy reads a policy's name; empty is [PullMissing].
func ParsePullPolicy(s string) (PullPolicy, error) {
	switch p := PullPolicy(s); p {
	case "":
		return PullMissing, nil
	case PullMissing, PullAlways, PullNever:
		return p, nil
	}
	return "", fmt.Errorf("%q is not a pull policy: it takes missing, always or never", s)
}

// Image describes an image that an engine has.
type Image struct {
	ID         string   // digest of its configuration, "sha256:..."
	Digests    []string // name@sha256:... under which registries know it
	Entrypoint []string
	Cmd        []string
	Env        []string // KEY=value
	User       string
	WorkingDir string
	Volumes    []string // directories that the image makes volumes of, sorted
	Platform   string   // os/arch[/variant]
	// Annotations are those of its manifest, which Podman gives to containers, so that an
	// OCI runtime may act on them. Docker has none.
	Annotations map[string]string
}

// ImageRequest names an image for [ImageStore].
type ImageRequest struct {
	Ref      string     // as docker spells it: name, name:tag, name@digest or an ID
	Platform string     // os/arch[/variant]; empty: the engine's own
	Pull     PullPolicy // empty: PullMissing
}

// ImageStore is implemented by a [Runtime] whose engine keeps images. [GetImage]
// finds it.
type ImageStore interface {
	// Image makes the image present as the policy asks and describes it. It fails
	// with [ErrImageMissing] when it may not pull, and with [ErrPullFailed] when the
	// pull did not work. Ending ctx ends the pull. Safe for concurrent use.
	Image(ctx context.Context, req ImageRequest) (Image, error)
}

// SpecChecker is implemented by a [Runtime] that can't express every Spec.
// [CheckSpec] finds it.
type SpecChecker interface {
	// CheckSpec says, without contacting the engine, why the runtime can't run
	// spec: an error of kind [ErrUnsupported] or [ErrInvalidSpec], or nil.
	CheckSpec(spec Spec) error
}

// RemoteTeller is implemented by a [Runtime] that knows where its engine is.
// [IsRemote] finds it.
type RemoteTeller interface {
	// Remote reports, without contacting it, whether the engine sees another
	// filesystem than this process (ssh, tcp).
	Remote() bool
}

// RemoteAsker is implemented by a [RemoteTeller] that has to run a program for its first
// answer, so that a call does not wait for it beyond its deadline.
type RemoteAsker interface {
	RemoteTeller
	// RemoteContext is Remote, and may say anything when ctx has ended.
	RemoteContext(ctx context.Context) bool
}

// Preparer is implemented by a [Runtime] that can get ready for calls ahead of them.
// [Prepare] finds it.
type Preparer interface {
	// Prepare returns when calls with spec will find what was got ready for them, or
	// why they will not. It does not pull. Safe for concurrent use.
	Prepare(ctx context.Context, spec Spec) error
}

// KeyTeller is implemented by a [Runtime] that has a name of its own. [KeyOf] finds it.
type KeyTeller interface {
	// RuntimeKey is the key of the runtime: docker-cli, docker-api, podman.
	RuntimeKey() string
}

// Unwrapper is implemented by a [Runtime] that wraps another one. The helpers of
// this package look through it.
type Unwrapper interface {
	Unwrap() Runtime
}

// GetImage calls the Image method of rt, or of the runtime that it wraps. Without
// one it fails with [ErrUnsupported].
func GetImage(ctx context.Context, rt Runtime, req ImageRequest) (Image, error) {
	s, ok := find[ImageStore](rt)
	if !ok {
		return Image{}, &Error{Kind: ErrUnsupported, Message: "this runtime keeps no images, so it can't pull " + req.Ref}
	}
	return s.Image(ctx, req)
}

// Prepare gets rt ready for calls with spec; a runtime that can't be got ready is.
func Prepare(ctx context.Context, rt Runtime, spec Spec) error {
	if p, ok := find[Preparer](rt); ok {
		return p.Prepare(ctx, spec)
	}
	return nil
}

// CheckSpec says why rt can't run spec, as far as that is known without contacting
// its engine.
func CheckSpec(rt Runtime, spec Spec) error {
	if err := spec.Validate(); err != nil {
		return err
	}
	if c, ok := find[SpecChecker](rt); ok {
		return c.CheckSpec(spec)
	}
	return nil
}

// IsRemote reports whether the engine of rt sees another filesystem than this
// process; false when rt does not say.
func IsRemote(rt Runtime) bool {
	t, ok := find[RemoteTeller](rt)
	return ok && t.Remote()
}

// isRemote is [IsRemote] within a call.
func isRemote(ctx context.Context, rt Runtime) bool {
	t, ok := find[RemoteTeller](rt)
	if a, asks := t.(RemoteAsker); asks {
		return a.RemoteContext(ctx)
	}
	return ok && t.Remote()
}

// KeyOf is the key of rt, or of the runtime that it wraps; empty when it does not say.
func KeyOf(rt Runtime) string {
	if t, ok := find[KeyTeller](rt); ok {
		return t.RuntimeKey()
	}
	return ""
}

func find[T any](rt Runtime) (T, bool) {
	for rt != nil {
		if t, ok := rt.(T); ok {
			return t, true
		}
		u, ok := rt.(Unwrapper)
		if !ok {
			break
		}
		rt = u.Unwrap()
	}
	var zero T
	return zero, false
}

// Info describes an engine.
type Info struct {
	Runtime           string // key of the runtime: docker-cli, docker-api, podman
	Engine            string // what answers: "docker" or "podman"
	Version           string // of the engine
	APIVersion        string // in use between us and the engine; empty: unknown
	ClientVersion     string // of a command line client; empty: there is none
	Endpoint          string // where it was found: unix:///run/docker.sock, ssh://...
	OS, Arch          string // as Go spells them: linux, amd64
	Rootless          bool
	CgroupVersion     int // 1 or 2; 0: unknown
	CgroupDriver      string
	LimitsEnforced    bool     // whether memory, cpu and pids limits hold for us on it
	UnenforcedLimits  []string // those that don't: some of memory, memory-swap, cpus, pids-limit
	OCIRuntimes       []string // sorted
	DefaultOCIRuntime string
	NoSeccomp         bool     // containers have no seccomp filter, unless their Spec names one
	Warnings          []string // what the engine itself warns of
}
