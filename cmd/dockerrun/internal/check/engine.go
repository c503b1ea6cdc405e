package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// engines are those that sandboxes of the file have named, each asked once.
type engines struct {
	open    func(key, host, dockerPath string) (runtime.Runtime, error) // nil: none is asked
	timeout time.Duration
	known   map[[3]string]*engine
}

// engine is one of them.
type engine struct {
	rt     runtime.Runtime   // nil when it can't be opened
	calls  *runtime.Launcher // on rt, and closes it
	info   runtime.Info
	remote bool
	err    error // why it can't be used
}

func (e *engines) get(ctx context.Context, key, host, dockerPath string) *engine {
	id := [3]string{key, host, dockerPath}
	if known := e.known[id]; known != nil {
		return known
	}
	found := &engine{}
	if found.rt, found.err = e.open(key, host, dockerPath); found.err == nil {
		found.calls = runtime.NewLauncher(found.rt)
		found.remote = runtime.IsRemote(found.rt)
		ctx, cancel := e.within(ctx)
		defer cancel()
		found.info, found.err = found.rt.Info(ctx)
	}
	if e.known == nil {
		e.known = map[[3]string]*engine{}
	}
	e.known[id] = found
	return found
}

func (e *engines) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, e.timeout,
		fmt.Errorf("the engine did not answer within %s: %w", e.timeout, context.DeadlineExceeded))
}

func (e *engines) close() {
	for _, known := range e.known {
		if known.calls != nil {
			_ = known.calls.Close()
		}
	}
}

// engine finds the one that calls would use; nil when none is to be asked.
func (b *box) engine(ctx context.Context, engines *engines) *engine {
	if engines.open == nil {
		return nil
	}
	var first *engine
	var reasons []string
	for _, key := range b.config.Runtimes() {
		e := engines.get(ctx, key, b.config.Host, b.config.DockerPath)
		err := e.err
		if err == nil {
			err = runtime.CheckSpec(e.rt, b.spec)
		}
		if err == nil {
			return e
		}
		if first == nil {
			first = e
		}
		reasons = append(reasons, err.Error())
	}
	key := "runtime"
	if b.entry.Has("host") {
		key = "host"
	}
	b.say(Error, key, "engine", strings.Join(reasons, "; "))
	if first.err == nil { // it answers, and can't run this
		first = &engine{remote: first.remote, err: errors.New(reasons[0])}
	}
	return first
}

// onEngine looks at what only the engine knows.
func (b *box) onEngine(ctx context.Context, e *engine) {
	if asked := limits(b.spec.Resources); len(asked) > 0 && !e.info.LimitsEnforced && !b.isolation.Strict {
		b.say(Error, b.key(asked[0]), "limits", fmt.Sprintf("%s: the engine can't enforce limits, so that each call fails (rootless on cgroup v1 can't)", strings.Join(asked, ", ")))
		return // no container starts
	}
	if oci := b.spec.OCIRuntime; oci != "" && !strings.HasPrefix(oci, "/") && e.info.Engine == "docker" && !slices.Contains(e.info.OCIRuntimes, oci) {
		b.say(Error, b.key("oci_runtime"), "engine", fmt.Sprintf("oci_runtime: the engine has no %s; it has %s", oci, strings.Join(e.info.OCIRuntimes, ", ")))
		return
	}
	img, ok := b.image(ctx, e)
	around := runtime.Surroundings{Info: &e.info}
	if ok {
		around.Image = &img
	}
	if !b.isolate(around) || !ok {
		return
	}
	if !b.isolation.Strict && b.spec.User == "" && (img.User == "" || isRoot(img.User)) {
		b.say(Warning, "", "root", "the command runs as root, the image's user; set user")
	}
	if !e.remote && b.config.MountCheck != "off" {
		spec := b.spec
		spec.User = cmp.Or(spec.User, img.User)
		for i, m := range b.spec.Mounts {
			spec.Mounts = []runtime.Mount{m}
			for _, hint := range runtime.MountHints(spec, e.info) {
				b.say(Warning, b.mountKey(i), "mount", hint)
			}
		}
	}
	b.commands(ctx, e, img)
}

// isolate is Apply with what the engine has said, and reports whether a container can be
// started.
func (b *box) isolate(around runtime.Surroundings) bool {
	strict, _, err := b.isolation.Apply(b.said, around)
	if err == nil {
		b.spec = strict
		return true
	}
	faults, ok := errors.AsType[runtime.Weakenings](err)
	if !ok {
		b.say(Error, "", "isolation", err.Error())
	}
	for _, f := range faults {
		b.say(Error, "isolation", "isolation", "isolation: "+f.Message)
	}
	return false
}

// image looks the image up, and reports whether it is there.
func (b *box) image(ctx context.Context, e *engine) (runtime.Image, bool) {
	req := runtime.ImageRequest{Ref: b.spec.Image, Platform: b.spec.Platform, Pull: runtime.PullNever}
	short, cancel := context.WithTimeout(ctx, b.opts.Timeout)
	img, err := runtime.GetImage(short, e.rt, req)
	cancel()
	if errors.Is(err, runtime.ErrImageMissing) && b.opts.Pull && b.spec.Pull != runtime.PullNever {
		limit := b.config.PullTimeout
		if limit <= 0 {
			limit = runtime.DefaultPullTimeout
		}
		long, cancel := context.WithTimeout(ctx, limit)
		req.Pull = runtime.PullMissing
		img, err = runtime.GetImage(long, e.rt, req)
		cancel()
	}
	switch {
	case err == nil:
		return img, true
	case errors.Is(err, runtime.ErrUnsupported):
		return img, false // an engine without images
	case errors.Is(err, runtime.ErrImageMissing) && b.spec.Pull == runtime.PullNever:
		b.say(Error, "image", "image", "image: the engine does not have it, and pull: never keeps it from being fetched")
	case errors.Is(err, runtime.ErrImageMissing):
		b.say(Warning, "image", "image", "image: the engine does not have it, so the first calls wait for a pull, or run out of time; dockerrun pull fetches it ahead, check --pull does so now")
	default:
		b.say(Error, "image", "image", "image: "+err.Error())
	}
	return img, false
}
