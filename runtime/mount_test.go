package runtime

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/cli/opts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseMount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		want Mount
	}{
		{"/a:/b", Mount{Type: MountBind, Source: "/a", Target: "/b"}},
		{"/a:/b:ro", Mount{Type: MountBind, Source: "/a", Target: "/b", Options: []string{"ro"}}},
		{"./hooks:/hooks:ro", Mount{Type: MountBind, Source: "./hooks", Target: "/hooks", Options: []string{"ro"}}},
		{".:/src", Mount{Type: MountBind, Source: ".", Target: "/src"}},
		{"..:/src", Mount{Type: MountBind, Source: "..", Target: "/src"}},
		{"~/hooks:/hooks", Mount{Type: MountBind, Source: "~/hooks", Target: "/hooks"}},
		{"/a:/b:rw,z,rslave,delegated", Mount{Type: MountBind, Source: "/a", Target: "/b", Options: []string{"rw", "z", "rslave", "delegated"}}},
		{"/a:/b:Z,ro", Mount{Type: MountBind, Source: "/a", Target: "/b", Options: []string{"Z", "ro"}}},
		{"cache:/cache", Mount{Type: MountVolume, Source: "cache", Target: "/cache"}},
		{"my.vol_1-x:/cache:nocopy,ro", Mount{Type: MountVolume, Source: "my.vol_1-x", Target: "/cache", Options: []string{"nocopy", "ro"}}},
		{"/anonymous", Mount{Type: MountVolume, Target: "/anonymous"}},
		{`C:\hooks:/hooks:ro`, Mount{Type: MountBind, Source: `C:\hooks`, Target: "/hooks", Options: []string{"ro"}}},
		{"/a b:/c d", Mount{Type: MountBind, Source: "/a b", Target: "/c d"}},
	} {
		t.Run(c.in, func(t *testing.T) {
			t.Parallel()
			got, err := ParseMount(c.in)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.in, got.String())
		})
	}
}

func TestParseMountErrors(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                   `"" is not a mount: it is empty; it takes source:target[:option,...]`,
		":":                  `nothing before or after a colon`,
		"/a:":                `nothing before or after a colon`,
		":/b":                `nothing before or after a colon`,
		"/a::ro":             `nothing before or after a colon`,
		"/a:/b:":             `nothing before or after a colon`,
		"/a:/b:ro:z":         `too many colons; mount a path with a colon in it with --mount type=bind,source=SOURCE`,
		"/a:b":               `its target "b" is relative; it takes an absolute path in the container`,
		"/a:ro":              `"ro" stands where the target should be; it takes source:target:ro`,
		"/a:/":               `its target is /`,
		"/a:/x/..":           `its target is /`,
		"/a:/b:rox":          `"rox" is not a mount option; it takes ro, rw,`,
		"/a:/b:ro,rw":        `options "ro" and "rw" can't be combined`,
		"/a:/b:ro,ro":        `options "ro" and "ro" can't be combined`,
		"/a:/b:z,Z":          `options "z" and "Z" can't be combined`,
		"/a:/b:rslave,slave": `can't be combined`,
		"/a:/b:nocopy":       `option "nocopy" is for volume mounts, and this is a bind`,
		"vol:/b:rslave":      `option "rslave" is for bind mounts, and this is a volume`,
		"/a:/b:ro,":          `"" is not a mount option`,
		"hooks/x:/b":         `"hooks/x" is no volume name; a path on the host begins with /, ./ or ~/`,
		"x:/b":               `has no target: one letter before a colon is a Windows drive`,
		"relative":           `its target "relative" is relative`,
	} {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			_, err := ParseMount(in)
			require.ErrorContains(t, err, want)
		})
	}
}

func TestParseLongMount(t *testing.T) {
	t.Parallel()
	m, err := ParseLongMount("type=bind,src=/a:b,dst=/c,readonly,bind-propagation=rslave")
	require.NoError(t, err)
	assert.Equal(t, Mount{
		Type: MountBind, Source: "/a:b", Target: "/c", Long: true,
		Options: []string{"ro", "bind-propagation=rslave"},
	}, m)
	assert.True(t, m.ReadOnly())
	assert.Equal(t, "type=bind,source=/a:b,target=/c,ro,bind-propagation=rslave", m.String())

	for _, said := range []string{"readonly=t", "readonly=1", "ro=T", "RO=TRUE", "readonly=true"} {
		m, err := ParseLongMount("type=bind,src=/a,dst=/c," + said)
		require.NoError(t, err)
		assert.Equal(t, []string{"ro"}, m.Options, "engines read only one spelling alike: %s", said)
	}
	_, err = ParseLongMount("type=bind,src=/a,dst=/c,bind-propagation=U")
	require.ErrorContains(t, err, `"bind-propagation=U": bind-propagation takes [r]private, [r]slave or [r]shared`)

	m, err = ParseLongMount(`type=bind,"source=/a,b",target=/c,readonly=false`)
	require.NoError(t, err)
	assert.Equal(t, "/a,b", m.Source)
	assert.False(t, m.ReadOnly())
	again, err := ParseLongMount(m.String())
	require.NoError(t, err)
	assert.Equal(t, m, again)

	for in, want := range map[string]string{
		"type=bind,target=/c":                         "needs a source",
		"type=bind,source=/a":                         "target is required",
		"type=bind,source=/a,target=c":                `its target "c" is relative`,
		"type=bind,source=/a,target=/":                "its target is /",
		"type=bind,source=/a,target=/b,nosuch=1":      "unexpected key 'nosuch'",
		"type=bind,source=/a,target=/b,volume-nocopy": "cannot mix 'volume-*' options",
		"type=volume,source=a/b,target=/b":            "is no volume name",
	} {
		_, err := ParseLongMount(in)
		require.ErrorContains(t, err, want, in)
	}
	for _, c := range []struct {
		mount Mount
		want  string
	}{
		{Mount{Type: "BIND", Source: "/", Target: "/x", Long: true}, `"BIND" is no type of mount`},
		{Mount{Source: "/a", Target: "/x", Long: true}, `"" is no type of mount`},
		{Mount{Type: MountTmpfs, Target: "/x"}, `one of type tmpfs needs the long form`},
		{Mount{Type: MountVolume, Source: "vol", Target: "/x", Options: []string{"ro", "Source=/"}, Long: true}, `"Source=/" is no option of a mount, but its source`},
		{Mount{Type: MountVolume, Source: "vol", Target: "/x", Options: []string{"type=bind"}, Long: true}, `"type=bind" is no option of a mount, but its type`},
	} {
		require.ErrorContains(t, c.mount.validate(), c.want)
	}
	require.Equal(t, "./hooks:/x", Mount{Type: MountBind, Source: "hooks", Target: "/x"}.String(), "which without ./ is a volume")
	lost := Mount{Type: MountBind, Source: "/a", Target: "/b\r\nc", Long: true}
	require.ErrorContains(t, lost.validate(), "carriage return before a line feed")
	lost.Long = false
	require.NoError(t, lost.validate(), "-v has no trouble with it")
}

func TestMountAbs(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	wd, err := os.Getwd()
	require.NoError(t, err)
	for _, c := range []struct{ in, base, want string }{
		{"./a/../b:/x", "/base", "/base/b"},
		{"../b:/x", "/base/dir", "/base/b"},
		{".:/x", "/base", "/base"},
		{"./a:/x", "", filepath.Join(wd, "a")},
		{"./a:/x", "sub", filepath.Join(wd, "sub", "a")},
		{"~:/x", "/base", home},
		{"~/a:/x", "/base", filepath.Join(home, "a")},
		{"/a/../b/:/x", "/base", "/b"},
		{"vol:/x", "/base", "vol"},
	} {
		m, err := ParseMount(c.in)
		require.NoError(t, err)
		abs, err := m.Abs(c.base)
		require.NoError(t, err)
		assert.Equal(t, c.want, abs.Source, c.in)
	}
	m, err := ParseMount("~other/a:/x")
	require.NoError(t, err)
	_, err = m.Abs("")
	require.ErrorContains(t, err, "only ~ and ~/... are known")
}

func TestCheckMounts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "link")))
	require.NoError(t, os.Symlink(filepath.Join(dir, "gone"), filepath.Join(dir, "dangling")))
	require.NoError(t, os.Symlink("/", filepath.Join(dir, "root")))
	sock := filepath.Join(dir, "docker.sock")
	l, err := net.Listen("unix", sock)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })

	mount := func(source string) []Mount {
		return []Mount{{Type: MountBind, Source: source, Target: "/x"}}
	}
	for _, ok := range []string{dir, filepath.Join(dir, "link")} {
		warnings, err := CheckMounts(mount(ok))
		require.NoError(t, err)
		assert.Empty(t, warnings)
	}
	for _, bad := range []string{filepath.Join(dir, "no/such/dir"), filepath.Join(dir, "dangling")} {
		_, err := CheckMounts(mount(bad))
		require.ErrorIs(t, err, ErrInvalidSpec)
		assert.ErrorContains(t, err, "mounts[0]")
		assert.ErrorContains(t, err, "does not exist on this host ("+dir+" does)")
		assert.NoDirExists(t, bad, "a missing source must not be made")
	}
	for source, want := range map[string]string{
		"/":                        "whole host filesystem",
		filepath.Join(dir, "root"): "whole host filesystem",
		sock:                       "control of the container engine",
	} {
		warnings, err := CheckMounts(mount(source))
		require.NoError(t, err)
		require.Len(t, warnings, 1, source)
		assert.Contains(t, warnings[0], want)
	}
	warnings, err := CheckMounts([]Mount{{Type: MountVolume, Source: "no-such-volume", Target: "/x"}})
	require.NoError(t, err)
	assert.Empty(t, warnings, "volumes are the engine's business")
}

// The property: what parses, prints to text that parses to the same mount, and neither
// source nor target can grow options, whatever they hold.
func FuzzParseMount(f *testing.F) {
	for _, seed := range []string{"/a:/b:ro", "vol:/b:nocopy", "./a:/b", `C:\a:/b`, "~:/b", "/b", "a:b:c:d", "::"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		m, err := ParseMount(in)
		if err != nil {
			return
		}
		again, err := ParseMount(m.String())
		require.NoError(t, err)
		require.Equal(t, m, again)
		require.True(t, strings.HasPrefix(m.Target, "/"))
		require.NotContains(t, m.Target, ":")
		long := Mount{Type: m.Type, Source: m.Source, Target: m.Target, Long: true}
		if long.validate() != nil {
			return // --mount can't write it
		}
		if got, err := ParseLongMount(long.String()); err == nil {
			require.Equal(t, long, got)
		}
	})
}

// The property: whatever a Mount holds, if it is valid then its text parses to it again,
// in both syntaxes. So no source, target or option can turn into another field.
func FuzzMountString(f *testing.F) {
	f.Add("bind", "/a,b", "/c", "readonly", "bind-propagation=rslave", true)
	f.Add("bind", "/a:ro", "/c", "", "", false)
	f.Add("volume", "vol", "/c,readonly", "ro", "nocopy", false)
	f.Add("volume", "", "/c", "volume-label=a=b", "volume-opt=o=\"x,y\"", true)
	f.Add("tmpfs", "", "/t\"", "tmpfs-size=1m", "tmpfs-mode=1777", true)
	f.Add("image", "busybox", "/i", "image-subpath=a", "type=bind", true)
	f.Fuzz(func(t *testing.T, kind, source, target, option, option2 string, long bool) {
		m := Mount{Type: MountType(kind), Source: source, Target: target, Long: long}
		for _, o := range []string{option, option2} {
			if o != "" {
				m.Options = append(m.Options, o)
			}
		}
		if m.validate() != nil || !long && m.Type == MountBind && !isPath(source) { // to which text adds ./
			return
		}
		text := m.String()
		parse := ParseMount
		if long {
			parse = ParseLongMount
		}
		got, err := parse(text)
		if err != nil {
			return // an engine refuses it too, as docker's parser has
		}
		require.Equal(t, m.ReadOnly(), got.ReadOnly())
		if long && m.ReadOnly() { // for which the parser has one spelling
			for i, o := range m.Options {
				if saysAccess(o) {
					m.Options[i] = "ro"
				}
			}
		}
		require.Equal(t, m, got, text)
		require.Equal(t, m.String(), got.String())
	})
}

// The property: what --mount takes, prints to text that means the same to docker.
func FuzzParseLongMount(f *testing.F) {
	for _, seed := range []string{
		"type=bind,src=/a:b,dst=/c,readonly,bind-propagation=rslave", `type=bind,"source=/a,b",target=/c,ro=false`, "type=volume,target=/b,volume-nocopy",
		"TYPE=tmpfs,Destination=/t,tmpfs-size=64m", "target=/b,source=vol,source=other", `type=bind,"source=/a""b",target=/c`, "type=image,src=x,dst=/y",
		"type=bind,source=/a,target=/b\ntype=volume",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		m, err := ParseLongMount(in)
		if err != nil {
			return
		}
		again, err := ParseLongMount(m.String())
		require.NoError(t, err)
		require.Equal(t, m, again)
		var before, after opts.MountOpt
		require.NoError(t, before.Set(in))
		require.NoError(t, after.Set(m.String()))
		require.Equal(t, before.Value(), after.Value(), "docker reads the same from both")
		require.Len(t, before.Value(), 1)
	})
}
