package image

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// HostileRef is the image of [BuildHostile].
const HostileRef = "localhost/dockerrun/hostile:1"

// BuildHostile makes the plain image with e2e/hostile in the probe's place, and once more
// as /suid: root's, and run as root by whoever runs it. The working directory must be in
// this module.
func BuildHostile(ctx context.Context, files Files) (v1.Image, error) {
	hostile, err := buildProgram(ctx, "e2e/hostile")
	if err != nil {
		return nil, err
	}
	files.Probe = hostile
	plain, err := Build(files, v1.Config{})
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	header := tar.Header{
		Name: "suid", Typeflag: tar.TypeReg, Mode: 0o4755, Size: int64(len(hostile)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX,
	}
	if err := w.WriteHeader(&header); err != nil {
		return nil, err
	}
	if _, err := w.Write(hostile); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(buf.Bytes())), nil
	})
	if err != nil {
		return nil, err
	}
	return mutate.AppendLayers(plain, layer)
}
