package runtime

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMountHints(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	private, group, open := file("private", 0o600), file("group", 0o640), file("open", 0o644)
	closed := filepath.Join(dir, "closed")
	require.NoError(t, os.Mkdir(closed, 0o744)) // may be listed, not entered
	sock, err := net.Listen("unix", filepath.Join(dir, "engine.sock"))
	require.NoError(t, err)
	defer sock.Close()

	me, mine := strconv.Itoa(os.Getuid()), strconv.Itoa(os.Getgid())
	rootful := Info{Engine: "docker"}
	podman := Info{Engine: "podman", Rootless: true, Endpoint: "unix://" + filepath.Join(dir, "engine.sock")}
	docker := podman
	docker.Engine = "docker"
	const other = "65532:65532"
	for name, c := range map[string]struct {
		info  Info
		flags []string
		want  string // of the hint; empty: none
	}{
		"root reads all":               {rootful, []string{"--volume=" + private + ":/m:ro"}, ""},
		"another user":                 {rootful, []string{"--volume=" + private + ":/m:ro", "--user=" + other}, "-rw-------, of uid " + me + " and gid " + mine + ", can't be read by the command, which is uid 65532 on this host; change its mode or owner, or set user"},
		"its owner":                    {rootful, []string{"--volume=" + private + ":/m", "--user=" + me}, ""},
		"its owner without powers":     {rootful, []string{"--volume=" + private + ":/m:ro", "--user=" + me, "--cap-drop=ALL"}, ""},
		"its group":                    {rootful, []string{"--volume=" + group + ":/m:ro", "--user=65532:" + mine}, ""},
		"its group, writing":           {rootful, []string{"--volume=" + group + ":/m", "--user=65532:" + mine}, "can't be written to by"},
		"open":                         {rootful, []string{"--volume=" + open + ":/m:ro", "--user=" + other}, ""},
		"a directory":                  {rootful, []string{"--volume=" + closed + ":/m:ro", "--user=" + other}, "drwxr--r--, of uid"},
		"a name":                       {rootful, []string{"--volume=" + private + ":/m:ro", "--user=app"}, ""},
		"ids of who knows whom":        {rootful, []string{"--volume=" + private + ":/m:ro", "--user=" + other, "--userns=auto"}, ""},
		"a volume":                     {rootful, []string{"--volume=cache:/m:ro", "--user=" + other}, ""},
		"rootless, its root":           {podman, []string{"--volume=" + private + ":/m:ro"}, ""},
		"rootless, another":            {podman, []string{"--volume=" + private + ":/m:ro", "--user=" + other}, "which is a subordinate user on this host; set userns: keep-id:uid=UID"},
		"rootless, kept":               {podman, []string{"--volume=" + private + ":/m:ro", "--user=" + other, "--userns=keep-id:uid=65532,gid=65532"}, ""},
		"rootless, another is kept":    {podman, []string{"--volume=" + private + ":/m:ro", "--user=7", "--userns=keep-id:uid=65532"}, "a subordinate user"},
		"rootless, keep-id":            {podman, []string{"--volume=" + private + ":/m:ro", "--user=" + me, "--userns=keep-id"}, ""},
		"rootless Docker":              {docker, []string{"--volume=" + private + ":/m:ro", "--user=" + other}, "a subordinate user on this host; make it readable for all"},
		"rootless, readable for all":   {podman, []string{"--volume=" + open + ":/m:ro", "--user=" + other}, ""},
		"a source that is not there":   {rootful, []string{"--volume=" + dir + "/no:/m:ro", "--user=" + other}, ""},
		"rootless, others can't write": {podman, []string{"--volume=" + open + ":/m", "--user=" + other}, "can't be written to"},
	} {
		hints := mountHints(specOf(t, c.flags...), c.info, false)
		if c.want == "" {
			assert.Empty(t, hints, name)
			continue
		}
		if assert.Len(t, hints, 1, name) {
			assert.Contains(t, hints[0], c.want, name)
			assert.True(t, strings.HasPrefix(hints[0], `mount "`+dir), hints[0])
		}
	}
}

func TestMountHintsOfSELinux(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for flag, hinted := range map[string]bool{":/m:ro": true, ":/m:ro,z": false, ":/m:Z": false} {
		hints := mountHints(specOf(t, "--volume="+dir+flag), Info{}, true)
		assert.Equal(t, hinted, len(hints) == 1 && strings.Contains(hints[0], "SELinux is enforcing"), "%s: %v", flag, hints)
	}
	assert.Empty(t, mountHints(specOf(t, "--volume="+dir+":/m", "--security-opt=label=disable"), Info{}, true))
	assert.Empty(t, mountHints(specOf(t, "--volume="+dir+":/m"), Info{}, false))
}
