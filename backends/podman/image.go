package podman

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Image makes the image present as the policy asks; see [runtime.ImageStore]. Names
// without a registry are Podman's to resolve: its own localhost/ images first, then
// the short names and search registries of the service's registries.conf.
func (r *Runtime) Image(ctx context.Context, req runtime.ImageRequest) (runtime.Image, error) {
	policy, err := runtime.ParsePullPolicy(string(req.Pull))
	if err != nil {
		return runtime.Image{}, invalid("pull: %s", err)
	}
	if _, _, _, err := splitPlatform(req.Platform); err != nil {
		return runtime.Image{}, err
	}
	c, err := r.connect(ctx)
	if err != nil {
		return runtime.Image{}, err
	}
	if policy != runtime.PullAlways {
		img, err := c.image(ctx, req.Ref, req.Platform)
		switch {
		case err == nil:
			return img, nil
		case !errors.Is(err, runtime.ErrImageMissing) && !isGone(err):
			return runtime.Image{}, r.failure(ctx, c, err, doingImage, false)
		case policy == runtime.PullNever:
			return runtime.Image{}, r.failure(ctx, c, err, doingImage, false)
		}
	}
	header, err := credentials(ctx, req.Ref)
	if err != nil {
		return runtime.Image{}, err
	}
	id, err := c.pull(ctx, req.Ref, req.Platform, header)
	if err != nil {
		return runtime.Image{}, r.failure(ctx, c, err, "pulling "+req.Ref, false)
	}
	img, err := c.image(ctx, cmp.Or(id, req.Ref), "")
	if err != nil {
		return runtime.Image{}, r.failure(ctx, c, err, doingImage, false)
	}
	return img, nil
}

// image describes an image that the service has. One of another platform than asked
// for is missing.
func (c *conn) image(ctx context.Context, ref, platform string) (runtime.Image, error) {
	var body struct {
		ID           string `json:"Id"`
		RepoDigests  []string
		Os           string
		Architecture string
		Variant      string
		User         string
		Annotations  map[string]string
		Config       struct {
			Entrypoint []string
			Cmd        []string
			Env        []string
			WorkingDir string
			User       string
			Volumes    map[string]struct{}
		}
	}
	if err := c.call(ctx, http.MethodGet, "/images/"+url.PathEscape(ref)+"/json", nil, nil, &body); err != nil {
		return runtime.Image{}, err
	}
	img := runtime.Image{
		ID: "sha256:" + strings.TrimPrefix(body.ID, "sha256:"), Digests: body.RepoDigests,
		Entrypoint: body.Config.Entrypoint, Cmd: body.Config.Cmd, Env: body.Config.Env,
		User: cmp.Or(body.Config.User, body.User), WorkingDir: body.Config.WorkingDir,
		Volumes:     slices.Sorted(maps.Keys(body.Config.Volumes)),
		Platform:    strings.TrimSuffix(body.Os+"/"+body.Architecture+"/"+body.Variant, "/"),
		Annotations: body.Annotations,
	}
	if !samePlatform(platform, img.Platform) {
		return runtime.Image{}, &runtime.Error{
			Kind: runtime.ErrImageMissing, Runtime: Key,
			Message: fmt.Sprintf("the service has %s for %s, and not for %s", ref, img.Platform, platform),
		}
	}
	return img, nil
}

func (c *conn) checkPlatform(ctx context.Context, ref, platform string) error {
	_, err := c.image(ctx, ref, platform)
	return err
}

// samePlatform compares what want says; a part that it does not say fits.
func samePlatform(want, have string) bool {
	if want == "" {
		return true
	}
	haveParts := strings.Split(have, "/")
	for i, part := range strings.Split(want, "/") {
		if i >= len(haveParts) {
			// Images for arm64 seldom say that they are of v8.
			return part == "v8"
		}
		if part != haveParts[i] {
			return false
		}
	}
	return true
}

// pull fetches the image and gives its ID. The answer is a stream of JSON objects,
// and its status is 200 even if the pull failed: the last object then says so.
func (c *conn) pull(ctx context.Context, ref, platform string, header http.Header) (string, error) {
	query := url.Values{"reference": {ref}, "policy": {"always"}}
	os, arch, variant, err := splitPlatform(platform)
	if err != nil {
		return "", err
	}
	for key, value := range map[string]string{"OS": os, "Arch": arch, "Variant": variant} {
		if value != "" {
			query.Set(key, value)
		}
	}
	res, err := c.send(ctx, http.MethodPost, "/images/pull", query, header, nil)
	if err != nil {
		if answered(err) {
			return "", pullFailed(ref, err)
		}
		return "", err
	}
	defer res.Body.Close()
	id, err := readPull(res.Body, func(layer string) {
		runtime.ContextTrace(ctx).PullProgress(runtime.PullProgress{Ref: ref, Layer: layer, Status: "Copying"})
	})
	if err != nil && ctx.Err() == nil && !isLost(err) {
		return "", pullFailed(ref, err)
	}
	return id, err
}

// copyingRE is how a service says that it begins with a layer. It says no more of it.
var copyingRE = regexp.MustCompile(`^Copying blob (?:sha256:)?([0-9a-f]{12})`)

func readPull(r io.Reader, layer func(string)) (id string, err error) {
	dec := json.NewDecoder(r)
	for {
		var report struct {
			Error  string `json:"error"`
			ID     string `json:"id"`
			Stream string `json:"stream"`
		}
		switch err := dec.Decode(&report); {
		case errors.Is(err, io.EOF) && id == "":
			return "", errors.New("the service stopped in the middle of it")
		case errors.Is(err, io.EOF):
			return id, nil
		case err != nil:
			return "", fmt.Errorf("reading the pull's progress: %w", err)
		case report.Error != "":
			return "", errors.New(report.Error)
		}
		if m := copyingRE.FindStringSubmatch(report.Stream); m != nil {
			layer(m[1])
		}
		id = cmp.Or(report.ID, id)
	}
}

func pullFailed(ref string, err error) error {
	return &runtime.Error{Kind: runtime.ErrPullFailed, Runtime: Key, Message: ref, Err: err}
}
