package runtimetest

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/internal/gate"
)

// defaultPath is where docker and podman look for commands when the image has no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Image implements [runtime.ImageStore].
func (f *Fake) Image(ctx context.Context, req runtime.ImageRequest) (runtime.Image, error) {
	if !f.enter() {
		return runtime.Image{}, f.fail(runtime.ErrClosed, "")
	}
	defer f.running.Done()
	if err := runtime.ContextError(ctx, f.key(), false); err != nil {
		return runtime.Image{}, err
	}
	if req.Pull != runtime.PullAlways {
		if img, ok := f.image(req.Ref); ok {
			return img, nil
		}
		if req.Pull == runtime.PullNever {
			return runtime.Image{}, f.missing(req.Ref)
		}
	}
	if f.Pull == nil {
		return runtime.Image{}, f.fail(runtime.ErrPullFailed, req.Ref+": there is no registry")
	}
	img, err := f.Pull(ctx, req)
	if ended := runtime.ContextError(ctx, f.key(), false); ended != nil && err != nil {
		return runtime.Image{}, ended
	}
	if err != nil {
		return runtime.Image{}, f.wrap(runtime.ErrPullFailed, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pulled == nil {
		f.pulled = make(map[string]runtime.Image)
	}
	f.pulled[fullName(req.Ref)] = img
	return img, nil
}

// image looks an image up by its name, however that is spelled, or by its ID.
func (f *Fake) image(ref string) (runtime.Image, bool) {
	full := fullName(ref)
	f.mu.Lock()
	defer f.mu.Unlock()
	if img, ok := f.pulled[full]; ok {
		return img, true
	}
	for _, images := range []map[string]runtime.Image{f.pulled, f.Images} {
		for name, img := range images {
			if fullName(name) == full || (img.ID != "" && img.ID == ref) {
				return img, true
			}
		}
	}
	return runtime.Image{}, f.Images == nil
}

// fullName is a reference with its registry and tag.
func fullName(ref string) string {
	named, err := reference.ParseDockerRef(ref)
	if err != nil {
		return ref
	}
	return named.String()
}

func (f *Fake) missing(ref string) error {
	return f.fail(runtime.ErrImageMissing, "there is no image "+ref)
}

// prepare works out what process the spec makes of the image.
func (f *Fake) prepare(spec runtime.Spec) (*Process, Program, error) {
	img, ok := f.image(spec.Image)
	if !ok {
		return nil, nil, f.missing(spec.Image)
	}
	p := newProcess(spec)
	p.Env = processEnv(img.Env, spec.Env, cmp.Or(spec.Hostname, spec.Name))
	p.Dir = cmp.Or(spec.Dir, img.WorkingDir, "/")
	p.User = cmp.Or(spec.User, img.User, "root")
	p.Args = commandLine(img, spec)
	if len(p.Args) == 0 {
		return nil, nil, f.fail(runtime.ErrInvalidSpec, "there is no command: neither the spec nor the image has one")
	}
	program, ok := f.program(p.Args[0], p.Getenv("PATH"))
	if !ok && !f.NoShell && gate.IsCommand(p.Args) {
		program, ok = f.gate, true
	}
	switch {
	case !ok:
		return nil, nil, f.fail(runtime.ErrCommandNotFound, p.Args[0])
	case program == nil:
		return nil, nil, f.fail(runtime.ErrNotExecutable, p.Args[0])
	}
	return p, program, nil
}

func (f *Fake) program(name, dirs string) (Program, bool) {
	if program, ok := f.Programs[name]; ok || strings.Contains(name, "/") {
		return program, ok
	}
	for dir := range strings.SplitSeq(dirs, ":") {
		if program, ok := f.Programs[path.Join(dir, name)]; ok {
			return program, true
		}
	}
	return nil, false
}

// commandLine puts entrypoint and command together. A new entrypoint drops the
// image's command, as its arguments would mean nothing to it.
func commandLine(img runtime.Image, spec runtime.Spec) []string {
	entrypoint, args := img.Entrypoint, spec.Args
	if spec.Entrypoint != nil {
		entrypoint = spec.Entrypoint
	} else if len(args) == 0 {
		args = img.Cmd
	}
	if len(entrypoint) == 1 && entrypoint[0] == "" {
		entrypoint = nil
	}
	return slices.Concat(entrypoint, args)
}

// processEnv lays the spec's entries over the image's, and those over what an engine
// sets by itself. A bare name removes.
func processEnv(image, spec []string, hostname string) []string {
	var env []string
	set := func(entry string) {
		name, _, ok := strings.Cut(entry, "=")
		env = slices.DeleteFunc(env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
		if ok {
			env = append(env, entry)
		}
	}
	for _, entry := range slices.Concat([]string{"PATH=" + defaultPath, "HOME=/root", "HOSTNAME=" + hostname}, image, spec) {
		set(entry)
	}
	return env
}
