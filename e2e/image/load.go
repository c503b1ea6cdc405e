package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Write writes the images to w as the archive that `docker load` and `podman load`
// take. The keys of images are their names.
func Write(w io.Writer, images map[string]v1.Image) error {
	tagged := make(map[name.Tag]v1.Image, len(images))
	for ref, img := range images {
		tag, err := name.NewTag(ref)
		if err != nil {
			return err
		}
		tagged[tag] = img
	}
	return tarball.MultiWrite(tagged, w)
}

// Load gives an engine the images through its command line: cli is what stands
// before "load", such as docker -H unix:///run/docker.sock.
func Load(ctx context.Context, cli []string, images map[string]v1.Image) error {
	if len(cli) == 0 {
		return errors.New("no command line to load images with")
	}
	args := append(slices.Clone(cli[1:]), "load")
	cmd := exec.CommandContext(ctx, cli[0], args...)
	archive, w := io.Pipe()
	go func() { w.CloseWithError(Write(w, images)) }()
	cmd.Stdin = archive
	out, err := cmd.CombinedOutput()
	_ = archive.Close() // a CLI that failed may have left some of it
	if err != nil {
		return fmt.Errorf("%s load: %w: %s", strings.Join(cli, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// LoadAll builds both images and gives them to an engine.
func LoadAll(ctx context.Context, cli []string, files Files) error {
	plain, err := Build(files, v1.Config{})
	if err != nil {
		return err
	}
	variant, err := Build(files, Variant())
	if err != nil {
		return err
	}
	return Load(ctx, cli, map[string]v1.Image{Ref: plain, VariantRef: variant})
}
