package runtime

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const someDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func specOf(t *testing.T, flags ...string) Spec {
	t.Helper()
	spec := Spec{Image: "img", Args: []string{"command"}}
	require.NoError(t, SetFlags(&spec, flags))
	return spec
}

func TestParseIsolation(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"": false, "engine": false, "strict": true} {
		i, err := ParseIsolation(name, nil)
		require.NoError(t, err)
		assert.Equal(t, want, i.Strict, name)
	}
	for _, c := range []struct {
		name  string
		allow []string
		want  string
	}{
		{"Strict", nil, `isolation: "Strict": takes engine or strict`},
		{"", []string{"network"}, `allow: "network": needs isolation strict`},
		{"strict", []string{"network", "everything"}, `allow[1]: "everything": takes one of capabilities, `},
	} {
		_, err := ParseIsolation(c.name, c.allow)
		require.ErrorIs(t, err, ErrInvalidSpec)
		assert.ErrorContains(t, err, c.want)
	}
}

// What strict makes of a Spec that says nothing.
func TestStrict(t *testing.T) {
	t.Parallel()
	docker := &Info{Engine: "docker", LimitsEnforced: true}
	podman := &Info{Engine: "podman", LimitsEnforced: true, Version: "4.3.1"}
	const tmpfs = ":rw,nosuid,nodev,noexec,mode=1777,size=64m"
	all := []string{
		"--cap-drop=ALL", "--cgroupns=private", "--ipc=private", "--log-driver=none", "--memory=536870912", "--memory-swap=536870912",
		"--network=none", "--pids-limit=256", "--read-only=true", "--security-opt=no-new-privileges", "--tmpfs=/tmp" + tmpfs,
		"--ulimit=nofile=1024:1024", "--ulimit=core=0:0", "--user=65532:65532", "--no-healthcheck=true",
	}
	with := func(more ...string) []string { return append(slices.Clone(all), more...) }
	for name, c := range map[string]struct {
		around Surroundings
		want   []string
	}{
		"nothing known": {Surroundings{}, all},
		"docker":        {Surroundings{Info: docker}, all},
		"podman":        {Surroundings{Info: podman}, with("--tmpfs=/run"+tmpfs, "--tmpfs=/var/tmp"+tmpfs, "--ulimit=nproc=4096:4096")},
		"an image with volumes": {Surroundings{Info: docker, Image: &Image{Volumes: []string{"/data", "/tmp/"}}},
			with("--tmpfs=/data" + tmpfs)},
	} {
		got, settings, err := Isolation{Strict: true}.Apply(specOf(t), c.around)
		require.NoError(t, err, name)
		assert.ElementsMatch(t, c.want, got.Flags(), name)
		require.NoError(t, got.Validate(), name)

		said := make([]string, len(settings))
		for i, s := range settings {
			said[i] = "--" + s.Name + "=" + s.Value
			assert.NotEmpty(t, s.Why, s.Name)
		}
		assert.ElementsMatch(t, c.want, said, "%s: what it says it set", name)

		again, settings, err := Isolation{Strict: true}.Apply(got, c.around)
		require.NoError(t, err, name)
		assert.Equal(t, got, again, name)
		assert.Empty(t, settings, name)
	}
}

func TestEngineIsolationChangesNothing(t *testing.T) {
	t.Parallel()
	spec := specOf(t, "--privileged", "--volume=/:/host", "--network=host")
	got, settings, err := Isolation{}.Apply(spec, Surroundings{Info: &Info{}})
	require.NoError(t, err)
	assert.Equal(t, spec, got)
	assert.Empty(t, settings)
}

// What a Spec says itself holds.
func TestStrictKeeps(t *testing.T) {
	t.Parallel()
	flags := []string{
		"--memory=1073741824", "--memory-swap=2147483648", "--pids-limit=4", "--ulimit=nofile=10:20", "--ulimit=core=0:0", "--no-healthcheck=true", "--user=app", "--ipc=none", "--cgroupns=private",
		"--tmpfs=/tmp:exec,size=1m", "--volume=/srv/data:/d:ro,z", "--volume=cache:/c:ro", "--mount=type=bind,source=/srv/x,target=/x,ro",
		"--security-opt=no-new-privileges=true", "--hostname=h", "--userns=keep-id", "--runtime=runsc", "--network=none", "--log-driver=none", "--init=true",
		"--shm-size=1048576", "--cpus=0.5", "--group-add=2000", "--platform=linux/amd64", "--read-only=true", "--cap-drop=ALL",
	}
	got, settings, err := Isolation{Strict: true}.Apply(specOf(t, flags...), Surroundings{})
	require.NoError(t, err)
	assert.ElementsMatch(t, flags, got.Flags())
	assert.Empty(t, settings)
}

func TestStrictDoesNotChangeItsArgument(t *testing.T) {
	t.Parallel()
	spec := specOf(t, "--volume=/srv/data:/d", "--tmpfs=/t", "--mount=type=tmpfs,target=/x", "--ulimit=core=0", "--cap-drop=CHOWN")
	before := spec.Flags()
	_, _, err := Isolation{Strict: true}.Apply(spec, Surroundings{})
	require.NoError(t, err)
	assert.Equal(t, before, spec.Flags())
}

func TestStrictMountsAndTmpfs(t *testing.T) {
	t.Parallel()
	got, _, err := Isolation{Strict: true}.Apply(specOf(t,
		"--volume=/srv/a:/a", "--volume=/srv/b:/b:z", "--volume=cache:/c", "--mount=type=volume,source=vol,target=/d", "--mount=type=bind,source=/srv/e,target=/e",
		"--mount=type=tmpfs,target=/f", "--mount=type=tmpfs,target=/tmp,tmpfs-size=9", "--tmpfs=/h", "--tmpfs=/i:mode=700", "--mount=type=image,source=img,target=/j",
	), Surroundings{})
	require.NoError(t, err)
	flags := got.Flags()
	for _, want := range []string{
		"--volume=/srv/a:/a:ro", "--volume=/srv/b:/b:z,ro", "--volume=cache:/c:ro", "--mount=type=volume,source=vol,target=/d,ro",
		"--mount=type=bind,source=/srv/e,target=/e,ro", "--mount=type=tmpfs,target=/f,tmpfs-size=64m", "--mount=type=tmpfs,target=/tmp,tmpfs-size=9",
		"--tmpfs=/h:size=64m", "--tmpfs=/i:mode=700,size=64m", "--mount=type=image,source=img,target=/j",
	} {
		assert.Contains(t, flags, want)
	}
	assert.Len(t, got.Tmpfs, 2, "there is something at /tmp")
	require.NoError(t, got.Validate())
}

// Every weakening, the error that it gives, and that its allowance lets it pass as it is.
func TestWeakenings(t *testing.T) {
	t.Setenv("HOME", "/home/someone")
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/1000")
	used := map[string]bool{}
	for _, c := range []struct{ flag, field, allow string }{
		{"--network=bridge", "network", "network"},
		{"--network=mynet", "network", "network"},
		{"--network=slirp4netns:allow_host_loopback=true", "network", "host-namespaces"},
		{"--network=pasta:-T,auto", "network", "host-namespaces"},
		{"--network=name=host", "network", "host-namespaces"},
		{"--network=NAME=HOST", "network", "host-namespaces"},
		{"--network=name=container:db", "network", "host-namespaces"},
		{"--network=name=mynet", "network", "network"},
		{"--network=host", "network", "host-namespaces"},
		{"--network=container:db", "network", "host-namespaces"},
		{"--network=ns:/proc/1/ns/net", "network", "host-namespaces"},
		{"--pid=host", "pid", "host-namespaces"},
		{"--pid=container:db", "pid", "host-namespaces"},
		{"--ipc=host", "ipc", "host-namespaces"},
		{"--ipc=shareable", "ipc", "host-namespaces"},
		{"--uts=host", "uts", "host-namespaces"},
		{"--userns=host", "userns", "host-namespaces"},
		{"--userns=container:db", "userns", "host-namespaces"},
		{"--userns=auto:size=65536,uidmapping=65532:0:1", "userns", "host-namespaces"},
		{"--userns=nomap:x", "userns", "host-namespaces"},
		{"--cgroupns=host", "cgroupns", "host-namespaces"},
		{"--privileged", "privileged", "privileged"},
		{"--cap-add=SYS_ADMIN", "cap-add[0]", "capabilities"},
		{"--cap-add=ALL", "cap-add[0]", "capabilities"},
		{"--security-opt=no-new-privileges=false", "security-opt[0]", "new-privileges"},
		{"--security-opt=no-new-privileges:false", "security-opt[0]", "new-privileges"},
		{"--security-opt=seccomp=unconfined", "security-opt[0]", "security-opts"},
		{"--security-opt=seccomp:unconfined", "security-opt[0]", "security-opts"},
		{"--security-opt=seccomp=/my/profile.json", "security-opt[0]", "security-opts"},
		{"--security-opt=apparmor=unconfined", "security-opt[0]", "security-opts"},
		{"--security-opt=label=disable", "security-opt[0]", "security-opts"},
		{"--security-opt=unmask=ALL", "security-opt[0]", "security-opts"},
		{"--security-opt=systempaths=unconfined", "security-opt[0]", "security-opts"},
		{"--user=root", "user", "root"},
		{"--user=0", "user", "root"},
		{"--user=000:1000", "user", "root"},
		{"--user=+0", "user", "root"},
		{"--user=:1000", "user", "root"},
		{"--group-add=keep-groups", "group-add", "keep-groups"},
		{"--memory-swap=-1", "memory-swap", "no-limits"},
		{"--pids-limit=-1", "pids-limit", "no-limits"},
		{"--oom-kill-disable", "oom-kill-disable", "no-limits"},
		{"--oom-score-adj=-500", "oom-score-adj", "no-limits"},
		{"--ulimit=nofile=-1", "ulimit", "no-limits"},
		{"--ulimit=nofile=10:-1", "ulimit", "no-limits"},
		{"--log-driver=json-file", "log-driver", "logs"},
		{"--log-opt=max-size=1m", "log-opt", "logs"},
		{"--device=/dev/kvm", "device[0]", "devices"},
		{"--device=vendor.com/gpu=0", "device[0]", "devices"},
		{"--gpus=all", "gpus[0]", "devices"},
		{"--cgroup-parent=/", "cgroup-parent", "cgroup-parent"},
		{"--sysctl=kernel.shmmax=1", "sysctl", "sysctls"},
		{"--runtime=/tmp/mine", "runtime", "other-flags"},
		{"--runtime=nvidia", "runtime", "devices"},
		{"--tmpfs=/x:size=0", "tmpfs[0]", "no-limits"},
		{"--tmpfs=/x:mode=700,size=0k", "tmpfs[0]", "no-limits"},
		{"--mount=type=tmpfs,target=/x,tmpfs-size=0", "mounts[0]", "no-limits"},
		{"--ulimit=core=-1", "ulimit", "no-limits"},
		{"--env-file=/srv/ci/.aws/credentials", "env-file", "credentials"},
		{"--device-cgroup-rule=a *:* rwm", "device-cgroup-rule", "other-flags"},
		{"--volumes-from=db", "volumes-from", "other-flags"},

		{"--volume=/srv/data:/d:rw", "mounts[0]", "rw-mounts"},
		{"--volume=cache:/d:rw", "mounts[0]", "rw-mounts"},
		{"--volume=/d", "mounts[0]", "rw-mounts"},
		{"--mount=type=volume,target=/d", "mounts[0]", "rw-mounts"},
		{"--mount=type=bind,source=/srv/data,target=/d,readonly=false", "mounts[0]", "rw-mounts"},
		{"--mount=type=bind,source=/srv/data,target=/d,ro=0", "mounts[0]", "rw-mounts"},
		{"--mount=type=image,source=img,target=/d,readonly=false", "mounts[0]", "rw-mounts"},
		{"--volume=/srv/data:/d:ro,rshared", "mounts[0]", "host-paths"},
		{"--volume=/srv/data:/d:rslave,ro", "mounts[0]", "host-paths"},
		{"--mount=type=bind,source=/srv/data,target=/d,readonly,bind-propagation=rshared", "mounts[0]", "host-paths"},
		{"--mount=type=volume,source=vol,target=/d,readonly,volume-opt=device=/", "mounts[0]", "host-paths"},
		{"--mount=type=volume,source=vol,target=/d,readonly,volume-driver=nfs", "mounts[0]", "host-paths"},
		{"--volume=/:/d:ro", "mounts[0]", "host-paths"},
		{"--volume=/srv/..:/d:ro", "mounts[0]", "host-paths"},
		{"--volume=/proc:/d:ro", "mounts[0]", "host-paths"},
		{"--volume=/proc/1/root:/d:ro", "mounts[0]", "host-paths"},
		{"--volume=/sys/fs/cgroup:/d:ro", "mounts[0]", "host-paths"},
		{"--volume=/etc:/d:ro", "mounts[0]", "host-paths"},
		{"--volume=/etc/shadow:/d:ro", "mounts[0]", "host-paths"},
		{"--volume=/dev/shm:/d:ro", "mounts[0]", "host-paths"},
		{"--volume=/var/lib/docker/volumes:/d:ro", "mounts[0]", "host-paths"},
		{"--volume=/var/lib:/d:ro", "mounts[0]", "host-paths"},
		{"--volume=/run/docker.sock:/d:ro", "mounts[0]", "sockets"},
		{"--volume=/var/run/docker.sock:/d:ro", "mounts[0]", "sockets"},
		{"--volume=/run/podman:/d:ro", "mounts[0]", "sockets"},
		{"--volume=/run:/d:ro", "mounts[0]", "sockets"},
		{"--volume=/run/user/7:/d:ro", "mounts[0]", "host-paths"},
		{"--volume=/var/run/dbus:/d:ro", "mounts[0]", "host-paths"},
		{"--volume=/private/etc:/d:ro", "mounts[0]", "host-paths"},
		{`--volume=C:\\Users\\me\\.ssh:/d:ro`, "mounts[0]", "credentials"},
		{`--volume=C:\\:/d:ro`, "mounts[0]", "host-paths"},
		{"--volume=/var:/d:ro", "mounts[0]", "sockets"},
		{"--volume=/run/user/1000:/d:ro", "mounts[0]", "sockets"},
		{"--mount=type=bind,source=/run/containerd/containerd.sock,target=/d,ro", "mounts[0]", "sockets"},
		{"--volume=/home:/d:ro", "mounts[0]", "credentials"},
		{"--volume=/home/someone:/d:ro", "mounts[0]", "credentials"},
		{"--volume=/home/other/:/d:ro", "mounts[0]", "credentials"},
		{"--volume=/root:/d:ro", "mounts[0]", "credentials"},
		{"--volume=/home/someone/.ssh:/d:ro", "mounts[0]", "credentials"},
		{"--volume=/srv/ci/.aws/credentials:/d:ro", "mounts[0]", "credentials"},
		{"--volume=/home/someone/.docker/config.json:/d:ro", "mounts[0]", "credentials"},
		{"--volume=/home/someone/.docker:/d:ro", "mounts[0]", "credentials"},
		{"--volume=/home/someone/.config:/d:ro", "mounts[0]", "credentials"},
		{"--volume=/home/someone/.config/gcloud/legacy:/d:ro", "mounts[0]", "credentials"},
		{"--volume=/home/someone/.kube:/d:ro", "mounts[0]", "credentials"},
		{"--volume=/home/someone/.gnupg:/d:ro", "mounts[0]", "credentials"},
		{"--volume=/home/someone/.pgpass:/d:ro", "mounts[0]", "credentials"},
		{"--volume=/run/secrets/kubernetes.io:/d:ro", "mounts[0]", "host-paths"},
		{"--volume=/var/spool/cron/crontabs:/d:ro", "mounts[0]", "host-paths"},
	} {
		spec := specOf(t, c.flag)
		_, _, err := Isolation{Strict: true}.Apply(spec, Surroundings{})
		require.ErrorIs(t, err, ErrInvalidSpec, c.flag)
		weak, ok := err.(Weakenings)
		require.True(t, ok, c.flag)
		require.Len(t, weak, 1, c.flag)
		assert.True(t, strings.HasPrefix(weak[0].Message, c.field+": \""), "%s: %s", c.flag, weak[0].Message)
		assert.Contains(t, weak[0].Message, "only with allow: ["+c.allow+"]", c.flag)
		used[c.allow] = true

		got, _, err := Isolation{Strict: true, Allow: []string{c.allow}}.Apply(spec, Surroundings{})
		require.NoError(t, err, "%s with allow: %s", c.flag, c.allow)
		for _, flag := range spec.Flags() {
			assert.Contains(t, got.Flags(), flag, c.flag)
		}
		assert.Equal(t, spec.Passthrough, got.Passthrough, c.flag)
	}
	used[allowWritableRoot] = true // weakens nothing that is said: TestAllowances
	names := slices.Sorted(maps.Keys(used))
	assert.Equal(t, names, allowanceNames(), "every name allows something, and they are sorted")
}

// Each fault has its own error.
func TestAllWeakeningsAtOnce(t *testing.T) {
	t.Parallel()
	_, _, err := Isolation{Strict: true, RequireDigest: true}.Apply(specOf(t, "--network=host", "--cap-add=A", "--cap-add=B", "--volume=/:/h:rw"), Surroundings{})
	weak, ok := err.(Weakenings)
	require.True(t, ok)
	assert.Len(t, weak, 6)
	assert.Equal(t, 5, strings.Count(err.Error(), "\n"))
}

// Allowances that change what is set where nothing is said.
func TestAllowances(t *testing.T) {
	t.Parallel()
	apply := func(around Surroundings, allow ...string) Spec {
		got, _, err := Isolation{Strict: true, Allow: allow}.Apply(specOf(t), around)
		require.NoError(t, err)
		return got
	}
	root := &Image{User: "root", Volumes: []string{"/data"}}
	assert.False(t, apply(Surroundings{}, "writable-root").ReadOnly)
	assert.Empty(t, apply(Surroundings{Image: root}, "root").User)
	assert.Equal(t, "none", apply(Surroundings{}, "network", "host-namespaces").Network)
	assert.Len(t, apply(Surroundings{Image: root}).Tmpfs, 2)
	assert.Len(t, apply(Surroundings{Image: root}, "rw-mounts").Tmpfs, 1)
}

func TestStrictUser(t *testing.T) {
	t.Parallel()
	for user, want := range map[string]string{
		"": strictUser, "root": strictUser, "0": strictUser, "0:0": strictUser, "00": strictUser, "root:users": strictUser,
		"app": "app", "1000": "1000", "1000:0": "1000:0", "nobody:nogroup": "nobody:nogroup",
	} {
		got, _, err := Isolation{Strict: true}.Apply(specOf(t), Surroundings{Image: &Image{User: user}})
		require.NoError(t, err)
		assert.Equal(t, want, got.User, "the image has %q", user)
	}
}

func TestUnenforcedLimits(t *testing.T) {
	t.Parallel()
	none := &Info{Runtime: "podman", Engine: "podman", Rootless: true}
	noSwap := &Info{Runtime: "docker-api", Engine: "docker", LimitsEnforced: true, UnenforcedLimits: []string{"memory-swap"}}

	_, _, err := Isolation{Strict: true}.Apply(specOf(t, "--cpus=1"), Surroundings{Info: none})
	require.ErrorIs(t, err, ErrUnsupported)
	assert.ErrorContains(t, err, "podman: not supported by this runtime: the engine does not hold containers to memory, memory-swap, cpus, pids-limit; "+
		"isolation strict does without only with allow: [no-limits]")

	got, settings, err := Isolation{Strict: true, Allow: []string{"no-limits"}}.Apply(specOf(t, "--cpus=1", "--memory=1g"), Surroundings{Info: none})
	require.NoError(t, err)
	assert.Equal(t, Resources{Ulimits: []Ulimit{{"nofile", 1024, 1024}, {"core", 0, 0}, {"nproc", 4096, 4096}}}, got.Resources)
	assert.Contains(t, settings, Setting{Name: "pids-limit", Why: "dropped, as the engine does not enforce it (allow: [no-limits])"})

	_, _, err = Isolation{Strict: true}.Apply(specOf(t), Surroundings{Info: noSwap})
	assert.ErrorContains(t, err, "does not hold containers to memory-swap;")
	got, _, err = Isolation{Strict: true, Allow: []string{"no-limits"}}.Apply(specOf(t), Surroundings{Info: noSwap})
	require.NoError(t, err)
	assert.EqualValues(t, strictMemory, got.Memory, "what is enforced stays")
	assert.Zero(t, got.MemorySwap)
}

// The engine's own filter is what strict relies on.
func TestStrictWithoutSeccomp(t *testing.T) {
	t.Parallel()
	around := Surroundings{Info: &Info{Runtime: "docker-api", Engine: "docker", LimitsEnforced: true, NoSeccomp: true}}
	_, _, err := Isolation{Strict: true}.Apply(specOf(t), around)
	require.ErrorIs(t, err, ErrUnsupported)
	assert.ErrorContains(t, err, "no seccomp filter")
	_, _, err = Isolation{Strict: true}.Apply(specOf(t, "--security-opt=seccomp=builtin"), around)
	require.NoError(t, err)
	_, _, err = Isolation{Strict: true, Allow: []string{"security-opts"}}.Apply(specOf(t), around)
	require.NoError(t, err)
}

// What Podman's service has of proxies is of no use without a network.
func TestStrictProxy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		isolation Isolation
		flags     []string
		want      bool
	}{
		{Isolation{}, []string{"--network=none"}, false},
		{Isolation{Strict: true}, nil, true},
		{Isolation{Strict: true, Allow: []string{"network"}}, []string{"--network=bridge"}, false},
	} {
		got, _, err := c.isolation.Apply(specOf(t, c.flags...), Surroundings{})
		require.NoError(t, err)
		assert.Equal(t, c.want, got.NoProxy)
	}
}

func TestKeepID(t *testing.T) {
	t.Parallel()
	info := func(engine, version string, rootless bool) *Info {
		return &Info{Engine: engine, Version: version, Rootless: rootless, LimitsEnforced: true}
	}
	mount := "--volume=/srv/x:/x:ro"
	for _, c := range []struct {
		info  *Info
		flags []string
		want  string
	}{
		{info("podman", "4.3.1", true), []string{mount}, "keep-id:uid=65532,gid=65532"},
		{info("podman", "5.8.2", true), []string{mount, "--user=1000"}, "keep-id:uid=1000"},
		{info("podman", "5.8.2", true), []string{mount, "--user=app"}, ""},
		{info("podman", "5.8.2", true), []string{mount, "--userns=auto"}, "auto"},
		{info("podman", "5.8.2", true), []string{"--volume=cache:/x:ro"}, ""},
		{info("podman", "4.2.0", true), []string{mount}, ""},
		{info("podman", "4.3.1", false), []string{mount}, ""},
		{info("docker", "27.0.0", true), []string{mount}, ""},
	} {
		got, _, err := Isolation{Strict: true}.Apply(specOf(t, c.flags...), Surroundings{Info: c.info})
		require.NoError(t, err)
		assert.Equal(t, c.want, got.UserNS, "%+v %v", c.info, c.flags)
	}
}

func TestRequireDigest(t *testing.T) {
	t.Parallel()
	hex := strings.TrimPrefix(someDigest, "sha256:")
	for ref, ok := range map[string]bool{
		"img": false, "img:1": false, "reg.example:5000/a/img:1": false, "sha256:0123": false, hex[:12]: false,
		"img@" + someDigest: true, "img:1@" + someDigest: true, "reg.example:5000/a/img@" + someDigest: true, someDigest: true, hex: true,
	} {
		_, _, err := Isolation{RequireDigest: true}.Apply(Spec{Image: ref}, Surroundings{})
		assert.Equal(t, ok, err == nil, "%s: %v", ref, err)
	}
}
