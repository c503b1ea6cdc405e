package runtime

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	valid := func(change func(*Spec)) Spec {
		s := Spec{Image: "registry.example:5000/team/hook:1.2", Args: []string{"/hook"}}
		change(&s)
		return s
	}
	require.NoError(t, valid(func(*Spec) {}).Validate())
	for _, image := range []string{"alpine", "a/b", "x@sha256:" + strings.Repeat("a", 64), strings.Repeat("0", 64), "sha256:" + strings.Repeat("0", 64)} {
		require.NoError(t, valid(func(s *Spec) { s.Image = image }).Validate(), image)
	}
	for _, c := range []struct {
		change func(*Spec)
		want   string
	}{
		{func(s *Spec) { s.Image = "" }, `image: "": is required`},
		{func(s *Spec) { s.Image = "--privileged" }, `image: "--privileged": takes name[:tag][@digest] or an image ID`},
		{func(s *Spec) { s.Image = "-v" }, `image: "-v"`},
		{func(s *Spec) { s.Image = "Upper/Case" }, `image: "Upper/Case"`},
		{func(s *Spec) { s.Image = "a b" }, `image: "a b"`},
		{func(s *Spec) { s.Name = "-x" }, `name: "-x": takes letters`},
		{func(s *Spec) { s.Args = []string{"a\x00b"} }, `args[0]`},
		{func(s *Spec) { s.Args = []string{""} }, `command: "": is empty`},
		{func(s *Spec) { s.Entrypoint = []string{"a", "b"} }, `entrypoint: "a b": takes one word`},
		{func(s *Spec) { s.Dir = "rel" }, `workdir: "rel": takes an absolute path`},
		{func(s *Spec) { s.Env = []string{"=secret"} }, `env[0]: "=...": takes NAME=value`},
		{func(s *Spec) { s.Env = []string{"A=sec\x00ret"} }, `env[0]: "A": can't hold a NUL byte`},
		{func(s *Spec) { s.Env = []string{"A=sec\xffret"} }, `env[0]: "A": takes UTF-8`},
		{func(s *Spec) { s.Args = []string{"a", "\xff"} }, `args[1]: "\xff": takes UTF-8`},
		{func(s *Spec) { s.Pull = "x" }, `pull: "x"`},
		{func(s *Spec) { s.Memory = -1 }, `memory: "-1": can't be negative`},
		{func(s *Spec) { s.MemorySwap = 5 }, `memory-swap: "5": needs memory to be set too`},
		{func(s *Spec) { s.Memory, s.MemorySwap = 10, 5 }, `can't be less than memory`},
		{func(s *Spec) { s.MemorySwap = -2 }, `memory-swap: "-2"`},
		{func(s *Spec) { s.PidsLimit = -2 }, `pids-limit: "-2"`},
		{func(s *Spec) { s.NanoCPUs, s.CPUQuota = 5e8, 1 }, `cpus: "0.5": can't be combined`},
		{func(s *Spec) { s.OOMScoreAdj = 1001 }, `oom-score-adj: "1001": takes -1000 to 1000`},
		{func(s *Spec) { s.MemorySwappiness = ptr(int64(101)) }, `memory-swappiness: "101"`},
		{func(s *Spec) {
			s.Mounts = []Mount{{Type: MountBind, Source: "/a", Target: "/x"}, {Type: MountVolume, Source: "vol", Target: "/x/"}}
		}, `mounts[1]: "vol:/x/": mounts /x a second time (first by "/a:/x")`},
		{func(s *Spec) {
			s.Mounts = []Mount{{Type: MountBind, Source: "/a", Target: "/x"}}
			s.Tmpfs = []Tmpfs{{Target: "/x"}}
		}, `tmpfs[0]: "/x": mounts /x a second time`},
		{func(s *Spec) { s.Tmpfs = []Tmpfs{{Target: "/"}} }, `can't replace the container's root directory`},
		{func(s *Spec) { s.Mounts = []Mount{{Type: MountBind, Target: "/x"}} }, `a bind mount needs a source`},
		{func(s *Spec) { s.Mounts = []Mount{{Type: MountBind, Source: "/a:/b", Target: "/x"}} }, `needs the long form`},
	} {
		err := valid(c.change).Validate()
		require.ErrorIs(t, err, ErrInvalidSpec, c.want)
		assert.ErrorContains(t, err, c.want)
		assert.NotContains(t, err.Error(), "secret")
		assert.False(t, Started(err))
	}
}

func TestResolve(t *testing.T) {
	t.Setenv("DOCKERRUN_TEST_SET", "from host")
	require.NoError(t, os.Unsetenv("DOCKERRUN_TEST_UNSET"))
	file := filepath.Join(t.TempDir(), "env")
	require.NoError(t, os.WriteFile(file, []byte("# comment\nFILE=1\nA=file\n"), 0o600))
	in := Spec{
		Image: "img", Labels: map[string]string{"mine": "1"}, EnvFiles: []string{file},
		Env:      []string{"A=1", "DOCKERRUN_TEST_SET", "DOCKERRUN_TEST_UNSET", "B=x=y\nz", "A=2"},
		Deadline: time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)),
	}
	got, err := in.Resolve(t.Context(), "key")
	require.NoError(t, err)
	assert.Regexp(t, `^dockerrun-[0-9a-f]{20}$`, got.Name)
	assert.Equal(t, []string{"FILE=1", "A=2", "DOCKERRUN_TEST_SET=from host", "DOCKERRUN_TEST_UNSET", "B=x=y\nz"}, got.Env)
	assert.Equal(t, "1", got.Labels["mine"])
	assert.Equal(t, "2026-01-02T02:04:06Z", got.Labels[LabelDeadline], "rounded up, or it would be left before its time")
	assert.Regexp(t, `^.+/\d+$`, got.Labels[LabelOwner])
	assert.Equal(t, got.Name, got.Labels[LabelName])
	assert.Equal(t, map[string]string{"mine": "1"}, in.Labels)
	assert.Equal(t, "A=1", in.Env[0])

	again, err := in.Resolve(t.Context(), "key")
	require.NoError(t, err)
	assert.NotEqual(t, got.Name, again.Name)

	in.Labels[LabelCall] = "another's"
	got, err = in.Resolve(t.Context(), "key")
	require.NoError(t, err)
	assert.NotContains(t, got.Labels, LabelCall, "the name is nobody else's")
	in.Name = "chosen"
	got, err = in.Resolve(t.Context(), "key")
	require.NoError(t, err)
	assert.Regexp(t, `^dockerrun-[0-9a-f]{20}$`, got.Labels[LabelCall])

	in.EnvFiles = []string{file + ".gone"}
	_, err = in.Resolve(t.Context(), "key")
	require.ErrorIs(t, err, ErrInvalidSpec)
	_, err = Spec{}.Resolve(t.Context(), "key")
	require.ErrorIs(t, err, ErrInvalidSpec)

	ctx, cancel := context.WithDeadline(t.Context(), time.Date(2500, 1, 2, 3, 4, 5, 0, time.UTC))
	in.EnvFiles = nil
	got, err = in.Resolve(ctx, "key")
	require.NoError(t, err)
	assert.Equal(t, "2026-01-02T02:04:06Z", got.Labels[LabelDeadline], "the spec's own comes first")
	in.Deadline = time.Time{}
	got, err = in.Resolve(ctx, "key")
	require.NoError(t, err)
	assert.Equal(t, "2500-01-02T03:04:05Z", got.Labels[LabelDeadline])
	got, err = in.Resolve(t.Context(), "key")
	require.NoError(t, err)
	assert.Equal(t, "none", got.Labels[LabelDeadline], "or that of an image would hold")

	cancel()
	_, err = in.Resolve(ctx, "key")
	require.ErrorIs(t, err, ErrCanceled)
}

func TestError(t *testing.T) {
	t.Parallel()
	cause := errors.New("dial: refused")
	err := error(&Error{Kind: ErrUnavailable, Runtime: "docker-api", Message: "is dockerd running?", Err: cause})
	require.EqualError(t, err, "docker-api: container engine unavailable: is dockerd running?: dial: refused")
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorIs(t, err, cause)
	assert.False(t, Started(err))
	assert.True(t, Started(errors.New("unknown")))
	assert.False(t, Started(nil))
}

func TestTrace(t *testing.T) {
	t.Parallel()
	ContextTrace(t.Context()).Created("nobody listens")
	var got []string
	ctx := WithTrace(t.Context(), &Trace{Created: func(id string) { got = append(got, "outer "+id) }})
	ctx = WithTrace(ctx, &Trace{
		Created:      func(id string) { got = append(got, "inner "+id) },
		Started:      func() { got = append(got, "started") },
		Pulled:       func(ref string, _ error) { got = append(got, "pulled "+ref) },
		PullProgress: func(p PullProgress) { got = append(got, p.Layer+" "+p.Status) },
	})
	tr := ContextTrace(ctx)
	tr.Created("x")
	tr.Started()
	tr.PullProgress(PullProgress{Layer: "abc", Status: "Waiting"})
	tr.Pulled("img", nil)
	tr.Removed(nil)
	assert.Equal(t, []string{"outer x", "inner x", "started", "abc Waiting", "pulled img"}, got)
}

type wrapped struct{ Runtime }

func (w wrapped) Unwrap() Runtime { return w.Runtime }

type able struct{ Runtime }

func (able) Remote() bool                                       { return true }
func (able) CheckSpec(Spec) error                               { return ErrUnsupported }
func (able) Image(context.Context, ImageRequest) (Image, error) { return Image{ID: "x"}, nil }

// asks is a RemoteAsker that takes as long as it is let.
type asks struct{ able }

func (asks) RemoteContext(ctx context.Context) bool {
	<-ctx.Done()
	return true
}

func (asks) Close() error { return nil }

// A call does not wait for who has to ask where its engine is, when its time is over.
func TestRemoteThatHangs(t *testing.T) {
	t.Parallel()
	for _, rt := range []Runtime{asks{}, wrapped{asks{}}} {
		l := NewLauncher(rt)
		_, err := l.Launch(t.Context(), Spec{Image: "img"}, nil, Options{Timeout: time.Millisecond})
		require.ErrorIs(t, err, ErrTimeout)
		require.NoError(t, l.Close())
	}
}

func TestAbilities(t *testing.T) {
	t.Parallel()
	for _, rt := range []Runtime{able{}, wrapped{able{}}, wrapped{wrapped{able{}}}} {
		assert.True(t, IsRemote(rt))
		require.ErrorIs(t, CheckSpec(rt, Spec{Image: "img"}), ErrUnsupported)
		img, err := GetImage(t.Context(), rt, ImageRequest{})
		require.NoError(t, err)
		assert.Equal(t, "x", img.ID)
	}
	none := wrapped{}
	assert.False(t, IsRemote(none))
	require.NoError(t, CheckSpec(none, Spec{Image: "img"}))
	require.ErrorIs(t, CheckSpec(none, Spec{}), ErrInvalidSpec)
	_, err := GetImage(t.Context(), none, ImageRequest{Ref: "img"})
	require.ErrorIs(t, err, ErrUnsupported)
}
