package image

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// Paths and users in the images.
const (
	Probe         = "/probe"
	Busybox       = "/bin/busybox" // with links for [Applets] beside it
	NotExecutable = "/etc/notexec" // mode 0644
	Data          = "/data"        // a directory that everybody may write to
	UserName      = "app"          // besides root and nobody
	UserID        = 1234           // its uid, and the gid of its group of the same name
)

// Applets are the commands of busybox that the images have in /bin.
func Applets() []string {
	return []string{
		"cat", "chmod", "cp", "cut", "dd", "echo", "env", "false", "head", "id", "kill", "ls", "mkdir",
		"mount", "ps", "pwd", "rm", "sed", "sh", "sleep", "sort", "stat", "touch", "tr", "true", "wc",
	}
}

// Files are the programs that an image is made of. They must be static.
type Files struct {
	Probe, Busybox []byte
}

// ReadFiles builds the probe for this machine's architecture with the go command,
// and reads busybox from a path (empty: /bin/busybox, where Debian's busybox-static
// has it). The working directory must be in this module.
func ReadFiles(ctx context.Context, busybox string) (Files, error) {
	if busybox == "" {
		busybox = "/bin/busybox"
	}
	bb, err := os.ReadFile(busybox)
	if err != nil {
		return Files{}, fmt.Errorf("no busybox (Debian has it in busybox-static): %w", err)
	}
	probe, err := buildProgram(ctx, "runtime/runtimetest/probe")
	return Files{Probe: probe, Busybox: bb}, err
}

// buildProgram builds a package of this module as a static program.
func buildProgram(ctx context.Context, pkg string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "dockerrun-probe-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "probe")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", file,
		"github.com/AltairaLabs/dockerrun/"+pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building %s: %w: %s", pkg, err, bytes.TrimSpace(out))
	}
	return os.ReadFile(file)
}

// rootfs is the only layer: a tar with fixed order, owners and times.
func rootfs(files Files) ([]byte, error) {
	var (
		buf bytes.Buffer
		w   = tar.NewWriter(&buf)
	)
	add := func(h tar.Header, data string) error {
		h.Size, h.ModTime, h.Format = int64(len(data)), time.Unix(0, 0), tar.FormatPAX
		if err := w.WriteHeader(&h); err != nil {
			return err
		}
		_, err := w.Write([]byte(data))
		return err
	}
	entries := []struct {
		tar.Header
		data string
	}{
		{tar.Header{Name: "bin/", Typeflag: tar.TypeDir, Mode: 0o755}, ""},
		{tar.Header{Name: "bin/busybox", Typeflag: tar.TypeReg, Mode: 0o755}, string(files.Busybox)},
		{tar.Header{Name: "data/", Typeflag: tar.TypeDir, Mode: 0o1777}, ""},
		{tar.Header{Name: "etc/", Typeflag: tar.TypeDir, Mode: 0o755}, ""},
		{tar.Header{Name: "etc/group", Typeflag: tar.TypeReg, Mode: 0o644},
			fmt.Sprintf("root:x:0:\n%s:x:%d:\nextra:x:4321:\nnogroup:x:65534:\n", UserName, UserID)},
		{tar.Header{Name: "etc/notexec", Typeflag: tar.TypeReg, Mode: 0o644}, "#!/bin/sh\necho this file can't be run\n"},
		{tar.Header{Name: "etc/passwd", Typeflag: tar.TypeReg, Mode: 0o644},
			fmt.Sprintf("root:x:0:0:root:/root:/bin/sh\n%[1]s:x:%[2]d:%[2]d:%[1]s:/data:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n", UserName, UserID)},
		{tar.Header{Name: "probe", Typeflag: tar.TypeReg, Mode: 0o755}, string(files.Probe)},
		{tar.Header{Name: "root/", Typeflag: tar.TypeDir, Mode: 0o700}, ""},
		{tar.Header{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777}, ""},
	}
	for _, e := range entries {
		if err := add(e.Header, e.data); err != nil {
			return nil, err
		}
	}
	for _, name := range Applets() {
		if err := add(tar.Header{Name: "bin/" + name, Typeflag: tar.TypeSymlink, Linkname: "busybox", Mode: 0o777}, ""); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
