package dockercli

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func noEnv(string) (string, bool) { return "", false }

func TestRunArgs(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	docker, podman := &client{}, &client{podman: true, major: 4, minor: 3}
	for name, test := range map[string]struct {
		cl   *client
		spec runtime.Spec
		want string // joined by blanks
	}{
		"plain": {docker, runtime.Spec{Image: "img"}, "run --rm -i --pull=never --name=n img"},
		"host": {&client{host: "ssh://box"}, runtime.Spec{Image: "img"},
			"--host=ssh://box run --rm -i --pull=never --name=n img"},
		"flags, env, command": {docker, runtime.Spec{Image: "img", Args: []string{"-x", "--rm=false"}, Network: "none",
			Env: []string{"A=1", "PATH=/x", "B"}, Passthrough: []string{"--link=a"}},
			"run --rm -i --pull=never --name=n --network=none --link=a --env-file=/dev/fd/3 --env=A --env=B img -x --rm=false"},
		"deadline means nothing to docker": {docker, runtime.Spec{Image: "img", Deadline: now.Add(time.Minute)},
			"run --rm -i --pull=never --name=n img"},
		"podman": {podman, runtime.Spec{Image: "img", Deadline: now.Add(10*time.Second + 1), Env: []string{"A=1", "B"}},
			"run --rm -i --pull=never --name=n KEYS --timeout=13 --env=A --unsetenv=B img"},
		"podman, no proxy":   {podman, runtime.Spec{Image: "img", NoProxy: true}, "run --rm -i --pull=never --name=n KEYS --http-proxy=false img"},
		"podman, no systemd": {podman, runtime.Spec{Image: "img", NoSystemd: true}, "run --rm -i --pull=never --name=n KEYS --systemd=false --sdnotify=ignore img"},
		"docker, no systemd": {docker, runtime.Spec{Image: "img", NoSystemd: true}, "run --rm -i --pull=never --name=n img"},
		"docker, no proxy":   {docker, runtime.Spec{Image: "img", NoProxy: true}, "run --rm -i --pull=never --name=n img"},
		"podman's url, late deadline": {&client{podman: true, host: "unix:///s"}, runtime.Spec{Image: "img", Deadline: now.Add(-time.Hour)},
			"--url=unix:///s run --rm -i --pull=never --name=n KEYS --timeout=1 img"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.spec.Name = "n"
			e, err := test.cl.splitEnv(test.spec.Env, false, noEnv)
			require.NoError(t, err)
			got := test.cl.runArgs(test.spec, e, now)
			want := strings.Replace(test.want, "KEYS", "--detach-keys="+detachKeys("n"), 1)
			assert.Equal(t, want, strings.Join(got, " "))
			assert.Equal(t, got, test.cl.runArgs(test.spec, e, now), "it is the same every time")
		})
	}
}

func TestDetachKeys(t *testing.T) {
	t.Parallel()
	assert.Equal(t, detachKeys("a"), detachKeys("a"))
	assert.NotEqual(t, detachKeys("a"), detachKeys("b"))
	assert.Regexp(t, `^ctrl-[a-z](,ctrl-[a-z]){15}$`, detachKeys("a"))
}

// Whatever a Spec holds: as docker parses the argv, the image comes first after the
// flags, what follows is the command, and no flag has appeared or gone.
func FuzzRunArgs(f *testing.F) {
	f.Add("img", "sh", "-c", "NAME", "value", "label", "--privileged=true")
	f.Add("-v", "--rm=false", "--", "-e", "--privileged", "--name=x", "--link")
	f.Add("a/b:c@sha256:"+strings.Repeat("0", 64), "", "-", "=", "\n", " ", "--env=a")
	f.Fuzz(func(t *testing.T, image, arg, arg2, name, value, label, pass string) {
		for _, podman := range []bool{false, true} {
			cl := &client{podman: podman, major: 9}
			spec := runtime.Spec{
				Name: "fixed", Image: image, Args: []string{arg, arg2}, Env: []string{name + "=" + value, name},
				User: label, Hostname: value, Network: label, Entrypoint: []string{value},
				Labels: map[string]string{label: value}, Passthrough: []string{pass}, SecurityOpts: []string{value},
			}
			if spec.Validate() != nil || cl.check(spec) != nil {
				continue
			}
			e, err := cl.splitEnv(spec.Env, false, os.LookupEnv)
			require.NoError(t, err)
			args := cl.runArgs(spec, e, time.Now())
			require.Equal(t, "run", args[0])
			tail := len(args) - 1 - len(spec.Args)
			assert.Equal(t, append([]string{image}, spec.Args...), args[tail:])

			var back runtime.Spec
			fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
			fs.SetInterspersed(false)
			runtime.AddFlags(fs, &back)
			fs.ParseErrorsAllowlist.UnknownFlags = true
			rest := slices.DeleteFunc(slices.Clone(args[1:]), func(a string) bool {
				// Ours to give, and nobody else's; --label and the like are checked on the way back.
				return strings.HasPrefix(a, "--name=") || strings.HasPrefix(a, "--label=") || strings.HasPrefix(a, "--security-opt=") ||
					strings.HasPrefix(a, "--detach-keys=")
			})
			for _, a := range args[1:tail] {
				require.True(t, strings.HasPrefix(a, "--") && strings.Contains(a, "=") || a == "--rm" || a == "-i", "%q is one flag", a)
			}
			require.NoError(t, fs.Parse(rest[:len(rest)-1-len(spec.Args)]))
			assert.Zero(t, fs.NArg(), "nothing before the image ends the flags")
			assert.Equal(t, []any{spec.User, spec.Hostname, spec.Network}, []any{back.User, back.Hostname, back.Network})
			assert.False(t, back.Privileged && !strings.HasPrefix(pass, "--privileged"))
		}
	})
}
