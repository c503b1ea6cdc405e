// Package bench measures a call against the ways that people have without dockerrun:
// `docker run` and `podman run` through a local subprocess, which is what PromptKit's
// example does, and a plain local exec.
package bench

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox/direct"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
	"github.com/AltairaLabs/dockerrun/factory"
)

const (
	goArch     = goruntime.GOARCH
	hookFile   = "/redact.py"
	hookOnDisk = "../../docs/examples/agent/hooks/redact.py"
)

// The rows that others are compared with.
const (
	localExec   = "local exec"
	dockerRun   = "docker run"
	podmanRun   = "podman run"
	rootlessRun = "podman --url run, rootless"
)

// program is what is run: the same on this machine and in containers.
type program struct {
	name  string
	image string
	local []string // on this machine
	argv  []string // in a container
	stdin []byte
}

// programs are a copy of stdin by busybox, by a static Go program, and a hook in Python.
func programs(b *testing.B, files image.Files) []program {
	b.Helper()
	probe := filepath.Join(b.TempDir(), "probe")
	require.NoError(b, os.WriteFile(probe, files.Probe, 0o755))
	hook, err := filepath.Abs(hookOnDisk)
	require.NoError(b, err)
	document := []byte(`{"hook":"provider","phase":"before_call","request":{"Messages":[{"role":"user","content":"Write to ann@example.com, card 4111 1111 1111 1111. ` + strings.Repeat("More text. ", 90) + `"}]}}`)
	return []program{
		{name: "cat", image: image.Ref, local: []string{"/bin/busybox", "cat"}, argv: []string{"/bin/cat"}, stdin: document},
		{name: "Go probe", image: image.Ref, local: []string{probe, "echo"}, argv: []string{image.Probe, "echo"}, stdin: document},
		{name: "Python hook", image: image.PythonRef, local: []string{image.Python3, hook}, argv: []string{image.Python3, hookFile}, stdin: document},
	}
}

// way is one way to run a program.
type way struct {
	name    string
	runtime string // key of the variant; empty for what is not ours
	start   string // cold, gate or eager; empty for what is not ours
	sandbox sandbox.Sandbox
	request sandbox.Request
}

// call makes one call, checks its answer, and says how long it took.
func (w *way) call(ctx context.Context, want []byte) (time.Duration, error) {
	began := time.Now()
	resp, err := w.sandbox.Spawn(ctx, w.request)
	took := time.Since(began)
	switch {
	case err != nil:
	case resp.Err != nil:
		err = resp.Err
	case want != nil && !bytes.Equal(resp.Stdout, want):
		err = errWrongAnswer
	}
	return took, err
}

// refill waits until a warm way has its stock, so that the next call, of whichever way,
// meets a quiet engine.
func (w *way) refill(ctx context.Context) error {
	if sb, ok := w.sandbox.(*factory.Sandbox); ok && w.start != "cold" {
		return sb.Prepare(ctx, w.request)
	}
	return nil
}

// variants are those that are measured, with the images loaded.
func variants(b *testing.B) ([]engines.Variant, image.Files) {
	b.Helper()
	files, err := image.ReadFiles(b.Context(), "")
	require.NoError(b, err)
	py, err := image.Python(map[string]string{hookFile: hookOnDisk})
	require.NoError(b, err)
	var out []engines.Variant
	for _, v := range engines.Find(b.Context()) {
		if v.Again && v.Engine == engines.Docker { // a second client
			continue
		}
		require.NoError(b, v.Err, "%s: run e2e/engines.sh up", v.Name)
		if v.Name != "docker-api" && v.Name != "podman-cli" { // whose engines have them
			require.NoError(b, image.LoadAll(b.Context(), v.CLI, files))
			require.NoError(b, image.Load(b.Context(), v.CLI, map[string]v1.Image{image.PythonRef: py}))
		}
		out = append(out, v)
	}
	return out, files
}

// ways are all ways to run p.
func ways(b *testing.B, vs []engines.Variant, p program) []*way {
	b.Helper()
	request := func(argv []string) sandbox.Request {
		return sandbox.Request{Command: argv[0], Args: argv[1:], Stdin: p.stdin, Timeout: time.Minute}
	}
	// The example's way: the engine's command line before the command.
	wrapped := func(name string, cli ...string) *way {
		argv := append(append(cli, "run", "--rm", "-i", "--network=none", p.image), p.argv...)
		return &way{name: name, sandbox: direct.New(name), request: request(argv)}
	}
	out := []*way{{name: localExec, sandbox: direct.New(localExec), request: request(p.local)}}
	for _, v := range vs {
		switch v.Name {
		case "docker-cli":
			out = append(out, wrapped(dockerRun, v.CLI...))
		case "podman":
			out = append(out, wrapped(podmanRun, "podman"))
		case "podman-rootless":
			out = append(out, wrapped(rootlessRun, v.CLI...))
		}
		for _, start := range []string{"cold", "gate", "eager"} {
			if v.Name == "podman-cli" && start != "cold" {
				continue // docker-cli stands for warm command lines
			}
			out = append(out, &way{
				name: v.Name + " " + start, runtime: v.Name, start: start,
				sandbox: ours(b, v, p.image, start, warmSize), request: request(p.argv),
			})
		}
	}
	return out
}

// warmSize is how many containers the warm ways keep.
const warmSize = 4

func ours(b *testing.B, v engines.Variant, ref, start string, size int) *factory.Sandbox {
	b.Helper()
	cfg := v.Config()
	cfg["image"], cfg["network"], cfg["pull"] = ref, "none", "never"
	if start != "cold" {
		cfg["warm"] = map[string]any{"size": size, "start": start}
	}
	sb, err := factory.Factory(v.Name+" "+start, cfg)
	require.NoError(b, err)
	made, ok := sb.(*factory.Sandbox)
	require.True(b, ok)
	b.Cleanup(func() { require.NoError(b, made.Close()) })
	return made
}
