// Package docs reads the documentation of this module, so that tests can hold it to its
// word: its links lead somewhere, its code compiles, its configurations are valid, and
// its commands do what it says.
package docs

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// Page is one file of the documentation.
type Page struct {
	File    string // relative to the module's root, with slashes
	Blocks  []Block
	Links   []string // as they are written
	Anchors []string // of its headings, as GitHub makes them
}

// Block is a fenced block of code.
type Block struct {
	File     string
	Line     int
	Language string // sh, go, yaml, json, text, ...
	Text     string
	// NotRun is why no test runs or checks it: what a comment right before it says,
	// <!-- not run: the reason -->.
	NotRun string
	// Output is the text block right after a block of sh: what the commands print.
	Output string
}

// Pages reads all pages below the module's root.
func Pages(root string) ([]Page, error) {
	files, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(filepath.Join(root, "docs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".md" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	pages := make([]Page, 0, len(files))
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return nil, err
		}
		pages = append(pages, Parse(filepath.ToSlash(rel), source))
	}
	return pages, nil
}

var notRun = regexp.MustCompile(`(?s)<!--\s*not run:\s*(.*?)\s*-->`)

// Parse reads one page.
func Parse(file string, source []byte) Page {
	page := Page{File: file}
	doc := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	// The walker never fails.
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			page.Anchors = append(page.Anchors, page.anchor(plain(n, source)))
		case *ast.Link:
			page.Links = append(page.Links, string(n.Destination))
		case *ast.Image:
			page.Links = append(page.Links, string(n.Destination))
		case *ast.FencedCodeBlock:
			page.Blocks = append(page.Blocks, block(file, n, source))
		}
		return ast.WalkContinue, nil
	})
	return page
}

func block(file string, n *ast.FencedCodeBlock, source []byte) Block {
	b := Block{File: file, Language: string(n.Language(source)), Text: string(lines(n, source))}
	if n.Lines().Len() > 0 {
		b.Line = 1 + bytes.Count(source[:n.Lines().At(0).Start], []byte("\n"))
	}
	if comment, ok := n.PreviousSibling().(*ast.HTMLBlock); ok {
		html := lines(comment, source)
		if comment.HasClosure() {
			html = append(html, comment.ClosureLine.Value(source)...)
		}
		if m := notRun.FindSubmatch(html); m != nil {
			b.NotRun = string(m[1])
		}
	}
	if next, ok := n.NextSibling().(*ast.FencedCodeBlock); ok && string(next.Language(source)) == "text" {
		b.Output = string(lines(next, source))
	}
	return b
}

func lines(n ast.Node, source []byte) []byte {
	var out []byte
	for i := range n.Lines().Len() {
		segment := n.Lines().At(i)
		out = append(out, segment.Value(source)...)
	}
	return out
}

// plain is the text of a node without its markup.
func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b.Write(t.Segment.Value(source))
		} else {
			b.WriteString(plain(c, source))
		}
	}
	return b.String()
}

// anchor is what GitHub makes of a heading: letters, digits, - and _ stay, spaces become
// -, and one that is there already gets a number.
func (p *Page) anchor(heading string) string {
	slug := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
	unique := slug
	for i := 1; slices.Contains(p.Anchors, unique); i++ {
		unique = slug + "-" + string(rune('0'+i))
	}
	return unique
}
