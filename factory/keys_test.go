package factory

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestTableAndConfigAgree(t *testing.T) {
	t.Parallel()
	inTable := map[string]string{}
	var spec runtime.Spec
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	runtime.AddFlags(flags, &spec)
	for _, k := range Keys() {
		inTable[k.Field] = k.Name
		assert.NotEmpty(t, k.Doc, k.Name)
		assert.NotEmpty(t, k.Takes, k.Name)
		assert.NotEmpty(t, k.Example, k.Name)
		if k.Flag != "" {
			assert.NotNil(t, flags.Lookup(k.Flag), "%s stands for --%s, which is not a flag", k.Name, k.Flag)
		}
	}
	for f := range reflect.TypeFor[Config]().Fields() {
		if tag := f.Tag.Get("mapstructure"); tag != "-" {
			assert.Equal(t, tag, inTable[f.Name], "the key of Config.%s", f.Name)
			delete(inTable, f.Name)
		}
	}
	assert.Empty(t, inTable, "keys whose field Config does not have")
}

// The example of every key is valid YAML, and a valid configuration.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, k := range Keys() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			cfg := map[string]any{"image": "busybox", "memory": "128m"}
			var v any
			require.NoError(t, yaml.Unmarshal([]byte(k.Example), &v))
			cfg[k.Name] = v
			switch k.Name {
			case "host":
				cfg["runtime"] = "podman"
			case "allow":
				cfg["isolation"] = "strict"
			case "require_digest":
				cfg["image"] = "busybox@sha256:" + strings.Repeat("0", 64)
			}
			_, err := sandboxOn(t, &recorder{}, cfg)
			assert.NoError(t, err)
		})
	}
}

func TestKeyValues(t *testing.T) {
	t.Parallel()
	type named string
	yes, no := true, false
	for _, c := range []struct {
		key   string
		value any
		want  func(*runtime.Spec)
	}{
		{"network", "none", func(s *runtime.Spec) { s.Network = "none" }},
		{"network", "", func(*runtime.Spec) {}},
		{"network", named("host"), func(s *runtime.Spec) { s.Network = "host" }},
		{"oci_runtime", "crun", func(s *runtime.Spec) { s.OCIRuntime = "crun" }},
		{"memory", "256m", func(s *runtime.Spec) { s.Memory = 256 << 20 }},
		{"memory", 268435456, func(s *runtime.Spec) { s.Memory = 256 << 20 }},
		{"memory", float64(268435456), func(s *runtime.Spec) { s.Memory = 256 << 20 }},
		{"memory", uint64(268435456), func(s *runtime.Spec) { s.Memory = 256 << 20 }},
		{"cpus", 0.5, func(s *runtime.Spec) { s.NanoCPUs = 5e8 }},
		{"cpus", "1.5", func(s *runtime.Spec) { s.NanoCPUs = 15e8 }},
		{"cpus", 2, func(s *runtime.Spec) { s.NanoCPUs = 2e9 }},
		{"pids_limit", 100, func(s *runtime.Spec) { s.PidsLimit = 100 }},
		{"pids_limit", "100", func(s *runtime.Spec) { s.PidsLimit = 100 }},
		{"pids_limit", -1, func(s *runtime.Spec) { s.PidsLimit = -1 }},
		{"ulimits", []any{"nofile=64:128"}, func(s *runtime.Spec) { s.Ulimits = []runtime.Ulimit{{Name: "nofile", Soft: 64, Hard: 128}} }},
		{"shm_size", "1m", func(s *runtime.Spec) { s.ShmSize = 1 << 20 }},
		{"log_driver", "none", func(s *runtime.Spec) { s.LogDriver = "none" }},
		{"read_only", true, func(s *runtime.Spec) { s.ReadOnly = true }},
		{"read_only", "true", func(s *runtime.Spec) { s.ReadOnly = true }},
		{"read_only", false, func(*runtime.Spec) {}},
		{"tmpfs", "/tmp:size=1m", func(s *runtime.Spec) { s.Tmpfs = []runtime.Tmpfs{{Target: "/tmp", Options: "size=1m"}} }},
		{"user", 1000, func(s *runtime.Spec) { s.User = "1000" }},
		{"user", "1000:100", func(s *runtime.Spec) { s.User = "1000:100" }},
		{"group_add", []any{"audio", 2000}, func(s *runtime.Spec) { s.GroupAdd = []string{"audio", "2000"} }},
		{"cap_add", "NET_RAW", func(s *runtime.Spec) { s.CapAdd = []string{"NET_RAW"} }},
		{"cap_drop", []string{"ALL"}, func(s *runtime.Spec) { s.CapDrop = []string{"ALL"} }},
		{"cap_drop", []named{"ALL"}, func(s *runtime.Spec) { s.CapDrop = []string{"ALL"} }},
		{"security_opt", []any{"no-new-privileges"}, func(s *runtime.Spec) { s.SecurityOpts = []string{"no-new-privileges"} }},
		{"userns", "host", func(s *runtime.Spec) { s.UserNS = "host" }},
		{"devices", []any{"/dev/fuse"}, func(s *runtime.Spec) {
			s.Devices = []runtime.Device{{Source: "/dev/fuse", Target: "/dev/fuse", Permissions: "rwm"}}
		}},
		{"gpus", "all", func(s *runtime.Spec) { s.GPUs = []string{"all"} }},
		{"gpus", 2, func(s *runtime.Spec) { s.GPUs = []string{"2"} }},
		{"workdir", "/w", func(s *runtime.Spec) { s.Dir = "/w" }},
		{"entrypoint", "/bin/sh", func(s *runtime.Spec) { s.Entrypoint = []string{"/bin/sh"} }},
		{"entrypoint", "", func(s *runtime.Spec) { s.Entrypoint = []string{""} }},
		{"env", map[string]any{"B": 2, "A": "x=y", "C": true}, func(s *runtime.Spec) { s.Env = []string{"A=x=y", "B=2", "C=true"} }},
		{"env", []any{"A=1"}, func(s *runtime.Spec) { s.Env = []string{"A=1"} }},
		{"init", true, func(s *runtime.Spec) { s.Init = &yes }},
		{"init", false, func(s *runtime.Spec) { s.Init = &no }},
		{"hostname", "h", func(s *runtime.Spec) { s.Hostname = "h" }},
		{"add_host", []any{"db:10.0.0.5"}, func(s *runtime.Spec) { s.AddHosts = []string{"db:10.0.0.5"} }},
		{"dns", []any{"1.1.1.1"}, func(s *runtime.Spec) { s.DNS = []string{"1.1.1.1"} }},
		{"labels", map[string]any{"a": 1, "b": "x"}, func(s *runtime.Spec) { s.Labels = map[string]string{"a": "1", "b": "x"} }},
		{"labels", map[any]any{"a": "1"}, func(s *runtime.Spec) { s.Labels = map[string]string{"a": "1"} }},
		{"labels", []any{"a=1", "b"}, func(s *runtime.Spec) { s.Labels = map[string]string{"a": "1", "b": ""} }},
		{"platform", "linux/arm64", func(s *runtime.Spec) { s.Platform = "linux/arm64" }},
		{"pull", "never", func(s *runtime.Spec) { s.Pull = runtime.PullNever }},
		{"extra_args", []any{"--ipc=none", "-m", "1g"}, func(s *runtime.Spec) { s.IPCMode, s.Memory = "none", 1<<30 }},
		{"extra_args", []string{"--kernel-memory=1g"}, func(s *runtime.Spec) { s.Passthrough = []string{"--kernel-memory=1g"} }},
		{"mount_check", false, func(*runtime.Spec) {}},
		{"mount_check", "on", func(*runtime.Spec) {}},
		{"mount_check", true, func(*runtime.Spec) {}},
		{"mode", ModeName, func(*runtime.Spec) {}},
	} {
		got := specOf(t, map[string]any{"image": "busybox", c.key: c.value})
		want := runtime.Spec{Image: "busybox", Args: []string{"/hook"}, Deadline: got.Deadline}
		c.want(&want)
		assert.Equal(t, want, got, "%s: %v", c.key, c.value)
	}
}

func TestMemorySwapNeedsMemory(t *testing.T) {
	t.Parallel()
	spec := specOf(t, map[string]any{"image": "busybox", "memory": "1g", "memory_swap": -1})
	assert.Equal(t, int64(-1), spec.MemorySwap)
	_, err := Factory("pii", map[string]any{"image": "busybox", "memory_swap": "1g"})
	assert.ErrorContains(t, err, `sandbox "pii": memory_swap: "1073741824": needs memory to be set too`)
}

// extra_args come last, as they did when the flags were an argv.
func TestExtraArgsOverride(t *testing.T) {
	t.Parallel()
	spec := specOf(t, map[string]any{
		"image": "busybox", "memory": "1g", "network": "none", "cap_drop": "ALL",
		"extra_args": []any{"--memory=64m", "--network=host", "--cap-drop=NET_RAW"},
	})
	assert.Equal(t, int64(64<<20), spec.Memory)
	assert.Equal(t, "host", spec.Network)
	assert.Equal(t, []string{"ALL", "NET_RAW"}, spec.CapDrop)
}

func allowanceNames() string {
	var names []string
	for _, a := range runtime.Allowances() {
		names = append(names, a.Name)
	}
	return strings.Join(names, ", ")
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cfg  map[string]any
		want string // after `sandbox "pii": `
	}{
		{nil, `image: "": is required`},
		{map[string]any{"network": "none"}, `image: "": is required`},
		{map[string]any{"image": 3}, `image: got the number 3; it takes a string`},
		{map[string]any{"image": nil}, `image: got nothing (null); it takes a string`},
		{map[string]any{"image": "Not A Ref"}, `image: "Not A Ref": takes name[:tag][@digest] or an image ID (invalid reference format: repository name (library/Not A Ref) must be lowercase)`},

		{map[string]any{"memroy": "1g"}, `memroy: unknown key; did you mean "memory"?`},
		{map[string]any{"readOnly": true}, `readOnly: unknown key; did you mean "read_only"?`},
		{map[string]any{"volumes": []any{}}, `volumes: unknown key; did you mean "mounts"?`},
		{map[string]any{"label": "a"}, `label: unknown key; did you mean "labels"?`},
		{map[string]any{"privileged": true}, `privileged: unknown key; write it as an entry "--privileged=..." of extra_args`},
		{map[string]any{"memry_lmt": 1}, `memry_lmt: unknown key; did you mean "memory"? The keys are ` + keyNames()},
		{map[string]any{"xyzzy": 1}, `xyzzy: unknown key; the keys are ` + keyNames()},
		{map[string]any{"mode": "direct"}, `mode: got "direct"; this is the sandbox mode docker_run`},

		{map[string]any{"memory": "12x"}, `memory: "12x": it takes a size such as 256m or 1g: invalid suffix: 'x'`},
		{map[string]any{"memory": []any{"1g"}}, `memory: got a list; it takes a size such as 256m, or a number of bytes`},
		{map[string]any{"memory": 0.5}, `memory: got the number 0.5; it takes a size such as 256m, or a number of bytes`},
		{map[string]any{"memory": true}, `memory: got true; it takes a size such as 256m, or a number of bytes`},
		{map[string]any{"memory": nil}, `memory: got nothing (null); it takes a size such as 256m, or a number of bytes`},
		{map[string]any{"memory": time.Second}, `memory: got the duration 1s; it takes a size such as 256m, or a number of bytes`},
		{map[string]any{"cpus": map[string]any{}}, `cpus: got a map; it takes a number of CPUs such as 0.5`},
		{map[string]any{"pids_limit": "many"}, `pids_limit: got "many"; it takes a whole number`},
		{map[string]any{"pids_limit": 1.5}, `pids_limit: got the number 1.5; it takes a whole number`},
		{map[string]any{"read_only": "maybe"}, `read_only: got "maybe"; it takes true or false`},
		{map[string]any{"init": 1}, `init: got the number 1; it takes true or false`},
		{map[string]any{"user": 1.5}, `user: got the number 1.5; it takes a name or a number, and perhaps :group`},
		{map[string]any{"entrypoint": []any{"a", "b"}}, `entrypoint: got a list; it takes one word; "" clears the image's entrypoint`},
		{map[string]any{"workdir": "here"}, `workdir: "here": takes an absolute path in the container`},
		{map[string]any{"pull": "sometimes"}, `pull: "sometimes" is not a pull policy: it takes missing, always or never`},
		{map[string]any{"ulimits": []any{"nofile"}}, `ulimits[0]: "nofile": it takes name=soft[:hard]: invalid ulimit argument: nofile`},

		{map[string]any{"timeout": 10}, `timeout: got the number 10; it takes a duration with its unit, such as "10s" or "2m"`},
		{map[string]any{"timeout": "10"}, `timeout: got "10"; it takes a duration with its unit, such as "10s" or "2m"`},
		{map[string]any{"timeout": "-1s"}, `timeout: -1s is negative`},
		{map[string]any{"pull_timeout": -time.Second}, `pull_timeout: -1s is negative`},
		{map[string]any{"max_output": "lots"}, `max_output: "lots": it takes a size above 0, such as 1m`},
		{map[string]any{"max_output": 0}, `max_output: "0": it takes a size above 0, such as 1m`},
		{map[string]any{"max_concurrent": -1}, `max_concurrent: -1 is negative; 0 is no limit`},
		{map[string]any{"mount_check": "maybe"}, `mount_check: "maybe": it takes on or off`},
		{map[string]any{"isolation": "tight"}, `isolation: "tight": takes engine or strict`},
		{map[string]any{"allow": "network"}, `allow: "network": needs isolation strict: there is nothing to allow without it`},
		{map[string]any{"isolation": "strict", "allow": []any{"network", "moon"}}, `allow[1]: "moon": takes one of ` + allowanceNames()},
		{map[string]any{"isolation": "strict", "network": "host"}, `network: "host": is the network of the host or of another container; isolation strict takes that only with allow: [host-namespaces]`},
		{map[string]any{"isolation": "strict", "cap_add": "NET_RAW"}, `cap_add[0]: "NET_RAW": adds a capability; isolation strict takes that only with allow: [capabilities]`},
		{map[string]any{"isolation": "strict", "mounts": "/srv/x:/x:rw"}, `mounts[0]: "/srv/x:/x:rw": can be written to; isolation strict takes that only with allow: [rw-mounts]`},
		{map[string]any{"image": "busybox:1", "require_digest": true}, `image: "busybox:1": has no digest, which require_digest demands: it takes name@sha256:... or an image ID`},
		{map[string]any{"base_dir": "~bob/x"}, `base_dir: "~bob/x": it takes a directory: an absolute path, a relative one, or one below ~/`},

		{map[string]any{"mounts": 7.5}, `mounts[0]: "7.5" is not a mount: its target "7.5" is relative; it takes an absolute path in the container`},
		{map[string]any{"mounts": []any{"/a:/a", map[string]any{"./b": "/b"}}}, `mounts[1]: got a map; it takes a list of mounts such as ./hooks:/hooks:ro`},
		{map[string]any{"mounts": []any{"/a:/a", "/b:b"}}, `mounts[1]: "/b:b" is not a mount: its target "b" is relative; it takes an absolute path in the container`},
		{map[string]any{"mounts": []any{"/a:/a", "/b:/a"}}, `mounts[1]: "/b:/a": mounts /a a second time (first by "/a:/a")`},
		{map[string]any{"mounts": "~bob/a:/a"}, `mount "~bob/a:/a": only ~ and ~/... are known; write another user's home directory out`},

		{map[string]any{"env": []any{map[string]any{"KEY": "hunter2"}}}, `env[0]: got a map; it takes a list of NAME=value or NAME, or a map of them`},
		{map[string]any{"env": map[string]any{"KEY": []any{"hunter2"}}}, `env.KEY: got a list; it takes a list of NAME=value or NAME, or a map of them`},
		{map[string]any{"env": []any{"A=1", "=hunter2"}}, `env[1]: "=...": takes NAME=value or NAME; the name is empty`},
		{map[string]any{"env": []any{""}}, `env[0]: "=...": takes NAME=value or NAME; the name is empty`},
		{map[string]any{"env": []any{"A=hunter2\x00"}}, `env[0]: "A": can't hold a NUL byte`},
		{map[string]any{"labels": []any{1, []any{}}}, `labels[1]: got a list; it takes a map of strings, or a list of name=value`},
		{map[string]any{"labels": map[any]any{1: "x"}}, `labels (a key of it): got the number 1; it takes a map of strings, or a list of name=value`},

		{map[string]any{"extra_args": "--env=KEY=hunter2"}, `extra_args: got a string; it takes a list of docker-run flags, one in each entry, such as --ipc=none`},
		{map[string]any{"extra_args": []any{"-eA=hunter2", "--env", "B=hunter2", "C=hunter2", "--env=D=hunter2"}}, `extra_args: "C=..." is no flag, nor the value of one: it would become the image or the command`},
		{map[string]any{"extra_args": 7}, `extra_args: got a number; it takes a list of docker-run flags, one in each entry, such as --ipc=none`},
		{map[string]any{"env": true}, `env: got a boolean; it takes a list of NAME=value or NAME, or a map of them`},
		{map[string]any{"cap_add": true}, `cap_add: got true; it takes a list of strings`},
		{map[string]any{"network": struct{}{}}, `network: got a struct {}; it takes a string`},
		{map[string]any{"network": strings.Repeat("x", 300), "pull": strings.Repeat("y", 300)}, `pull: "` + strings.Repeat("y", 200) + `..." is not a pull policy: it takes missing, always or never`},
		{map[string]any{"extra_args": []any{"ubuntu"}}, `extra_args: "ubuntu" is no flag, nor the value of one: it would become the image or the command`},
		{map[string]any{"extra_args": []any{"--rm=false"}}, `extra_args: invalid argument "false" for "--rm" flag: containers are always removed; --rm=false is not possible`},
		{map[string]any{"extra_args": []any{"--env=A=1", "B=hunter2"}}, `extra_args: "B=..." is no flag, nor the value of one: it would become the image or the command`},
		{map[string]any{"extra_args": []any{"-e", "=hunter2"}}, `extra_args: invalid argument "=..." for "-e, --env" flag: it takes NAME=value or NAME; the name is empty`},
		{map[string]any{"extra_args": []any{"--env==hunter2"}}, `extra_args: invalid argument "=..." for "-e, --env" flag: it takes NAME=value or NAME; the name is empty`},

		{map[string]any{"runtime": "dokcer"}, `runtime: "dokcer": it takes one of auto, docker-api, docker-cli, podman`},
		{map[string]any{"runtime": "auto", "host": "unix:///x"}, `host: can't be combined with runtime "auto": name the runtime that the address is for: docker-cli, docker-api, podman`},
		{map[string]any{"runtime": "podman", "docker_path": "podman"}, `docker_path: can't be combined with runtime "podman": only docker-cli starts a command`},
	} {
		cfg := map[string]any{}
		for k, v := range c.cfg {
			cfg[k] = v
		}
		if _, ok := cfg["image"]; !ok && !strings.HasPrefix(c.want, "image:") {
			cfg["image"] = "busybox"
		}
		sb, err := Factory("pii", cfg)
		if assert.Error(t, err, "%v", c.cfg) {
			assert.Equal(t, `sandbox "pii": `+c.want, err.Error())
			assert.ErrorIs(t, err, runtime.ErrInvalidSpec)
			assert.NotContains(t, err.Error(), "hunter2", "a value of the environment")
		}
		assert.Nil(t, sb)
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Factory("pii", map[string]any{
		"image": 1, "memory": "12x", "timeout": 5, "nonesuch_thing": 1, "mounts": []any{"a"}, "runtime": "x",
	})
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	var keys []string
	for _, line := range lines {
		rest, ok := strings.CutPrefix(line, `sandbox "pii": `)
		require.True(t, ok, line)
		key, _, _ := strings.Cut(rest, ":")
		keys = append(keys, key)
	}
	assert.Equal(t, []string{"image", "nonesuch_thing", "timeout", "mounts[0]", "memory", "runtime"}, keys)
}

// New can't return its error, so every call does.
func TestNewWithFaults(t *testing.T) {
	t.Parallel()
	_, want := Factory(ModeName, map[string]any{"image": "busybox", "memory": "12x"})
	sb := New(Config{Image: "busybox", Memory: "12x"})
	for range 2 {
		err := spawnError(t, t.Context(), sb, request)
		assert.EqualError(t, err, want.Error())
		assert.ErrorIs(t, err, runtime.ErrInvalidSpec)
	}
	require.NoError(t, sb.Close())
}
