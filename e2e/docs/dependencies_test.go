package docs

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dependency is a row of docs/dependencies.md.
type dependency struct{ section, module, why, licence, without string }

var (
	sectionRE = regexp.MustCompile(`(?m)^## (.*)$`)
	rowRE     = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.*) \\| (.*) \\| (.*) \\|$")
)

func dependencies(t *testing.T) []dependency {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	require.NoError(t, err)
	var out []dependency
	at := sectionRE.FindAllStringSubmatchIndex(string(page), -1)
	for i, m := range at {
		end := len(page)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		for _, row := range rowRE.FindAllStringSubmatch(string(page[m[1]:end]), -1) {
			out = append(out, dependency{string(page[m[2]:m[3]]), row[1], row[2], row[3], row[4]})
		}
	}
	return out
}

func goCommand(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root
	out, err := cmd.Output()
	require.NoError(t, err, "go %s", strings.Join(args, " "))
	return out
}

// TestDependencies: docs/dependencies.md has what go.mod requires directly, each in the
// section that says who gets it, with the licence that its files have.
func TestDependencies(t *testing.T) {
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	require.NoError(t, json.Unmarshal(goCommand(t, "mod", "edit", "-json"), &mod))
	var direct, listed []string
	for _, r := range mod.Require {
		if !r.Indirect {
			direct = append(direct, r.Path)
		}
	}
	rows := dependencies(t)
	for _, d := range rows {
		listed = append(listed, d.module)
	}
	require.ElementsMatch(t, direct, listed, "docs/dependencies.md lists what go.mod requires directly, and why")

	imported := imports(t, "./runtime/...", "./backends/...", "./factory/...")
	ours := imports(t, "./cmd/...", "./internal/...")
	for _, d := range rows {
		want := "In tests and benchmarks"
		switch {
		case brings(imported, d.module, direct):
			want = "In packages that you import"
		case brings(ours, d.module, direct):
			want = "In the command"
		}
		assert.Equal(t, want, d.section, d.module)
		assert.NotEmpty(t, strings.TrimSpace(d.why), d.module)
		assert.NotEmpty(t, strings.TrimSpace(d.without), d.module)
		assert.Equal(t, licence(t, d.module), d.licence, d.module)
	}
}

// imports are those of packages, without their tests.
func imports(t *testing.T, packages ...string) []string {
	t.Helper()
	return strings.Fields(string(goCommand(t, append([]string{"list", "-f", `{{join .Imports " "}}`}, packages...)...)))
}

// brings reports whether one of the imports is of the module, and of no other one
// whose path is longer.
func brings(imports []string, module string, all []string) bool {
	return slices.ContainsFunc(imports, func(path string) bool {
		best := ""
		for _, m := range all {
			if (path == m || strings.HasPrefix(path, m+"/")) && len(m) > len(best) {
				best = m
			}
		}
		return best == module
	})
}

// licences are how each of them can be told.
var licences = []struct{ says, id string }{
	{"Apache License", "Apache-2.0"},
	{"Permission is hereby granted, free of charge", "MIT"},
	{"Neither the name of", "BSD-3-Clause"},
	{"released into the public domain", "Unlicense"},
}

// licence tells which ones are in a module's file.
func licence(t *testing.T, module string) string {
	t.Helper()
	dir := strings.TrimSpace(string(goCommand(t, "list", "-m", "-f", "{{.Dir}}", module)))
	require.NotEmpty(t, dir, "%s is not in the module cache", module)
	for _, name := range []string{"LICENSE", "LICENSE.txt", "License.txt", "UNLICENSE"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		var ids []string
		for _, l := range licences {
			if strings.Contains(strings.Join(strings.Fields(string(text)), " "), l.says) {
				ids = append(ids, l.id)
			}
		}
		return strings.Join(ids, ", ")
	}
	return ""
}
