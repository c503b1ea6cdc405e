package runtimetest

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest/internal/probe"
)

func fileCases() []testCase {
	return []testCase{
		{"files/mount", "A bind mount is a path of the host.", func(s *suite) {
			dir := s.hostDir()
			mount := runtime.Mount{Type: runtime.MountBind, Source: dir, Target: "/mnt/host"}
			s.reads(mount, "/mnt/host/in", "of the host")
			s.writes(true, "/mnt/host/in", func(spec *runtime.Spec) { spec.Mounts = []runtime.Mount{mount} })
			s.fileHas(filepath.Join(dir, "in"), "written")
		}},
		{"files/read-only mount", "ro: the container can't write to the mount.", func(s *suite) {
			dir := s.hostDir()
			mount := runtime.Mount{Type: runtime.MountBind, Source: dir, Target: "/mnt/host", Options: []string{"ro"}}
			s.reads(mount, "/mnt/host/in", "of the host")
			s.writes(false, "/mnt/host/in", func(spec *runtime.Spec) { spec.Mounts = []runtime.Mount{mount} })
			s.fileHas(filepath.Join(dir, "in"), "of the host")
		}},
		{"files/long mount", "Long: this is a --mount.", func(s *suite) {
			dir := s.hostDir()
			mount := runtime.Mount{Type: runtime.MountBind, Source: dir, Target: "/mnt/host", Options: []string{"readonly"}, Long: true}
			s.reads(mount, "/mnt/host/in", "of the host")
			s.writes(false, "/mnt/host/in", func(spec *runtime.Spec) { spec.Mounts = []runtime.Mount{mount} })
		}},
		{"files/anonymous volume", "A volume without a source is anonymous: fresh, and removed with the container.", func(s *suite) {
			s.writes(true, "/mnt/fresh/file", func(spec *runtime.Spec) {
				spec.Mounts = []runtime.Mount{{Type: runtime.MountVolume, Target: "/mnt/fresh"}}
			})
		}},
		{"files/read-only root", "ReadOnly: the root filesystem can't be written to.", func(s *suite) {
			s.writes(false, "/data/file", func(spec *runtime.Spec) { spec.ReadOnly = true })
		}},
		{"files/tmpfs", "Tmpfs is a tmpfs mount as docker run --tmpfs makes it.", func(s *suite) {
			s.writes(true, "/scratch/file", func(spec *runtime.Spec) {
				spec.ReadOnly, spec.Tmpfs = true, []runtime.Tmpfs{{Target: "/scratch", Options: "size=1m"}}
			})
		}},
		{"files/nothing stays", "Run launches one fresh container for spec.", func(s *suite) {
			s.writes(true, "/data/file", func(*runtime.Spec) {})
			if o := s.run(s.spec("cat", "/data/file"), nil); o.err != nil || o.status.Code != probe.ExitFailed {
				s.Errorf("a file of the call before is still there: %+v %v %s", o.status, o.err, brief(o.stdout))
			}
		}},
	}
}

// hostDir is a directory with a file "in", for every user to use. Unlike that of
// TempDir its parents can be entered by a rootless engine's user.
func (s *suite) hostDir() string {
	s.Helper()
	dir, err := os.MkdirTemp("", "dockerrun suite-")
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			s.Error(err)
		}
	})
	file := filepath.Join(dir, "in")
	if err := os.WriteFile(file, []byte("of the host"), 0o600); err != nil {
		s.Fatal(err)
	}
	// Beyond the umask.
	for path, mode := range map[string]os.FileMode{dir: 0o777, file: 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			s.Fatal(err)
		}
	}
	return dir
}

func (s *suite) reads(mount runtime.Mount, file, want string) {
	s.Helper()
	spec := s.spec("cat", file)
	spec.Mounts = []runtime.Mount{mount}
	s.same(file, s.ok(spec, nil).stdout, []byte(want))
}

// writes checks whether a container can write to a file.
func (s *suite) writes(can bool, file string, change func(*runtime.Spec)) {
	s.Helper()
	spec := s.spec("write", file, "written")
	change(&spec)
	o := s.run(spec, nil)
	if can {
		s.ended(o, 0)
		return
	}
	s.ended(o, probe.ExitFailed)
	if !strings.Contains(string(o.stderr), "read-only file system") {
		s.Errorf("stderr is %s; want it to say that the file system is read-only", brief(o.stderr))
	}
}

// fileHas looks more than once: a command that a pool has started ahead of a next call may
// be writing the file again.
func (s *suite) fileHas(file, want string) {
	s.Helper()
	got, err := os.ReadFile(file)
	for end := time.Now().Add(2 * time.Second); err == nil && string(got) != want && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
		got, err = os.ReadFile(file)
	}
	if err != nil {
		s.Error(err)
	}
	s.same(file, got, []byte(want))
}
