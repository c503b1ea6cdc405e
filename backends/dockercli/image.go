package dockercli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Image makes an image present and describes it, with `docker pull` and `docker image
// inspect`, so credential helpers work as in the shell. An image that is there for
// another platform than the one asked for counts as missing.
func (r *Runtime) Image(ctx context.Context, req runtime.ImageRequest) (runtime.Image, error) {
	if err := r.removals.Enter(Key); err != nil {
		return runtime.Image{}, err
	}
	defer r.removals.Done()
	// A reference is a word of an argv here: it must not be a flag.
	if err := (runtime.Spec{Image: req.Ref}).Validate(); err != nil {
		return runtime.Image{}, err
	}
	cl, err := r.find(ctx)
	if err != nil {
		return runtime.Image{}, err
	}
	if req.Pull != runtime.PullAlways {
		img, err := cl.inspectImage(ctx, req)
		if !errors.Is(err, runtime.ErrImageMissing) || req.Pull == runtime.PullNever {
			return img, err
		}
	}
	if err := cl.pull(ctx, req); err != nil {
		return runtime.Image{}, err
	}
	return cl.inspectImage(ctx, req)
}

func (cl *client) pull(ctx context.Context, req runtime.ImageRequest) error {
	args := cl.args("pull")
	progress := newPullLines(ctx, req.Ref)
	if cl.podman { // it tells its progress where others tell their errors
		args, progress = append(args, "--quiet"), nil
	}
	if req.Platform != "" {
		args = append(args, "--platform="+req.Platform)
	}
	err := cl.stream(ctx, progress, append(args, req.Ref)...)
	if err == nil {
		return nil
	}
	if ctxErr := runtime.ContextError(ctx, Key, false); ctxErr != nil {
		return ctxErr
	}
	var failed *commandError
	if errors.As(err, &failed) && classify(failed.text).kind == runtime.ErrUnavailable {
		return classify(failed.text).error(false)
	}
	return &runtime.Error{Kind: runtime.ErrPullFailed, Runtime: Key, Message: req.Ref, Err: err}
}

// imageRecord is what docker's and podman's `image inspect` agree on.
type imageRecord struct {
	ID           string `json:"Id"`
	RepoDigests  []string
	Os           string
	Architecture string
	Variant      string
	User         string            // podman
	Annotations  map[string]string // podman
	Config       struct {
		Entrypoint, Cmd, Env []string
		User, WorkingDir     string
		Volumes              map[string]struct{}
	}
}

func (cl *client) inspectImage(ctx context.Context, req runtime.ImageRequest) (runtime.Image, error) {
	out, err := cl.output(ctx, 0, cl.args("image", "inspect", req.Ref)...)
	if err != nil {
		return runtime.Image{}, engineError(ctx, err, runtime.ErrEngine)
	}
	img, err := parseImage(out)
	if err != nil {
		return runtime.Image{}, &runtime.Error{Kind: runtime.ErrEngine, Runtime: Key, Message: "image inspect " + req.Ref, Err: err}
	}
	if !samePlatform(req.Platform, img.Platform) {
		return runtime.Image{}, &runtime.Error{Kind: runtime.ErrImageMissing, Runtime: Key,
			Message: fmt.Sprintf("%s is there for %s and not for %s", req.Ref, img.Platform, req.Platform)}
	}
	return img, nil
}

func parseImage(out string) (runtime.Image, error) {
	var records []imageRecord
	if err := json.Unmarshal([]byte(out), &records); err != nil {
		return runtime.Image{}, err
	}
	if len(records) == 0 {
		return runtime.Image{}, errors.New("it describes no image")
	}
	rec := records[0]
	img := runtime.Image{
		ID: rec.ID, Digests: rec.RepoDigests, User: rec.Config.User, WorkingDir: rec.Config.WorkingDir,
		Entrypoint: rec.Config.Entrypoint, Cmd: rec.Config.Cmd, Env: rec.Config.Env,
		Volumes:  slices.Sorted(maps.Keys(rec.Config.Volumes)),
		Platform: rec.Os + "/" + rec.Architecture,
	}
	if len(rec.Annotations) > 0 {
		img.Annotations = rec.Annotations
	}
	if !strings.Contains(img.ID, ":") {
		img.ID = "sha256:" + img.ID // podman leaves it out
	}
	if img.User == "" {
		img.User = rec.User
	}
	if rec.Variant != "" {
		img.Platform += "/" + rec.Variant
	}
	return img, nil
}

// samePlatform reports whether an image for have does where want is asked for: what
// want leaves open is open.
func samePlatform(want, have string) bool {
	if want == "" {
		return true
	}
	w, h := strings.Split(strings.ToLower(want), "/"), strings.Split(strings.ToLower(have), "/")
	if len(w) == 1 { // an operating system or an architecture
		return w[0] == h[0] || len(h) > 1 && architecture(w[0]) == architecture(h[1])
	}
	for i := range min(len(w), len(h)) {
		if architecture(w[i]) != architecture(h[i]) {
			return false
		}
	}
	return true
}

// architecture gives Go's name for what the kernel calls it.
func architecture(name string) string {
	switch name {
	case "x86_64", "x86-64":
		return "amd64"
	case "aarch64":
		return "arm64"
	case "armv7l", "armhf":
		return "arm"
	case "i386", "i686":
		return "386"
	}
	return name
}
