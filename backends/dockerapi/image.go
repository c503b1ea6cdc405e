package dockerapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/cli/cli/config/types"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// dockerHub is the key of Docker Hub's credentials.
const dockerHub = "https://index.docker.io/v1/"

// Image makes an image present, pulling it with the credentials of docker's
// configuration where the policy asks for that; see [runtime.ImageStore].
func (r *Runtime) Image(ctx context.Context, req runtime.ImageRequest) (runtime.Image, error) {
	if err := r.removals.Enter(Key); err != nil {
		return runtime.Image{}, err
	}
	defer r.removals.Done()
	policy, err := runtime.ParsePullPolicy(string(req.Pull))
	if err != nil {
		return runtime.Image{}, invalid("pull", string(req.Pull), err.Error())
	}
	if req.Platform == "" {
		req.Platform = r.defaultPlatform
	}
	if err := r.negotiate(ctx); err != nil {
		return runtime.Image{}, r.imageError(ctx, err)
	}
	if policy != runtime.PullAlways {
		img, err := r.inspect(ctx, req)
		if policy == runtime.PullNever || !errors.Is(err, runtime.ErrImageMissing) {
			return img, err
		}
	}
	if err := r.pull(ctx, req); err != nil {
		return runtime.Image{}, err
	}
	return r.inspect(ctx, req)
}

// inspect describes an image that the engine has.
func (r *Runtime) inspect(ctx context.Context, req runtime.ImageRequest) (runtime.Image, error) {
	info, err := r.cli.ImageInspect(ctx, req.Ref)
	switch {
	case cerrdefs.IsNotFound(err):
		return runtime.Image{}, &runtime.Error{Kind: runtime.ErrImageMissing, Runtime: Key, Message: "the engine does not have " + req.Ref}
	case err != nil:
		return runtime.Image{}, r.imageError(ctx, err)
	}
	img := runtime.Image{
		ID:       info.ID,
		Digests:  info.RepoDigests,
		Platform: path.Join(info.Os, info.Architecture, info.Variant),
	}
	if c := info.Config; c != nil {
		img.Entrypoint, img.Cmd, img.Env, img.User, img.WorkingDir = c.Entrypoint, c.Cmd, c.Env, c.User, c.WorkingDir
		img.Volumes = slices.Sorted(maps.Keys(c.Volumes))
	}
	ok, err := samePlatform(req.Platform, info.Os, info.Architecture, info.Variant)
	if err != nil {
		return runtime.Image{}, invalid("platform", req.Platform, err.Error())
	}
	if !ok {
		return runtime.Image{}, &runtime.Error{Kind: runtime.ErrImageMissing, Runtime: Key,
			Message: fmt.Sprintf("the engine has %s for %s only, not for %s", req.Ref, img.Platform, req.Platform)}
	}
	return img, nil
}

// pull has the engine pull an image, and reads its progress to the end, where errors
// are.
func (r *Runtime) pull(ctx context.Context, req runtime.ImageRequest) error {
	ref, err := reference.ParseAnyReference(req.Ref)
	if err != nil {
		return invalid("image", req.Ref, err.Error())
	}
	named, ok := ref.(reference.Named)
	if !ok {
		return &runtime.Error{Kind: runtime.ErrImageMissing, Runtime: Key, Message: "the engine does not have " + req.Ref + ", and an ID can't be pulled"}
	}
	auth, err := r.registryAuth(ctx, req.Ref, reference.Domain(named))
	if err != nil {
		return err
	}
	progress, err := r.cli.ImageCreate(ctx, reference.FamiliarString(reference.TagNameOnly(named)),
		image.CreateOptions{RegistryAuth: auth, Platform: req.Platform})
	if err == nil {
		defer progress.Close()
		err = pullOutcome(progress, req.Ref, runtime.ContextTrace(ctx).PullProgress)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return runtime.ContextError(ctx, Key, false)
	case unreachable(err): // in the middle of the pull, too
		return classify(err, r.raw.host, "")
	}
	return pullFailed(req.Ref, err)
}

// pullOutcome reads the engine's messages about a pull, and reports what they say of its
// layers.
func pullOutcome(progress io.Reader, ref string, report func(runtime.PullProgress)) error {
	for dec := json.NewDecoder(progress); ; {
		var m struct {
			ID     string `json:"id"`
			Status string `json:"status"`
			Detail struct {
				Current int64 `json:"current"`
				Total   int64 `json:"total"`
			} `json:"progressDetail"`
			Error       string `json:"error"`
			ErrorDetail *struct {
				Message string `json:"message"`
			} `json:"errorDetail"`
		}
		err := dec.Decode(&m)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the engine's progress: %w", err)
		case m.ErrorDetail != nil && m.ErrorDetail.Message != "":
			return errors.New(m.ErrorDetail.Message)
		case m.Error != "":
			return errors.New(m.Error)
		}
		if m.ID != "" && !strings.HasPrefix(m.Status, "Pulling from ") { // whose ID is the tag
			report(runtime.PullProgress{Ref: ref, Layer: m.ID, Status: m.Status,
				Current: max(m.Detail.Current, 0), Total: max(m.Detail.Total, 0)})
		}
	}
}

// registryAuth looks up the credentials for the registry of ref. That may run a credential
// helper, which can hang, as one does that asks a person: then ctx's end is that of the
// wait for it.
func (r *Runtime) registryAuth(ctx context.Context, ref, domain string) (string, error) {
	if domain == "docker.io" || domain == "index.docker.io" {
		domain = dockerHub
	}
	auth, err := call.Answer(ctx, func() (types.AuthConfig, error) { return r.file.GetAuthConfig(domain) })
	if err != nil {
		if ended, ok := errors.AsType[*runtime.Error](runtime.ContextError(ctx, Key, false)); ok {
			ended.Message = "asking for the credentials for " + domain
			return "", ended
		}
		return "", pullFailed(ref, fmt.Errorf("the credentials for %s can't be read: %w", domain, err))
	}
	header, err := registry.EncodeAuthConfig(registry.AuthConfig{
		Username:      auth.Username,
		Password:      auth.Password,
		Auth:          auth.Auth,
		ServerAddress: auth.ServerAddress,
		IdentityToken: auth.IdentityToken,
		RegistryToken: auth.RegistryToken,
	})
	if err != nil {
		return "", pullFailed(ref, err)
	}
	return header, nil
}

func pullFailed(ref string, err error) error {
	text := strings.TrimPrefix(err.Error(), "Error response from daemon: ")
	switch lower := strings.ToLower(text); {
	case strings.Contains(lower, "unauthorized"), strings.Contains(lower, "authentication required"),
		strings.Contains(lower, "no basic auth credentials"), strings.Contains(lower, "denied"):
		text = "the registry asks for other credentials than docker's configuration has for it (see docker login), or has no such image: " + text
	case strings.Contains(lower, "manifest unknown"), strings.Contains(lower, "not found"):
		text = "the registry has no such image: " + text
	}
	return &runtime.Error{Kind: runtime.ErrPullFailed, Runtime: Key, Message: ref + ": " + text}
}

func (r *Runtime) imageError(ctx context.Context, err error) error {
	if ended := runtime.ContextError(ctx, Key, false); ended != nil {
		return ended
	}
	return r.failure(err, false, "")
}
