package factory

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

var update = flag.Bool("update", false, "write the keys into docs/configuration.md")

const beginKeys, endKeys = "<!-- keys: begin -->\n", "<!-- keys: end -->\n"

// docs/configuration.md says what the table says. `go test ./factory -update` writes it.
func TestConfigurationDocs(t *testing.T) {
	generated(t, "configuration.md", beginKeys, endKeys, keyDocs())
}

// docs/isolation.md has the names that strict isolation knows.
func TestIsolationDocs(t *testing.T) {
	var b strings.Builder
	b.WriteString("| allow | what |\n|---|---|\n")
	for _, a := range runtime.Allowances() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", a.Name, a.Doc)
	}
	generated(t, "isolation.md", "<!-- allow: begin -->\n", "<!-- allow: end -->\n", b.String())
}

// generated holds a part of a file in docs to what it should be.
func generated(t *testing.T, name, begin, end, part string) {
	t.Helper()
	file := filepath.Join("..", "docs", name)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(data), begin)
	require.True(t, ok)
	_, tail, ok := strings.Cut(rest, end)
	require.True(t, ok)
	want := head + begin + part + end + tail
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	assert.Equal(t, want, string(data), "run go test ./factory -update")
}

func keyDocs() string {
	var b strings.Builder
	b.WriteString("\n| Key | Takes | Default | docker-cli | docker-api | podman |\n|---|---|---|---|---|---|\n")
	for _, k := range Keys() {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s |", k.Name, k.Name, k.Takes, defaultText(k))
		for _, rt := range builtin {
			switch {
			case k.Runtimes != nil && !slices.Contains(k.Runtimes, rt):
				b.WriteString(" no |")
			case k.Notes[rt] != "":
				b.WriteString(" [yes*](#" + k.Name + ") |")
			default:
				b.WriteString(" yes |")
			}
		}
		b.WriteString("\n")
	}
	for _, k := range Keys() {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n```yaml\n%s: %s\n```\n", k.Name, k.Doc, k.Name, k.Example)
		fmt.Fprintf(&b, "\n- Takes: %s.\n- Default: %s.\n- In Go: `Config.%s`.\n", k.Takes, defaultText(k), k.Field)
		if k.Flag != "" {
			fmt.Fprintf(&b, "- Stands for `docker run --%s`.\n", k.Flag)
		}
		if k.Runtimes != nil {
			fmt.Fprintf(&b, "- Only with `runtime: %s`.\n", strings.Join(k.Runtimes, "`, `"))
		}
		for _, rt := range slices.Sorted(maps.Keys(k.Notes)) {
			fmt.Fprintf(&b, "- On %s: %s\n", rt, k.Notes[rt])
		}
	}
	b.WriteString("\n")
	return b.String()
}

func defaultText(k Key) string {
	switch {
	case k.Name == "image":
		return "none; it is required"
	case k.Default == "":
		return "the engine's"
	}
	return k.Default
}
