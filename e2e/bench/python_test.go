package bench

import (
	"archive/tar"
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/require"
)

const (
	pythonRef  = "localhost/dockerrun/python:1"
	hookFile   = "/redact.py"
	hookOnDisk = "../../docs/examples/redact.py"
	// python is Debian's, on this machine and in the image.
	python = "/usr/bin/python3"
)

// pythonImage is this machine's own Python and dash with what they need, so that a
// local exec and a container run the same program.
func pythonImage(b *testing.B) v1.Image {
	b.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	add := func(name, source string) {
		data, err := os.ReadFile(source)
		require.NoError(b, err, "python3 and dash of Debian are needed")
		require.NoError(b, w.WriteHeader(&tar.Header{
			Name: strings.TrimPrefix(name, "/"), Mode: 0o755, Size: int64(len(data)), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg,
		}))
		_, err = w.Write(data)
		require.NoError(b, err)
	}
	real, err := filepath.EvalSymlinks(python)
	require.NoError(b, err, "python3 of Debian is needed")
	add(python, real)
	add("/bin/sh", "/bin/dash")
	add(hookFile, hookOnDisk)
	for _, lib := range libraries(b, real, "/bin/dash") {
		add(lib, lib)
	}
	modules := filepath.Join("/usr/lib", filepath.Base(real))
	unused := []string{"test", "idlelib", "tkinter", "ensurepip", "pydoc_data", "lib2to3", "lib-dynload", "distutils", "config-3.11-x86_64-linux-gnu"}
	require.NoError(b, filepath.WalkDir(modules, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(unused, d.Name()):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		// With its time, or the compiled files beside it are of no use.
		err = w.WriteHeader(&tar.Header{Name: path[1:], Mode: 0o644, Size: int64(len(data)), ModTime: info.ModTime(), Typeflag: tar.TypeReg})
		if err == nil {
			_, err = w.Write(data)
		}
		return err
	}))
	require.NoError(b, w.Close())
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	require.NoError(b, err)
	img, err := mutate.AppendLayers(empty.Image, layer)
	require.NoError(b, err)
	old, err := img.ConfigFile()
	require.NoError(b, err)
	file := old.DeepCopy()
	file.OS, file.Architecture = "linux", goArch
	file.Config.Env = []string{"PATH=/usr/bin:/bin"}
	img, err = mutate.ConfigFile(img, file)
	require.NoError(b, err)
	return img
}

// libraries are the shared ones that programs are linked with, and the loader.
func libraries(b *testing.B, programs ...string) []string {
	b.Helper()
	var out []string
	for _, program := range programs {
		text, err := exec.Command("ldd", program).Output()
		require.NoError(b, err)
		for _, word := range strings.Fields(string(text)) {
			if strings.HasPrefix(word, "/") && !slices.Contains(out, word) {
				out = append(out, word)
			}
		}
	}
	return out
}
