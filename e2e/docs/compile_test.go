package docs

import (
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/go/packages"
)

// header is what a block that is no whole file may use without importing it.
const header = `package p

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/hooks"
	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/AltairaLabs/dockerrun/backends/dockerapi"
	"github.com/AltairaLabs/dockerrun/backends/dockercli"
	"github.com/AltairaLabs/dockerrun/backends/podman"
	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
	"github.com/AltairaLabs/dockerrun/runtime/warm"
)
`

// body is where statements go: what they may use without declaring it.
const body = `
func _(ctx context.Context, t *testing.T, rt runtime.Runtime, spec runtime.Spec, stdin []byte) error {
%s
return nil
}
`

// harmless are errors of a block that is an excerpt, and of the header.
var harmless = regexp.MustCompile(`declared and not used|imported and not used|redeclared in this block|other declaration of|missing return|unreachable`)

// elision is a line that stands for what the reader has.
var elision = regexp.MustCompile(`(?m)^\s*(//\s*)?\.\.\.\s*$`)

func TestGo(t *testing.T) {
	var known importing
	count := eachBlock(t, "go", func(t *testing.T, b Block) {
		source := goFile(elision.ReplaceAllString(b.Text, ""))
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, b.File+".go", source, parser.SkipObjectResolution)
		require.NoError(t, err, source)
		known.load(t, file)
		conf := types.Config{Importer: &known, Error: func(err error) {
			if !harmless.MatchString(err.Error()) {
				assert.NoError(t, err, source)
			}
		}}
		_, _ = conf.Check("p", fset, []*ast.File{file}, nil) // Error has had them
	})
	assert.Greater(t, count, 3)
}

// goFile makes a file of an excerpt.
func goFile(text string) string {
	trimmed := strings.TrimSpace(text)
	switch {
	case strings.HasPrefix(trimmed, "package "), strings.HasPrefix(trimmed, "// Command "), strings.HasPrefix(trimmed, "// Package "):
		return text
	case strings.HasPrefix(trimmed, "import "), strings.HasPrefix(trimmed, "func "), strings.HasPrefix(trimmed, "type "), strings.HasPrefix(trimmed, "var "):
		return header + text
	}
	return header + strings.Replace(body, "%s", text, 1)
}

// importing gives the packages of this module and its dependencies to the type checker.
type importing struct{ byPath map[string]*types.Package }

func (im *importing) load(t *testing.T, file *ast.File) {
	t.Helper()
	if im.byPath == nil {
		im.byPath = map[string]*types.Package{}
	}
	var missing []string
	for _, spec := range file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		if im.byPath[name] == nil {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return
	}
	// All of them again: types of two loads are never the same.
	for name := range im.byPath {
		missing = append(missing, name)
	}
	loaded, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedDeps, Dir: root}, missing...)
	require.NoError(t, err)
	for _, p := range loaded {
		for _, err := range p.Errors {
			assert.NoError(t, err)
		}
		im.byPath[p.PkgPath] = p.Types
	}
}

func (im *importing) Import(name string) (*types.Package, error) {
	if p := im.byPath[name]; p != nil {
		return p, nil
	}
	if !strings.Contains(path.Dir(name), ".") {
		return importer.Default().Import(name)
	}
	return nil, errors.New(name + " was not loaded")
}
