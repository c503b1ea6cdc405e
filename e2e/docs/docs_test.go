package docs

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/execconfig"
	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/AltairaLabs/dockerrun/factory"
)

const root = "../.."

func pages(t *testing.T) []Page {
	t.Helper()
	all, err := Pages(root)
	require.NoError(t, err)
	require.Greater(t, len(all), 5)
	return all
}

// eachBlock runs f on all blocks of a language that are not marked as not run, and gives
// their number.
func eachBlock(t *testing.T, language string, f func(t *testing.T, b Block)) (count int) {
	for _, p := range pages(t) {
		for _, b := range p.Blocks {
			if b.Language != language || b.NotRun != "" {
				continue
			}
			count++
			t.Run(fmt.Sprintf("%s:%d", b.File, b.Line), func(t *testing.T) { f(t, b) })
		}
	}
	return count
}

func TestParse(t *testing.T) {
	page := Parse("x.md", []byte("# One `two`, _three_!\n\n## A\n\n## A\n\n[l](y.md#z) ![i](i.svg)\n\n```sh\na\nb\n```\n\n```text\nout\n```\n\n<!-- not run: why -->\n```go\nc\n```\n"))
	assert.Equal(t, []string{"one-two-three", "a", "a-1"}, page.Anchors)
	assert.Equal(t, []string{"y.md#z", "i.svg"}, page.Links)
	assert.Equal(t, []Block{
		{File: "x.md", Line: 10, Language: "sh", Text: "a\nb\n", Output: "out\n"},
		{File: "x.md", Line: 15, Language: "text", Text: "out\n"},
		{File: "x.md", Line: 20, Language: "go", Text: "c\n", NotRun: "why"},
	}, page.Blocks)
}

func TestEveryBlockHasALanguage(t *testing.T) {
	known := []string{"sh", "go", "yaml", "json", "text", "python", "toml", "ini", "dockerfile"}
	for _, p := range pages(t) {
		for _, b := range p.Blocks {
			if b.Language == "" && strings.ContainsAny(b.Text, "|>") {
				continue // a drawing
			}
			assert.Contains(t, known, b.Language, "%s:%d", b.File, b.Line)
		}
	}
}

func TestLinks(t *testing.T) {
	all := pages(t)
	for _, p := range all {
		for _, link := range p.Links {
			u, err := url.Parse(link)
			require.NoError(t, err, "%s: %s", p.File, link)
			if u.Scheme != "" {
				continue
			}
			target := p.File
			if u.Path != "" {
				target = path.Join(path.Dir(p.File), u.Path)
				_, err := os.Stat(filepath.Join(root, filepath.FromSlash(target)))
				assert.NoError(t, err, "%s: %s", p.File, link)
			}
			if u.Fragment == "" || path.Ext(target) != ".md" {
				continue
			}
			i := slices.IndexFunc(all, func(p Page) bool { return p.File == target })
			if assert.GreaterOrEqual(t, i, 0, "%s: %s", p.File, link) {
				assert.Contains(t, all[i].Anchors, u.Fragment, "%s: %s", p.File, link)
			}
		}
	}
}

func TestJSON(t *testing.T) {
	eachBlock(t, "json", func(t *testing.T, b Block) {
		var v any
		assert.NoError(t, json.Unmarshal([]byte(b.Text), &v))
	})
}

// Each sandbox of the docs can be made, and each key stands in for one.
func TestYAML(t *testing.T) {
	count := eachBlock(t, "yaml", func(t *testing.T, b Block) {
		var keys map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(b.Text), &keys))
		var config struct {
			Spec struct {
				Sandboxes map[string]*execconfig.SandboxConfig `yaml:"sandboxes"`
			} `yaml:"spec"`
		}
		require.NoError(t, yaml.Unmarshal([]byte(b.Text), &config))
		for name, box := range config.Spec.Sandboxes {
			if box.Mode == factory.ModeName {
				assert.NoError(t, makes(name, box.Config))
			}
		}
		for _, k := range factory.Keys() {
			if _, ok := keys[k.Name]; !ok {
				continue
			}
			needed := map[string]any{"image": "alpine"}
			switch k.Name {
			case "memory_swap":
				needed["memory"] = "64m"
			case "allow":
				needed["isolation"] = "strict"
			case "require_digest":
				needed["image"] = "alpine@sha256:" + strings.Repeat("0", 64)
			}
			for name, value := range needed {
				if _, ok := keys[name]; !ok {
					keys[name] = value
				}
			}
			delete(keys, "mode")
			assert.NoError(t, makes("box", keys))
			break
		}
	})
	assert.Greater(t, count, 10)
}

// makes makes a sandbox; where no runtime is named, one that can do it will do.
func makes(name string, cfg map[string]any) error {
	var first error
	for _, key := range []string{"", factory.RuntimeDockerAPI, factory.RuntimePodman} {
		if key != "" {
			if _, ok := cfg["runtime"]; ok {
				break
			}
			cfg["runtime"] = key
		}
		sb, err := factory.Factory(name, cfg)
		if key != "" {
			delete(cfg, "runtime")
		}
		if err == nil {
			return sb.(sandbox.Closer).Close()
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// The headings of docs/troubleshooting.md are pieces of errors: each is in the code that
// makes it, ours or PromptKit's.
func TestTroubleshooting(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(root, "docs", "troubleshooting.md"))
	require.NoError(t, err)
	var code strings.Builder
	for _, dir := range []string{"runtime", "backends", "factory"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, dir), func(file string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
				return err
			}
			data, err := os.ReadFile(file)
			code.Write(data)
			return err
		}))
	}
	headings := regexp.MustCompile("(?m)^### `(.*)`$").FindAllStringSubmatch(string(source), -1)
	assert.Greater(t, len(headings), 10)
	for _, h := range headings {
		if h[1] == "invalid response JSON" {
			continue // PromptKit's; e2e meets it
		}
		assert.Contains(t, code.String(), h[1])
	}
}
