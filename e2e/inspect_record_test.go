package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// inspectCase is a container, told to a sandbox and to a command line.
type inspectCase struct {
	name string
	// flags are what the command line gets; {dir}, {net}, {volume} and {container} are
	// replaced. Without a --network it is none.
	flags []string
	// config is the same for the sandbox; nil: the flags, as extra_args.
	config map[string]any
	// req is the call; without a command the probe that waits to be killed. The command
	// line gets its env as flags.
	req     sandbox.Request
	image   string // empty: the plain one
	only    string // engines.Docker or engines.Podman, where the other has no such thing
	cliOnly bool   // only docker-cli takes its flags
	old     bool   // also with a docker client of another version
	// mayFail is a case that an engine may refuse for want of a device or a kernel
	// feature. Then both ways must fail.
	mayFail bool
}

// way makes the container of a case and returns when ctx has ended or it failed.
type way func(ctx context.Context, c inspectCase, mark string) error

// viaSandbox is the way under test.
func viaSandbox(v engines.Variant) way {
	return func(ctx context.Context, c inspectCase, mark string) error {
		cfg := config(v, map[string]any{"image": c.image})
		if hasNetwork(c.flags) {
			delete(cfg, "network")
		}
		args := slices.Clone(c.flags)
		if c.config != nil {
			maps.Copy(cfg, c.config)
			args, _ = cfg["extra_args"].([]string)
		}
		cfg["extra_args"] = append(slices.Clone(args), "--label="+markLabel+"="+mark)
		sb, err := factory.Factory("inspect", cfg)
		if err != nil {
			return err
		}
		resp, err := sb.Spawn(ctx, c.req)
		return errors.Join(err, resp.Err, sb.(sandbox.Closer).Close())
	}
}

// viaCLI is `docker run --rm -i` as a person would write it.
func viaCLI(cli []string) way {
	return func(ctx context.Context, c inspectCase, mark string) error {
		args := append(slices.Clone(cli[1:]), "run", "--rm", "-i", "--name=dockerrun-e2e-"+mark, "--label="+markLabel+"="+mark)
		if !hasNetwork(c.flags) {
			args = append(args, "--network=none")
		}
		args = append(args, c.flags...)
		for _, entry := range c.req.Env {
			args = append(args, "--env="+entry)
		}
		args = append(append(args, c.image, c.req.Command), c.req.Args...)
		cmd := exec.CommandContext(ctx, cli[0], args...)
		// Killed by number, its container would be left.
		cmd.Cancel = func() error {
			rm := exec.Command(cli[0], append(slices.Clone(cli[1:]), "rm", "-f", "-v", "dockerrun-e2e-"+mark)...)
			_ = rm.Run() // when it is being removed already, that is an error too
			return nil
		}
		cmd.WaitDelay = 20 * time.Second
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
		}
		return nil
	}
}

func hasNetwork(flags []string) bool {
	return slices.ContainsFunc(flags, func(f string) bool {
		return strings.HasPrefix(f, "--network=") || strings.HasPrefix(f, "--net=")
	})
}

// made is what a way came to: the engine's record of the container, or the error that
// kept it from running.
type made struct {
	record map[string]any
	err    error
}

// record makes a container, has the engine describe it while it runs, and ends it. The
// rest of its end is waited for with t.
func (p place) record(t *testing.T, v engines.Variant, how way, c inspectCase) made {
	t.Helper()
	mark := strings.TrimPrefix(runtime.NewName(), runtime.NamePrefix)
	ctx, end := context.WithTimeout(t.Context(), time.Minute)
	failed := make(chan error, 1)
	over := make(chan struct{})
	go func() {
		defer close(over)
		failed <- how(ctx, c, mark)
	}()
	t.Cleanup(func() { <-over })
	defer end()
	running := container.ListOptions{Filters: filters.NewArgs(filters.Arg("label", markLabel+"="+mark), filters.Arg("status", "running"))}
	for {
		found, err := p.engine.ContainerList(ctx, running)
		if err == nil && len(found) == 1 {
			return made{record: inspect(t, v, found[0].ID)}
		}
		select {
		case err := <-failed:
			require.Error(t, err, "it must run until it is killed")
			require.NoError(t, ctx.Err(), "it does not come up: %v", err)
			return made{err: err}
		case <-time.After(20 * time.Millisecond): // between two looks at the engine
		}
	}
}

// compare makes the container of a case by v and compares what the engine says of it.
// It gives the kind of the error with which both ways failed.
func (p place) compare(t *testing.T, v engines.Variant, c inspectCase, want made) error {
	t.Helper()
	got := p.record(t, v, viaSandbox(v), c)
	if want.err != nil || got.err != nil {
		require.True(t, c.mayFail, "the command line: %v; the sandbox: %v", want.err, got.err)
		require.Error(t, want.err, "the command line can do it: %v", got.err)
		require.Error(t, got.err, "the command line can't do it: %v", want.err)
		e, ok := errors.AsType[*runtime.Error](got.err)
		require.True(t, ok, "%v", got.err)
		return e.Kind
	}
	engine := v.Engine
	if v.IsPodman() {
		engine = engines.Podman
	}
	for _, d := range inspectDiff(engine, want.record, got.record) {
		assert.Fail(t, d)
	}
	return nil
}

// place is what the flags of cases refer to.
type place struct {
	*strings.Replacer
	engine *client.Client // also Podman has Docker's API, besides its own
}

// newPlace makes a directory, a network, a volume and a container on the engine. v must
// have a host.
func newPlace(t *testing.T, v engines.Variant) place {
	t.Helper()
	engine, err := client.NewClientWithOpts(client.WithHost(v.Host), client.WithAPIVersionNegotiation())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, engine.Close()) })
	dir := sharedDir(t)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "env"), []byte("# comment\nFROM_FILE=1\nTWICE=file\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "seccomp.json"), []byte("{ \"defaultAction\": \"SCMP_ACT_ALLOW\" }\n"), 0o644))

	name := "dockerrun-e2e-" + strings.TrimPrefix(runtime.NewName(), runtime.NamePrefix)
	t.Setenv(inspectEnv, "two words")
	run := func(args ...string) string {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		out, err := v.Output(ctx, args...)
		require.NoError(t, err)
		return strings.TrimSpace(out)
	}
	undo := func(args ...string) {
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			_, err := v.Output(ctx, args...)
			assert.NoError(t, err)
		})
	}
	run("network", "create", name)
	undo("network", "rm", name)
	run("volume", "create", name)
	undo("volume", "rm", name)
	container := run("run", "--detach", "--network=none", "--ipc=shareable", "--name="+name, image.Ref, image.Probe, "block")
	undo("rm", "--force", name)
	about := strings.Fields(run("image", "inspect", "--format", "{{.Id}} {{.RepoDigests}}", image.Ref))
	return place{engine: engine, Replacer: strings.NewReplacer("{dir}", dir, "{net}", name, "{volume}", name, "{container}", container,
		"{image}", about[0], "{digest}", strings.Trim(about[1], "[]"))}
}

// in gives the case with its defaults, and its words for the place.
func (p place) in(c inspectCase) inspectCase {
	if c.image == "" {
		c.image = image.Ref
	}
	if c.req.Command == "" {
		c.req.Command, c.req.Args = image.Probe, []string{"block"}
	}
	c.req.Timeout = time.Minute
	c.image, c.flags = p.Replace(c.image), p.words(c.flags)
	if c.config != nil {
		cfg := make(map[string]any, len(c.config))
		for key, value := range c.config {
			cfg[key] = p.value(value)
		}
		c.config = cfg
	}
	return c
}

func (p place) words(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = p.Replace(s)
	}
	return out
}

func (p place) value(v any) any {
	switch v := v.(type) {
	case string:
		return p.Replace(v)
	case []string:
		return p.words(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = p.value(e)
		}
		return out
	}
	return v
}
