package runtime

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func applyStrict(t *testing.T, around Surroundings, allow []string, flags ...string) (Spec, error) {
	t.Helper()
	spec, _, err := Isolation{Strict: true, Allow: allow}.Apply(specOf(t, flags...), around)
	return spec, err
}

// To some engines and command lines, builtin is the name of a file.
func TestStrictBuiltinSeccomp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		info *Info
		ok   bool
	}{
		{nil, true},
		{&Info{Engine: "docker", LimitsEnforced: true}, true},
		{&Info{Engine: "docker", ClientVersion: "28.2.2", LimitsEnforced: true}, true},
		{&Info{Engine: "docker", ClientVersion: "23.0", LimitsEnforced: true}, true},
		{&Info{Engine: "docker", ClientVersion: "20.10.24+dfsg1", LimitsEnforced: true}, false},
		{&Info{Engine: "podman", LimitsEnforced: true}, false},
		{&Info{Engine: "podman", ClientVersion: "5.8.2", LimitsEnforced: true}, false},
	} {
		_, err := applyStrict(t, Surroundings{Info: c.info}, nil, "--security-opt=seccomp=builtin")
		if c.ok {
			assert.NoError(t, err, c.info)
			continue
		}
		assert.ErrorContains(t, err, `security-opt[0]: "seccomp=builtin": is no word to this engine or command line, but a file of that name`, c.info)
	}
}

func TestStrictLogs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ flag, allow string }{
		{"--log-driver=syslog", ""},
		{"--log-driver=k8s-file", ""},
		{"--log-driver=gelf", "network"},
		{"--log-opt=syslog-address=tcp://127.0.0.1:5599", "network"},
		{"--log-opt=splunk-url=x", "network"},
		{"--log-opt=path=/srv/log", "host-paths"},
	} {
		_, err := applyStrict(t, Surroundings{}, []string{"logs"}, c.flag)
		if c.allow == "" {
			assert.NoError(t, err, c.flag)
			continue
		}
		assert.ErrorContains(t, err, "only with allow: ["+c.allow+"]", c.flag)
		_, err = applyStrict(t, Surroundings{}, []string{"logs", c.allow}, c.flag)
		assert.NoError(t, err, c.flag)
	}
}

func TestStrictAnnotations(t *testing.T) {
	t.Parallel()
	around := func(names ...string) Surroundings {
		img := &Image{Annotations: map[string]string{}}
		for _, name := range names {
			img.Annotations[name] = "x"
		}
		return Surroundings{Image: img}
	}
	_, err := applyStrict(t, around("org.opencontainers.image.base.name", "com.docker.x", "io.buildah.version"), nil)
	require.NoError(t, err)
	for _, name := range []string{"run.oci.seccomp_bpf_data", "org.systemd.property.MemoryMax", "io.podman.annotations.privileged", "io.kubernetes.cri-o.Devices", "unknown"} {
		_, err = applyStrict(t, around(name), nil)
		require.ErrorContains(t, err, `image: "img": has the annotation "`+name+`", on which an OCI runtime may act; isolation strict takes that only with allow: [other-flags]`)
		_, err = applyStrict(t, around(name), []string{"other-flags"})
		require.NoError(t, err)
	}
}

func TestStrictNvidia(t *testing.T) {
	t.Parallel()
	around := Surroundings{Info: &Info{Engine: "docker", LimitsEnforced: true, DefaultOCIRuntime: "nvidia"}}
	spec, err := applyStrict(t, around, nil, "--env=NVIDIA_VISIBLE_DEVICES=all")
	require.NoError(t, err)
	assert.Equal(t, []string{"NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_VISIBLE_DEVICES=void"}, spec.Env, "the last one holds")
	spec, err = applyStrict(t, around, []string{"devices"})
	require.NoError(t, err)
	assert.Empty(t, spec.Env)
}

func TestStrictHealthcheckAndSystemd(t *testing.T) {
	t.Parallel()
	spec, err := applyStrict(t, Surroundings{}, nil)
	require.NoError(t, err)
	assert.True(t, spec.NoHealthcheck)
	assert.True(t, spec.NoSystemd)
	spec, err = applyStrict(t, Surroundings{}, []string{"other-flags"}, "--health-cmd=true")
	require.NoError(t, err)
	assert.False(t, spec.NoHealthcheck, "docker takes but one of them")
}

// A socket deep in a source, and the engine's own under another name.
func TestSocketsBelowASource(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "dockerrun-")
	require.NoError(t, err)
	defer func() { assert.NoError(t, os.RemoveAll(dir)) }()
	deep := filepath.Join(dir, "a", "b")
	require.NoError(t, os.MkdirAll(deep, 0o700))
	require.NoError(t, os.Symlink("a", filepath.Join(dir, "link")))
	check := func(source, endpoint string, allow ...string) error {
		_, err := Isolation{Strict: true, Allow: allow}.CheckStrictMounts(specOf(t, "--volume="+source+":/d:ro").Mounts, endpoint)
		return err
	}
	require.NoError(t, check(dir, ""))
	for _, endpoint := range []string{"unix://", "UNIX://"} {
		require.ErrorContains(t, check(deep, endpoint+filepath.Join(dir, "link", "b", "engine.sock")), "allow: [sockets]", "by its path alone")
	}

	l, err := net.Listen("unix", filepath.Join(dir, "link", "b", "s"))
	require.NoError(t, err)
	defer func() { assert.NoError(t, l.Close()) }()
	require.ErrorContains(t, check(dir, ""), "its source has a socket in it ("+filepath.Join(deep, "s")+"); isolation strict takes that only with allow: [sockets]")
	require.NoError(t, check(dir, "", "sockets"))
}

// Engines make directories for what is mounted below a mount, on the host.
func TestTargetsBelowAMount(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "is", "there"), 0o700))
	require.NoError(t, os.Symlink("/tmp", filepath.Join(dir, "out")))
	bind := "--volume=" + dir + ":/m:ro"
	for _, c := range []struct {
		flags []string
		image *Image
		want  string // empty: it is taken
	}{
		{[]string{"--tmpfs=/m/is/there", "--workdir=/m/is"}, nil, ""},
		{[]string{"--tmpfs=/m/is/not"}, nil, `tmpfs: "/m/is/not": is not there in ` + dir + ", where engines may make it, on the host"},
		{[]string{"--volume=/srv:/m/new:ro"}, nil, `mounts[1]: "/m/new"`},
		{[]string{"--workdir=/m/wd"}, nil, `workdir: "/m/wd"`},
		{nil, &Image{WorkingDir: "/m/wd"}, `the image's workdir: "/m/wd"`},
		{[]string{"--workdir=/x"}, &Image{WorkingDir: "/m/wd"}, ""},
		{[]string{"--tmpfs=/m/out"}, nil, `tmpfs: "/m/out"`},
		{[]string{"--tmpfs=/m/is", "--tmpfs=/m/is/new"}, nil, ""},
		{[]string{"--tmpfs=/mm/new"}, nil, ""},
	} {
		spec := specOf(t, append([]string{bind}, c.flags...)...)
		err := Isolation{Strict: true}.checkTargets(spec, c.image)
		if c.want == "" {
			assert.NoError(t, err, c.flags)
			continue
		}
		require.ErrorContains(t, err, c.want, c.flags)
		assert.NoError(t, Isolation{Strict: true, Allow: []string{"rw-mounts"}}.checkTargets(spec, c.image), c.flags)
	}
}

func TestEnvFilesWithCredentials(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, ".aws"), 0o700))
	secret := filepath.Join(dir, ".aws", "credentials")
	require.NoError(t, os.WriteFile(secret, []byte("A=1\n  \n# c\nkey: s3cr3t word=1\n"), 0o600))
	require.NoError(t, os.Symlink(secret, filepath.Join(dir, "env")))
	strict := Isolation{Strict: true}
	require.ErrorContains(t, strict.checkEnvFiles([]string{filepath.Join(dir, "env")}), "is where credentials are kept; isolation strict takes that only with allow: [credentials]")
	require.NoError(t, strict.checkEnvFiles([]string{filepath.Join(dir, "none")}), "reading it says so")

	_, err := resolveEnv([]string{secret}, nil)
	require.ErrorContains(t, err, "line 4 of "+secret+": takes NAME=value")
	assert.NotContains(t, err.Error(), "s3cr3t")
	_, err = resolveEnv([]string{secret + "x"}, nil)
	require.ErrorContains(t, err, "no such file")
}

func TestGroupsAreSingleWords(t *testing.T) {
	t.Parallel()
	for _, group := range []string{"", `"keep-groups"`, "a,b", "'a'", "a\nb"} {
		err := Spec{Image: "img", GroupAdd: []string{"1000", group}}.Validate()
		require.ErrorContains(t, err, "takes a group's name or number", group)
	}
	require.NoError(t, Spec{Image: "img", GroupAdd: []string{"1000", "video", "keep-groups", "a b$"}}.Validate())
}
