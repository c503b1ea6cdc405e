package cli

import (
	"io"
	"strings"
	"unicode/utf8"
)

// palette colours text for a terminal, or leaves it alone.
type palette struct{ on bool }

func (p palette) plain(s string) string  { return s }
func (p palette) bold(s string) string   { return p.code("1", s) }
func (p palette) red(s string) string    { return p.code("31", s) }
func (p palette) green(s string) string  { return p.code("32", s) }
func (p palette) yellow(s string) string { return p.code("33", s) }

func (p palette) code(c, s string) string {
	if !p.on {
		return s
	}
	return "\x1b[" + c + "m" + s + "\x1b[0m"
}

// cell is text and how it is coloured, apart: colour codes have no width.
type cell struct {
	text  string
	style func(string) string
}

// table is written with columns as wide as their widest cell.
type table struct {
	header []string
	rows   [][]cell
}

// add appends a row; cells that are left out or empty are dashes.
func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer, p palette) error {
	head := make([]cell, len(t.header))
	for i, text := range t.header {
		head[i] = cell{text, p.bold}
	}
	rows := [][]cell{head}
	for _, r := range t.rows {
		row := make([]cell, len(t.header))
		for i := range row {
			row[i] = cell{"-", p.plain}
			if i < len(r) && r[i].text != "" {
				row[i] = r[i]
			}
		}
		rows = append(rows, row)
	}
	widths := make([]int, len(t.header))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		for i, c := range row {
			b.WriteString(c.style(c.text))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}
