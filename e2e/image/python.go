package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

const (
	// PythonRef is the name of the image of [Python].
	PythonRef = "localhost/dockerrun/python:1"
	// Python3 is Debian's Python, on this machine and in the image.
	Python3 = "/usr/bin/python3"
)

// Python builds an image of this machine's own Python and dash with what they need, so
// that a local exec and a container run the same program. It needs those of Debian. more
// are files to add, by their path in the image, with where they are on this machine.
func Python(more map[string]string) (v1.Image, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := addPython(w, more); err != nil {
		return nil, fmt.Errorf("an image of Debian's python3 and dash: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
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
	file := old.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Config.Env = []string{"PATH=/usr/bin:/bin"}
	return mutate.ConfigFile(img, file)
}

func addPython(w *tar.Writer, more map[string]string) error {
	real, err := filepath.EvalSymlinks(Python3)
	if err != nil {
		return err
	}
	libs, err := libraries(real, "/bin/dash")
	if err != nil {
		return err
	}
	files := map[string]string{Python3: real, "/bin/sh": "/bin/dash"}
	maps.Copy(files, more)
	for _, lib := range libs {
		files[lib] = lib
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := addFile(w, name, files[name], 0o755); err != nil {
			return err
		}
	}
	unused := []string{"test", "idlelib", "tkinter", "ensurepip", "pydoc_data", "lib2to3", "lib-dynload", "distutils"}
	modules := filepath.Join("/usr/lib", filepath.Base(real))
	return filepath.WalkDir(modules, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (slices.Contains(unused, d.Name()) || strings.HasPrefix(d.Name(), "config-")):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		return addFile(w, path, path, 0o644)
	})
}

// addFile keeps the file's time, without which the compiled files of Python's modules
// are of no use.
func addFile(w *tar.Writer, name, source string, mode int64) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	err = w.WriteHeader(&tar.Header{
		Name: strings.TrimPrefix(name, "/"), Mode: mode, Size: int64(len(data)), ModTime: info.ModTime().Truncate(time.Second), Typeflag: tar.TypeReg,
	})
	if err == nil {
		_, err = w.Write(data)
	}
	return err
}

// libraries are the shared ones that programs are linked with, and the loader.
func libraries(programs ...string) ([]string, error) {
	var out []string
	for _, program := range programs {
		text, err := exec.Command("ldd", program).Output()
		if err != nil {
			return nil, fmt.Errorf("ldd %s: %w", program, err)
		}
		for word := range strings.FieldsSeq(string(text)) {
			if strings.HasPrefix(word, "/") && !slices.Contains(out, word) {
				out = append(out, word)
			}
		}
	}
	return out, nil
}
