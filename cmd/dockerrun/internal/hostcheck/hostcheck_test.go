//go:build unix

package hostcheck

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fake is a machine whose files are in a directory of the test, and whose user is ann.
type fake struct {
	Host
	env      map[string]string
	commands map[string]bool
}

func newFake(t *testing.T) *fake {
	t.Helper()
	root, err := os.MkdirTemp("", "h") // the path of a socket must be short
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(root)) })
	require.NoError(t, os.Chmod(root, 0o755))
	f := &fake{env: map[string]string{}, commands: map[string]bool{"newuidmap": true, "newgidmap": true}}
	f.Host = Host{
		OS: "linux", Root: root, Home: "/home/ann", User: "ann", UID: 1000, Groups: []int{1000},
		Getenv: func(name string) string { return f.env[name] },
		LookPath: func(name string) (string, error) {
			if f.commands[name] {
				return "/usr/bin/" + name, nil
			}
			return "", exec.ErrNotFound
		},
	}
	return f
}

func (f *fake) write(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(f.file(path)), 0o755))
	require.NoError(t, os.WriteFile(f.file(path), []byte(content), 0o644))
}

// listen makes a socket that everybody may use.
func (f *fake) listen(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(f.file(path)), 0o755))
	l, err := net.Listen("unix", f.file(path))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	require.NoError(t, os.Chmod(f.file(path), mode))
}

func TestSockets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind, path, product, do string
		env                     map[string]string
	}{
		{Docker, "/var/run/docker.sock", "Docker", "docker context use default", nil},
		{Docker, "/run/user/1000/docker.sock", "rootless Docker", "docker context use rootless", map[string]string{"XDG_RUNTIME_DIR": "/run/user/1000"}},
		{Docker, "/home/ann/.docker/run/docker.sock", "Docker Desktop", "docker context use desktop-linux", nil},
		{Docker, "/home/ann/.docker/desktop/docker.sock", "Docker Desktop", "", nil},
		{Docker, "/home/ann/.colima/default/docker.sock", "Colima", "docker context use colima", nil},
		{Docker, "/home/ann/.config/colima/default/docker.sock", "Colima", "", nil},
		{Docker, "/home/ann/.rd/docker.sock", "Rancher Desktop", "docker context use rancher-desktop", nil},
		{Docker, "/home/ann/.orbstack/run/docker.sock", "OrbStack", "docker context use orbstack", nil},
		{Docker, "/home/ann/.lima/docker/sock/docker.sock", "Lima", "", nil},
		{Podman, "/run/user/1000/podman/podman.sock", "Podman", "CONTAINER_HOST", map[string]string{"XDG_RUNTIME_DIR": "/run/user/1000"}},
		{Podman, "/run/podman/podman.sock", "rootful Podman", "", nil},
		{Podman, "/var/t/podman/podman-machine-default-api.sock", "podman machine", "", map[string]string{"TMPDIR": "/var/t"}},
		{Podman, "/home/ann/.local/share/containers/podman/machine/podman.sock", "podman machine", "", nil},
	} {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.env = tt.env
			f.listen(t, tt.path, 0o666)
			found := f.Others(tt.kind, "unix:///nowhere.sock")
			require.Len(t, found, 1)
			assert.Equal(t, Note, found[0].Level)
			assert.Equal(t, tt.product+" has a socket at "+tt.path, found[0].Message)
			assert.Contains(t, found[0].Do, "--host=unix://"+tt.path)
			assert.Contains(t, found[0].Do, tt.do)

			other := map[string]string{Docker: Podman, Podman: Docker}[tt.kind]
			assert.Empty(t, f.Others(other, ""), "it is of the other kind")
			assert.Empty(t, f.Others(tt.kind, "unix://"+tt.path), "it is the one that was tried")
		})
	}
}

func TestSocketsThatAreNone(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.write(t, "/var/run/docker.sock", "a file")
	f.listen(t, "/home/ann/.rd/docker.sock", 0o600) // of the user who runs the test
	if f.UID = os.Getuid() + 1; os.Getuid() != 0 {
		f.Groups = nil
	}
	assert.Empty(t, f.Sockets(Docker), "no socket, and one that is another user's")
	f.Home = ""
	assert.Empty(t, f.Sockets(Podman))
}

func TestPermission(t *testing.T) {
	t.Parallel()
	gid := os.Getgid()
	group := func(members string) string { return "root:x:0:\nengines:x:" + itoa(gid) + ":" + members + "\n" }
	for _, tt := range []struct {
		name, groups string
		mode         os.FileMode
		uid          int
		inGroup      bool
		dir          os.FileMode
		kind         string
		message, do  string
	}{
		{name: "may", mode: 0o666, uid: 4000},
		{name: "may by group", mode: 0o660, uid: 4000, inGroup: true},
		{name: "root", mode: 0o600, uid: 0},
		{name: "owner only", mode: 0o600, uid: 4000, message: "ann may not use the socket /run/e.sock, which is for its owner only", do: "rootless Docker"},
		{name: "owner only, podman", kind: Podman, mode: 0o600, uid: 4000, message: "for its owner only", do: "systemctl --user enable --now podman.socket"},
		{name: "a closed directory", kind: Podman, mode: 0o666, dir: 0o700, uid: 4000, message: "may not search the directory of the socket /run/e.sock", do: "systemctl --user"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.write(t, "/etc/group", group(tt.groups))
			f.listen(t, "/run/e.sock", tt.mode)
			if tt.dir != 0 {
				require.NoError(t, os.Chmod(f.file("/run"), tt.dir))
			}
			f.UID, f.Groups = tt.uid, nil
			if tt.inGroup {
				f.Groups = []int{gid}
			}
			kind := tt.kind
			if kind == "" {
				kind = Docker
			}
			found := f.Permission(kind, "/run/e.sock")
			if tt.message == "" {
				assert.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			assert.Equal(t, Error, found[0].Level)
			assert.Contains(t, found[0].Message, tt.message)
			assert.Contains(t, found[0].Do, tt.do)
		})
	}
	assert.Empty(t, newFake(t).Permission(Docker, "/no/such.sock"))
}

// The group of a socket is another than root's: only root can make such a one.
func TestPermissionByGroup(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.listen(t, "/run/e.sock", 0o660)
	gid := os.Getgid()
	if os.Getuid() == 0 {
		gid = 4242
		require.NoError(t, os.Chown(f.file("/run/e.sock"), 0, gid))
	}
	f.UID, f.Groups = os.Getuid()+1000, nil
	f.write(t, "/etc/group", "engines:x:"+itoa(gid)+":bob\n")
	found := f.Permission(Docker, "/run/e.sock")
	require.Len(t, found, 1)
	assert.Equal(t, "ann may not use the socket /run/e.sock: it is for the group engines", found[0].Message)
	assert.Contains(t, found[0].Do, "sudo usermod --append --groups engines ann")

	f.write(t, "/etc/group", "engines:x:"+itoa(gid)+":bob,ann\n")
	found = f.Permission(Docker, "/run/e.sock")
	require.Len(t, found, 1)
	assert.Contains(t, found[0].Do, "newgrp engines")
}

func TestRootless(t *testing.T) {
	t.Parallel()
	const controllers = "/sys/fs/cgroup/user.slice/user-%[1]s.slice/user@%[1]s.service/cgroup.controllers"
	uid := os.Getuid()
	if uid == 0 {
		uid = 1000
	}
	wellSetUp := func(t *testing.T) *fake {
		f := newFake(t)
		f.UID = uid
		f.write(t, "/etc/subuid", "bob:1:1\nann:100000:65536\n")
		f.write(t, "/etc/subgid", itoa(uid)+":100000:65536\n")
		f.env["XDG_RUNTIME_DIR"] = "/run/user/1000"
		require.NoError(t, os.MkdirAll(f.file("/run/user/1000"), 0o700))
		if os.Getuid() == 0 {
			require.NoError(t, os.Chown(f.file("/run/user/1000"), uid, -1))
		}
		f.write(t, "/sys/fs/cgroup/cgroup.controllers", "cpu io memory pids")
		f.write(t, strings.ReplaceAll(controllers, "%[1]s", itoa(uid)), "cpu memory pids")
		return f
	}
	assert.Empty(t, wellSetUp(t).Rootless())
	delegated := strings.ReplaceAll(controllers, "%[1]s", itoa(uid))
	for _, tt := range []struct {
		name              string
		change            func(*testing.T, *fake)
		level, says, doIt string
	}{
		{"no subuids", func(t *testing.T, f *fake) { f.write(t, "/etc/subuid", "bob:1:65536\n") },
			Error, "/etc/subuid has no IDs for ann", "--add-subuids"},
		{"no file", func(t *testing.T, f *fake) { require.NoError(t, os.Remove(f.file("/etc/subgid"))) },
			Error, "/etc/subgid has no IDs for ann", "--add-subgids"},
		{"few subuids", func(t *testing.T, f *fake) { f.write(t, "/etc/subuid", "ann:1:1000\nann:5000:24\n") },
			Warning, "/etc/subuid has 1024 IDs for ann", "--add-subuids"},
		{"IDs from elsewhere", func(t *testing.T, f *fake) {
			f.write(t, "/etc/nsswitch.conf", "passwd: files\nsubid: sss\n")
			f.write(t, "/etc/subuid", "")
		}, "", "", ""},
		{"no newuidmap", func(_ *testing.T, f *fake) { f.commands["newuidmap"] = false },
			Error, "newuidmap can't be found", "uidmap"},
		{"no runtime directory", func(_ *testing.T, f *fake) { delete(f.env, "XDG_RUNTIME_DIR") },
			Warning, "XDG_RUNTIME_DIR is not set", "export XDG_RUNTIME_DIR=/run/user/" + itoa(uid)},
		{"a runtime directory that is not there", func(_ *testing.T, f *fake) { f.env["XDG_RUNTIME_DIR"] = "/run/user/77" },
			Warning, "/run/user/77, which is no directory", "loginctl enable-linger ann"},
		{"cgroups v1", func(t *testing.T, f *fake) { require.NoError(t, os.RemoveAll(f.file("/sys"))) },
			Warning, "cgroups v1", "systemd.unified_cgroup_hierarchy=1"},
		{"no session", func(t *testing.T, f *fake) { require.NoError(t, os.Remove(f.file(delegated))) },
			Warning, "no systemd session of ann", "enable-linger"},
		{"not delegated", func(t *testing.T, f *fake) { f.write(t, delegated, "memory pids") },
			Warning, "does not delegate the cgroup controllers cpu to users", "Delegate="},
		{"root", func(t *testing.T, f *fake) { f.UID = 0; f.write(t, "/etc/subuid", "") }, "", "", ""},
		{"macOS", func(t *testing.T, f *fake) { f.OS = "darwin"; f.write(t, "/etc/subuid", "") }, "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := wellSetUp(t)
			tt.change(t, f)
			found := f.Rootless()
			if tt.says == "" {
				assert.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			assert.Equal(t, tt.level, found[0].Level)
			assert.Contains(t, found[0].Message, tt.says)
			assert.Contains(t, found[0].Do, tt.doIt)
		})
	}
}

func TestThis(t *testing.T) {
	t.Parallel()
	h := This()
	assert.Equal(t, os.Getuid(), h.UID)
	assert.Equal(t, os.Getenv("HOME"), h.Getenv("HOME"))
	assert.True(t, h.has("sh"))
	assert.False(t, h.has("no-such-command"))
	for _, f := range h.Rootless() {
		assert.NotEmpty(t, f.Do, f.Message)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
