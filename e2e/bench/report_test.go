package bench

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/require"
)

var docs = flag.String("docs", "", "write tables, raw figures and the chart into this `directory`")

// out writes reports: to the terminal, and into *docs.
var out report

type report struct{}

// target is what a ratio of two p50 or p99 has to be at most.
type target struct {
	program, way, of string
	quantile         float64
	most             float64
}

var targets = []target{
	{"cat", "docker-cli cold", dockerRun, 0.5, 1.05},
	{"cat", "docker-api cold", dockerRun, 0.5, 0.9},
	{"cat", "podman cold", podmanRun, 0.5, 0.9},
	{"cat", "docker-api gate", dockerRun, 0.5, 1.0 / 60},
	{"cat", "docker-api gate", localExec, 0.5, 5},
	{"cat", "docker-api gate", dockerRun, 0.99, 1.0 / 15},
	{"cat", "podman gate", dockerRun, 0.5, 1.0 / 60},
	{"cat", "podman gate", localExec, 0.5, 5},
	{"cat", "podman gate", dockerRun, 0.99, 1.0 / 15},
	{"cat", "docker-cli gate", dockerRun, 0.5, 1.0 / 50},
	{"Python hook", "docker-api eager", localExec, 0.5, 0.5},
	{"Python hook", "podman eager", localExec, 0.5, 0.5},
}

// latency reports one program's rows.
func (r report) latency(b *testing.B, program string, rows []*samples) {
	b.Helper()
	byName := map[string]*samples{}
	for _, s := range rows {
		byName[s.name] = s
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%d rounds.\n\n| way | p50 ms | p95 ms | p99 ms | `docker run` is so many times slower | of a local exec |\n|---|--:|--:|--:|--:|--:|\n", len(rows[0].took))
	for _, s := range rows {
		p50 := s.quantile(0.5)
		fmt.Fprintf(&text, "| %s | %s | %s | %s | %.1f | %.2f |\n", s.name, ms(p50), ms(s.quantile(0.95)), ms(s.quantile(0.99)),
			float64(byName[dockerRun].quantile(0.5))/float64(p50), float64(p50)/float64(byName[localExec].quantile(0.5)))
	}
	var met strings.Builder
	for _, t := range targets {
		if t.program != program {
			continue
		}
		got := float64(byName[t.way].quantile(t.quantile)) / float64(byName[t.of].quantile(t.quantile))
		if t.quantile == 0.99 { // of a slow way's p50, its p99 being chance
			got = float64(byName[t.way].quantile(t.quantile)) / float64(byName[t.of].quantile(0.5))
		}
		verdict := "met"
		if got > t.most {
			verdict = "**missed**"
		}
		fmt.Fprintf(&met, "| %s, p%.0f | %s | %s | %s | %s |\n", t.way, 100*t.quantile, t.of, ratio(got), ratio(t.most), verdict)
	}
	if met.Len() > 0 {
		text.WriteString("\n| way | against | ratio | at most | |\n|---|---|--:|--:|---|\n" + met.String())
	}
	r.section(b, "latency of "+program, text.String())
	r.raw(b, program, rows)
	if *docs != "" && program == "cat" {
		require.NoError(b, chart(filepath.Join(*docs, "benchmarks.svg"), byName))
	}
}

func ratio(x float64) string {
	if x < 0.2 {
		return fmt.Sprintf("1/%.0f", 1/x)
	}
	return fmt.Sprintf("%.2f", x)
}

// load reports the rates.
func (r report) load(b *testing.B, names []string, concurrencies []int, table [][]rate) {
	b.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "Calls a second, and the p99 of a call in ms, over %d times %s of calls without a pause.\n\n| way |", b.N, loadTime)
	for _, n := range concurrencies {
		fmt.Fprintf(&text, " %d at once |", n)
	}
	text.WriteString("\n|---|" + strings.Repeat("--:|", len(concurrencies)) + "\n")
	for i, name := range names {
		fmt.Fprintf(&text, "| %s |", name)
		for _, cell := range table[i] {
			fmt.Fprintf(&text, " %.1f, %s |", cell.perSecond(), ms(cell.quantile(0.99)))
		}
		text.WriteString("\n")
	}
	r.section(b, "load", text.String())
}

// raw keeps every sample, a line each, as benchstat reads them.
func (r report) raw(b *testing.B, program string, rows []*samples) {
	b.Helper()
	if *docs == "" {
		return
	}
	var text strings.Builder
	text.WriteString("goos: linux\ngoarch: " + goArch + "\npkg: github.com/AltairaLabs/dockerrun/e2e/bench\n")
	word := strings.NewReplacer(" ", "-", ",", "")
	for _, s := range rows {
		for _, d := range s.took {
			fmt.Fprintf(&text, "BenchmarkCall/program=%s/way=%s 1 %d ns/op\n", word.Replace(program), word.Replace(s.name), d.Nanoseconds())
		}
	}
	dir := filepath.Join(*docs, "benchmarks")
	require.NoError(b, os.MkdirAll(dir, 0o755))
	require.NoError(b, os.WriteFile(filepath.Join(dir, word.Replace(strings.ToLower(program))+".txt"), []byte(text.String()), 0o644))
}

// section prints a table, and replaces what the page has between the markers of its
// name.
func (r report) section(b *testing.B, name, text string) {
	b.Helper()
	fmt.Printf("\n%s\n%s\n", name, plainTable(text))
	if *docs == "" {
		return
	}
	page := filepath.Join(*docs, "benchmarks.md")
	old, err := os.ReadFile(page)
	require.NoError(b, err)
	begin, end := "<!-- "+name+": written by make bench -->\n", "<!-- end -->\n"
	head, rest, ok := strings.Cut(string(old), begin)
	require.True(b, ok, "%s has no %q", page, begin)
	_, tail, ok := strings.Cut(rest, end)
	require.True(b, ok, "%s has no %q after it", page, end)
	require.NoError(b, os.WriteFile(page, []byte(head+begin+text+end+tail), 0o644))
}

var ruleRE = regexp.MustCompile(`(?m)^\|[-:|]+\n`)

// plainTable makes a Markdown table one for a terminal.
func plainTable(text string) string {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for line := range strings.Lines(ruleRE.ReplaceAllString(text, "")) {
		if inner, ok := strings.CutPrefix(line, "| "); ok {
			line = strings.ReplaceAll(strings.TrimSuffix(inner, " |\n"), " | ", "\t") + "\n"
		}
		fmt.Fprint(w, line)
	}
	_ = w.Flush() // to a Builder
	return table.String()
}
