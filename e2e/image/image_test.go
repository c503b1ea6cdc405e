package image_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/image"
)

func files() image.Files {
	return image.Files{Probe: []byte("the probe"), Busybox: []byte("busybox")}
}

func TestBuildIsDeterministic(t *testing.T) {
	t.Parallel()
	a, err := image.Build(files(), image.Variant())
	require.NoError(t, err)
	b, err := image.Build(files(), image.Variant())
	require.NoError(t, err)
	idA, err := a.ConfigName()
	require.NoError(t, err)
	idB, err := b.ConfigName()
	require.NoError(t, err)
	assert.Equal(t, idA, idB)

	plain, err := image.Build(files(), v1.Config{})
	require.NoError(t, err)
	id, err := plain.ConfigName()
	require.NoError(t, err)
	assert.NotEqual(t, idA, id)
	file, err := plain.ConfigFile()
	require.NoError(t, err)
	assert.Equal(t, []string{"PATH=/bin"}, file.Config.Env)
	assert.Empty(t, file.Config.Entrypoint)
	assert.Empty(t, file.Config.User)
}

func TestBuildContents(t *testing.T) {
	t.Parallel()
	img, err := image.Build(files(), v1.Config{})
	require.NoError(t, err)
	type entry struct {
		mode int64
		data string
	}
	got := map[string]entry{}
	fs := mutate.Extract(img)
	defer func() { assert.NoError(t, fs.Close()) }()
	for r := tar.NewReader(fs); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		got["/"+h.Name] = entry{h.Mode, h.Linkname + string(data)}
	}
	assert.Equal(t, entry{0o755, "the probe"}, got[image.Probe])
	assert.Equal(t, entry{0o755, "busybox"}, got[image.Busybox])
	assert.Equal(t, entry{0o777, "busybox"}, got["/bin/sh"])
	assert.Equal(t, int64(0o644), got[image.NotExecutable].mode)
	assert.Equal(t, int64(0o1777), got[image.Data].mode)
	assert.Contains(t, got["/etc/passwd"].data, "app:x:1234:1234:")
}

// fakeCLI keeps its stdin in a file, or fails without reading it.
func fakeCLI(t *testing.T, script string) string {
	path := filepath.Join(t.TempDir(), "engine")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755))
	return path
}

func TestLoad(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "archive.tar")
	cli := []string{fakeCLI(t, `test "$*" = "--host x load" && exec cat >"$OUT_FILE"`), "--host", "x"}
	cli = append([]string{"env", "OUT_FILE=" + out}, cli...)
	require.NoError(t, image.LoadAll(t.Context(), cli, files()))

	data, err := os.ReadFile(out)
	require.NoError(t, err)
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil })
	require.NoError(t, err)
	var tags []string
	for _, m := range manifest {
		tags = append(tags, m.RepoTags...)
	}
	assert.ElementsMatch(t, []string{image.Ref, image.VariantRef}, tags)
}

func TestLoadFails(t *testing.T) {
	t.Parallel()
	big := files()
	big.Busybox = make([]byte, 8<<20)
	err := image.LoadAll(t.Context(), []string{fakeCLI(t, "echo no such engine >&2; exit 1")}, big)
	require.ErrorContains(t, err, "no such engine")
	require.Error(t, image.Load(t.Context(), nil, nil))
	require.ErrorContains(t, image.Load(t.Context(), []string{"x"}, map[string]v1.Image{"NOT A NAME": nil}), "executable file not found")
}

func TestReadFilesWithoutBusybox(t *testing.T) {
	t.Parallel()
	_, err := image.ReadFiles(t.Context(), filepath.Join(t.TempDir(), "none"))
	require.ErrorContains(t, err, "busybox-static")
}
