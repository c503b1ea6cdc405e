package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/docs"
	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
)

// docImages are the images of the documentation, and what stands in for them here, where
// nothing can be pulled.
func docImages() map[string]string {
	return map[string]string{
		"docker.io/library/python:3.12-slim": image.PythonRef,
		"docker.io/library/alpine:3.22":      image.Ref,
	}
}

// loadDocImages gives an engine the images of the documentation, under their names.
func loadDocImages(t *testing.T, v engines.Variant) {
	t.Helper()
	require.NoError(t, machine.loaded[v.Engine]())
	python, err := pythonImage()
	require.NoError(t, err)
	require.NoError(t, image.Load(t.Context(), v.CLI, map[string]v1.Image{image.PythonRef: python}))
	for name, ref := range docImages() {
		borrowName(t, v, ref, name)
	}
}

// borrowName gives the image a further name for the time of a test. An image that has the
// name gets it back.
func borrowName(t *testing.T, v engines.Variant, ref, name string) {
	t.Helper()
	back := []string{"rmi", name}
	if out, err := v.Output(t.Context(), "image", "inspect", "--format", "{{.Id}}", name); err == nil {
		back = []string{"tag", strings.TrimSpace(out), name}
	}
	_, err := v.Output(t.Context(), "tag", ref, name)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := v.Output(context.Background(), back...)
		assert.NoError(t, err)
	})
}

var pythonImage = sync.OnceValues(func() (v1.Image, error) { return image.Python(nil) })

// TestDocs runs the commands of the documentation as a reader does: the blocks of sh of a
// page one after another, in one directory and one shell. What a block of text right
// after one says is what it must print. Blocks that name Podman are for the tests of
// Podman, the others for those of Docker.
func TestDocs(t *testing.T) {
	bin := filepath.Dir(buildDockerrun(t))
	pages, err := docs.Pages("..")
	require.NoError(t, err)
	for _, name := range []string{"docker-api", "podman"} {
		i := slices.IndexFunc(machine.variants, func(v engines.Variant) bool { return v.Name == name })
		if i < 0 {
			continue // another process has its tests
		}
		eachOf(t, machine.variants[i:i+1], func(t *testing.T, v engines.Variant) {
			loadDocImages(t, v)
			for _, p := range pages {
				if strings.HasPrefix(p.File, "docs/examples/") {
					continue // a test of its own
				}
				blocks := runnable(p, v.IsPodman())
				if !slices.ContainsFunc(blocks, func(b docs.Block) bool { return usesEngine(b, v.IsPodman()) }) {
					continue
				}
				t.Run(p.File, func(t *testing.T) { runBlocks(t, sharedDir(t), bin, blocks) })
			}
		})
	}
}

var (
	namesPodman = regexp.MustCompile(`(?i)podman`)
	namesDocker = regexp.MustCompile(`(?i)docker`)
)

func usesEngine(b docs.Block, podman bool) bool {
	return namesDocker.MatchString(b.Text) && namesPodman.MatchString(b.Text) == podman
}

// runnable are the blocks for one engine, with those that are for none before them.
func runnable(p docs.Page, podman bool) []docs.Block {
	return slices.DeleteFunc(slices.Clone(p.Blocks), func(b docs.Block) bool {
		named := namesDocker.MatchString(b.Text) || namesPodman.MatchString(b.Text)
		return b.Language != "sh" || b.NotRun != "" || named && !usesEngine(b, podman)
	})
}

// runBlocks runs the blocks in one shell in dir.
func runBlocks(t *testing.T, dir, bin string, blocks []docs.Block) {
	t.Helper()
	var script strings.Builder
	script.WriteString("set -eu\n")
	for i, b := range blocks {
		fmt.Fprintf(&script, "exec >block-%d.out\n%s\n", i, b.Text)
	}
	// It reads the script from a file: a command of it may read stdin.
	file := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(file, []byte(script.String()), 0o644))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", file)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	stderr, err := cmd.CombinedOutput()
	for i, b := range blocks {
		out, readErr := os.ReadFile(filepath.Join(dir, fmt.Sprintf("block-%d.out", i)))
		if err != nil && readErr == nil {
			t.Logf("%s:%d printed:\n%s", b.File, b.Line, out)
		}
		if err == nil && b.Output != "" {
			assert.Equal(t, strings.TrimSpace(b.Output), strings.TrimSpace(string(out)), "%s:%d", b.File, b.Line)
		}
	}
	require.NoError(t, err, "%s", stderr)
}

// TestExampleAgent runs the commands of docs/examples/agent where they are, as they build
// programs of this module. Its sandboxes are on both engines.
func TestExampleAgent(t *testing.T) {
	const dir = "../docs/examples/agent"
	alone(t) // its launchers sweep the engines of the other process, too
	i := slices.IndexFunc(machine.variants, func(v engines.Variant) bool { return v.Name == "docker-api" })
	if i < 0 {
		t.Skip("another process has the tests of Docker")
	}
	docker := machine.variants[i]
	all := engines.Find(t.Context())
	podman := all[slices.IndexFunc(all, func(v engines.Variant) bool { return v.Name == "podman" })]
	for _, v := range []engines.Variant{docker, podman} {
		if v.Err != nil {
			t.Skipf("%s is not here (%v); e2e/engines.sh up sets it up", v.Name, v.Err)
		}
	}
	loadDocImages(t, docker)
	files, err := machine.files()
	require.NoError(t, err)
	require.NoError(t, image.LoadAll(t.Context(), podman.CLI, files))
	// A name that no other test uses: those of Podman run at the same time.
	const static = "docker.io/library/busybox:1.37"
	borrowName(t, podman, image.Ref, static)

	text, err := os.ReadFile(filepath.Join(dir, "README.md"))
	require.NoError(t, err)
	blocks := runnable(docs.Parse("docs/examples/agent/README.md", text), false)
	require.NotEmpty(t, blocks)
	t.Cleanup(func() { // what the commands build, and what runBlocks writes
		built, err := filepath.Glob(filepath.Join(dir, "block-*.out"))
		assert.NoError(t, err)
		for _, file := range append(built, filepath.Join(dir, "bin")) {
			assert.NoError(t, os.RemoveAll(file))
		}
	})
	runBlocks(t, dir, filepath.Dir(buildDockerrun(t)), blocks)
}
