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
)

var update = flag.Bool("update", false, "write the keys into docs/configuration.md")

const beginKeys, endKeys = "<!-- keys: begin -->\n", "<!-- keys: end -->\n"

// docs/configuration.md says what the table says. `go test ./factory -update` writes it.
func TestConfigurationDocs(t *testing.T) {
	file := filepath.Join("..", "docs", "configuration.md")
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(data), beginKeys)
	require.True(t, ok)
	_, tail, ok := strings.Cut(rest, endKeys)
	require.True(t, ok)
	want := head + beginKeys + keyDocs() + endKeys + tail
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
