// Package image builds the images that the end-to-end tests run, without a registry
// or an engine: the static probe and busybox, nothing else. The same inputs give the
// same image, to the digest.
package image

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Names of the images. Docker and Podman both leave a name alone whose first part
// looks like a registry.
const (
	// Ref is the plain image: no entrypoint, no command, root.
	Ref = "localhost/dockerrun/probe:1"
	// VariantRef is the image of [Variant].
	VariantRef = "localhost/dockerrun/variant:1"
)

// Variant is a configuration whose every field differs from its default: what tests
// of entrypoint, command, user and the like start from. With no arguments its
// container writes ["from-cmd","two words"].
func Variant() v1.Config {
	return v1.Config{
		Entrypoint: []string{Probe, "args"},
		Cmd:        []string{"from-cmd", "two words"},
		Env:        []string{"PATH=/bin", "FROM_IMAGE=yes", "REMOVE_ME=set by the image"},
		WorkingDir: Data,
		User:       fmt.Sprintf("%d:%d", UserID, UserID),
		Labels:     map[string]string{"from-image": "yes"},
	}
}

// Build makes an image of the files, for this machine's architecture. The zero Config
// is an image with a PATH and no more.
func Build(files Files, config v1.Config) (v1.Image, error) {
	fs, err := rootfs(files)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(fs)), nil
	})
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	old, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	if config.Env == nil {
		config.Env = []string{"PATH=/bin"}
	}
	file := old.DeepCopy() // with the layer's digest
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Created = v1.Time{Time: time.Unix(0, 0).UTC()}
	file.Config = config
	return mutate.ConfigFile(img, file)
}
