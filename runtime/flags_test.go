package runtime

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func ptr[T any](v T) *T { return &v }

func TestSetFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args string // separated by spaces
		want Spec
	}{
		{"", Spec{}},
		{"--memory=256m --cpus=0.5", Spec{Resources: Resources{Memory: 256 << 20, NanoCPUs: 5e8}}},
		{"-m 256m", Spec{Resources: Resources{Memory: 256 << 20}}},
		{"-m256m", Spec{Resources: Resources{Memory: 256 << 20}}},
		{"-m=1g -m=2g", Spec{Resources: Resources{Memory: 2 << 30}}},
		{"--memory 1g --memory-swap=-1", Spec{Resources: Resources{Memory: 1 << 30, MemorySwap: -1}}},
		{"--pids-limit=64 --cpu-shares 512 -c 256", Spec{Resources: Resources{PidsLimit: 64, CPUShares: 256}}},
		{"--memory-swappiness=0", Spec{Resources: Resources{MemorySwappiness: ptr(int64(0))}}},
		{"--memory-swappiness=-1", Spec{}},
		{"--oom-kill-disable --oom-score-adj=-500", Spec{Resources: Resources{OOMKillDisable: true, OOMScoreAdj: -500}}},
		{"--ulimit nofile=1:2 --ulimit=nofile=3", Spec{Resources: Resources{Ulimits: []Ulimit{{"nofile", 3, 3}}}}},
		{"--read-only --init --privileged --no-healthcheck", Spec{ReadOnly: true, Init: ptr(true), Privileged: true, NoHealthcheck: true}},
		{"--init=false --read-only=false", Spec{Init: ptr(false)}},
		{"--network=none", Spec{Network: "none"}},
		{"--net host", Spec{Network: "host"}},
		{"--entrypoint=", Spec{Entrypoint: []string{""}}},
		{"--entrypoint /bin/x", Spec{Entrypoint: []string{"/bin/x"}}},
		{"-e A=b=c -e B --env C=", Spec{Env: []string{"A=b=c", "B", "C="}}},
		{"-u 1000:1000 -w /x -h box", Spec{User: "1000:1000", Dir: "/x", Hostname: "box"}},
		{"-l a=b --label c", Spec{Labels: map[string]string{"a": "b", "c": ""}}},
		{"-v ./a:/b:ro --mount type=tmpfs,target=/t", Spec{Mounts: []Mount{
			{Type: MountBind, Source: "./a", Target: "/b", Options: []string{"ro"}},
			{Type: MountTmpfs, Target: "/t", Long: true},
		}}},
		{"--tmpfs /t --tmpfs=/t:size=64m", Spec{Tmpfs: []Tmpfs{{"/t", "size=64m"}}}},
		{"--device /dev/fuse --device=/dev/a:/dev/b:r --device /dev/c:rw --device vendor.com/class=x", Spec{Devices: []Device{
			{Source: "/dev/fuse", Target: "/dev/fuse", Permissions: "rwm"},
			{Source: "/dev/a", Target: "/dev/b", Permissions: "r"},
			{Source: "/dev/c", Target: "/dev/c", Permissions: "rw"},
			{CDI: "vendor.com/class=x"},
		}}},
		{"--cap-drop=ALL --cap-add NET_ADMIN --security-opt no-new-privileges", Spec{
			CapDrop: []string{"ALL"}, CapAdd: []string{"NET_ADMIN"}, SecurityOpts: []string{"no-new-privileges"}}},
		{"--dns 1.1.1.1 --dns-opt=ndots:1 --dns-option=debug --dns-search x.y", Spec{
			DNS: []string{"1.1.1.1"}, DNSOptions: []string{"ndots:1", "debug"}, DNSSearch: []string{"x.y"}}},
		{"--pull always --platform linux/amd64 --runtime runsc", Spec{Pull: PullAlways, Platform: "linux/amd64", OCIRuntime: "runsc"}},
		{"--rm -i --interactive=true --rm=true --tty=false -d=false", Spec{}},
		{"--publish=80:80 --annotation=a=b", Spec{Passthrough: []string{"--publish=80:80", "--annotation=a=b"}}},
		{"-e --publish=80:80", Spec{Env: []string{"--publish=80:80"}}}, // a value, as docker takes it
		{"--gpus all --shm-size 64m", Spec{GPUs: []string{"all"}, ShmSize: 64 << 20}},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			var got Spec
			require.NoError(t, SetFlags(&got, strings.Fields(c.args)))
			assert.Equal(t, c.want, got)

			// What Flags gives makes the same Spec again.
			again := Spec{Env: got.Env, EnvFiles: got.EnvFiles, Pull: got.Pull}
			require.NoError(t, SetFlags(&again, append(got.Flags(), got.Passthrough...)))
			assert.ElementsMatch(t, got.Mounts, again.Mounts)
			again.Mounts = got.Mounts
			assert.Equal(t, got, again)
		})
	}
}

func TestPodmanFlags(t *testing.T) {
	t.Parallel()
	assert.Empty(t, Spec{}.PodmanFlags())
	assert.Equal(t, []string{"--http-proxy=false", "--systemd=false", "--sdnotify=ignore"}, Spec{NoProxy: true, NoSystemd: true}.PodmanFlags())
}

func TestSetFlagsErrors(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--memory=12x":         `invalid argument "12x" for "-m, --memory" flag: it takes a size such as 256m or 1g`,
		"--memory=8388608t":    `for "-m, --memory" flag: it takes a size below 8 EiB`,
		"--memory-swap=1e19b":  `for "--memory-swap" flag: it takes a size below 8 EiB`,
		"--cpus=18446744074":   `for "--cpus" flag: it takes a number of CPUs such as 0.5, and no machine has as many`,
		"--memory":             `flag needs an argument: --memory`,
		"--cpus=many":          `for "--cpus" flag: it takes a number of CPUs such as 0.5`,
		"--pids-limit=1.5":     `for "--pids-limit" flag: it takes a whole number`,
		"--ulimit=nofile":      `it takes name=soft[:hard]`,
		"--read-only=maybe":    `"maybe" is neither true nor false`,
		"--publish 80:80":      `unknown flag: --publish; a flag that not every runtime takes must be written --publish=value`,
		"-p 80:80":             `unknown shorthand flag: 'p' in -p; write the flag out, as --flag=value`,
		"alpine":               `"alpine" is no flag, nor the value of one: it would become the image or the command`,
		"--read-only alpine":   `"alpine" is no flag`,
		"-":                    `"-" is no flag`,
		"--":                   `"--" would end the flags`,
		"--memory=1g -- --x=y": `"--" would end the flags`,
		"-d":                   `--detach is not possible`,
		"--detach":             `--detach is not possible`,
		"-t":                   `stdout is data`,
		"-it":                  `stdout is data`,
		"--rm=false":           `containers are always removed`,
		"-i=false":             `stdin is always attached`,
		"--name=x":             `containers are named by the launcher`,
		"--name x":             `containers are named by the launcher`,
		"--cidfile=x":          `keeps track of the container itself`,
		"-a stdout":            `are always attached`,
		"--sig-proxy=false":    `not by signals`,
		"--restart=always":     `a container runs once`,
		"--detach-keys=a":      `no keys to detach with`,
		"--help":               `--help would run nothing`,
		"--pull=sometimes":     `"sometimes" is not a pull policy: it takes missing, always or never`,
		"-v /a":                "",
		"-v a":                 `its target "a" is relative`,
		"--device=fuse":        `it takes absolute paths`,
		"--device=/a:/b:x":     `it takes source[:target[:permissions]]`,
		"--dns=x":              `for "--dns" flag`,
		"--env==x":             `the name is empty`,
		"--cap-add=":           `it is empty`,
		"--security-opt=label": `it takes name=value, or no-new-privileges`,
		"--tmpfs=t":            `it takes an absolute path in the container`,
		"--add-host=x":         `for "--add-host" flag`,
		"--gpus=device":        `for "--gpus" flag`,
		"--=x":                 ``,
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			spec := Spec{Image: "x", Env: []string{"A=b"}}
			err := SetFlags(&spec, strings.Fields(args))
			if args == "-v /a" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrInvalidSpec)
			assert.ErrorContains(t, err, want)
			assert.Equal(t, Spec{Image: "x", Env: []string{"A=b"}}, spec, "a failed SetFlags must change nothing")
		})
	}
}

func TestSetFlagsSharesNothing(t *testing.T) {
	t.Parallel()
	base := Spec{Labels: map[string]string{"a": "b"}, Env: []string{"A=1"}}
	spec := base
	require.NoError(t, SetFlags(&spec, []string{"--label=c=d", "--env=B=2"}))
	assert.Equal(t, map[string]string{"a": "b", "c": "d"}, spec.Labels)
	assert.Equal(t, map[string]string{"a": "b"}, base.Labels, "specs share nothing that a flag changes")
	assert.Len(t, base.Env, 1)
}

// Every row that can be rendered gives back what it was set to.
func TestFlagTableRows(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, d := range flagTable {
		require.False(t, seen[d.name] || seen["-"+d.short], "%s: twice in the table", d.name)
		seen[d.name] = true
		if d.short != "" {
			seen["-"+d.short] = true
		}
		if !d.hidden {
			assert.NotEmpty(t, d.usage, d.name)
		}
		if d.get != nil {
			assert.Empty(t, d.get(&Spec{}), "%s: a zero Spec has no flags", d.name)
		}
	}
}

// The property: no entry ever becomes anything but a flag or the value of one, and what
// was accepted renders to flags that mean the same.
func FuzzSetFlags(f *testing.F) {
	for _, seed := range []string{
		"--memory=256m\n--cpus=0.5", "-m\n1g", "-e\n--publish=1", "--x=y\nz", "-itm\n5m", "--\nx", "--mount\ntype=bind,src=/a,dst=/b",
		"--ulimit=nofile=1:2\n--tmpfs=/a:b", "--label=a=b\n-l\n=",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		args := strings.Split(in, "\n")
		var spec Spec
		if SetFlags(&spec, args) != nil {
			require.Equal(t, Spec{}, spec)
			return
		}
		rendered := append(spec.Flags(), spec.Passthrough...)
		for _, flag := range rendered {
			require.Regexp(t, `^--[^=]+=`, flag)
		}
		again := Spec{Env: spec.Env, EnvFiles: spec.EnvFiles, Pull: spec.Pull}
		require.NoError(t, SetFlags(&again, rendered))
		require.ElementsMatch(t, spec.Mounts, again.Mounts)
		again.Mounts = spec.Mounts
		require.Equal(t, spec, again)
	})
}
