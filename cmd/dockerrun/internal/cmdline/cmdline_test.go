package cmdline_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/cmdline"
	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestRun(t *testing.T) {
	t.Parallel()
	spec := runtime.Spec{
		Image: "busybox", Args: []string{"sh", "-c", "echo $0"}, OCIRuntime: "crun", Network: "none", Pull: runtime.PullNever,
		Env: []string{"A=1", "B=2", "A=3", "C"}, EnvFiles: []string{"/env"}, Passthrough: []string{"--cpu-rt-period=5"},
		Mounts: []runtime.Mount{{Type: runtime.MountBind, Source: "/a b", Target: "/c", Options: []string{"ro"}}},
	}
	assert.Equal(t, []string{
		"docker", "--host=tcp://h", "run", "--rm", "-i", "--pull=never", "--network=none", "--runtime=crun", "--volume=/a b:/c:ro", "--cpu-rt-period=5",
		"--env-file=/env", "--env=B", "--env=A=3", "--env=C", "busybox", "sh", "-c", "echo $0",
	}, cmdline.Run(spec, cmdline.Options{Program: "docker", Host: "tcp://h", Value: func(name string) bool { return name == "A" }}))
	assert.Equal(t, []string{
		"podman", "--url=unix:///s", "--runtime=crun", "run", "--rm", "-i", "--pull=never", "--network=none", "--volume=/a b:/c:ro", "--cpu-rt-period=5",
		"--env-file=/env", "--env=B", "--env=A", "--env=C", "busybox", "sh", "-c", "echo $0",
	}, cmdline.Run(spec, cmdline.Options{Program: "podman", Podman: true, Host: "unix:///s"}))
	assert.Equal(t, []string{"docker", "run", "--rm", "-i", "busybox"},
		cmdline.Run(runtime.Spec{Image: "busybox", Pull: runtime.PullMissing}, cmdline.Options{Program: "docker"}))
}

// What a shell makes of a line is what went in.
func TestQuote(t *testing.T) {
	t.Parallel()
	words := []string{"plain-=/:@%+,._word", "", "two words", "it's", `"$HOME" \n`, "`id`", "a\nb", "~", "*", "--flag=~/x;y", "#", "ü", "'", "a&b|c<d>e"}
	assert.Equal(t, `a 'b c' '' 'it'\''s'`, cmdline.Quote([]string{"a", "b c", "", "it's"}))
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("this system has no shell to ask")
	}
	argv := append([]string{"docker", "run", "--rm", "-i", "--a=b c", "image"}, words...)
	for _, line := range []string{cmdline.Quote(argv), cmdline.Wrap(argv)} {
		out, err := exec.Command(sh, "-c", `docker() { printf '%s\0' docker "$@"; }`+"\n"+line).Output()
		require.NoError(t, err)
		assert.Equal(t, argv, strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"), line)
	}
	assert.Equal(t, "docker run --rm -i \\\n    --a=b \\\n    image sh -c", cmdline.Wrap([]string{"docker", "run", "--rm", "-i", "--a=b", "image", "sh", "-c"}))
}
