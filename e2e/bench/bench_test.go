// Package bench measures a call against the ways that people have without dockerrun:
// `docker run` and `podman run` through a local subprocess, which is what PromptKit's
// example does, and a plain local exec.
package bench

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox/direct"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
	"github.com/AltairaLabs/dockerrun/factory"
)

var doc = flag.String("doc", "", "write the table into this Markdown `file`, between its markers")

// row is one way to run `cat` on a document.
type row struct {
	name     string
	baseline string // name of the row that this one is a ratio of; empty: none
	target   string // what the ratio has to be at most; empty: no target
	sandbox  sandbox.Sandbox
	command  []string
	took     []time.Duration
}

// wrapped is the example's way: the engine's command line before the command.
func wrapped(name string, cli ...string) *row {
	argv := append(cli, "run", "--rm", "-i", "--network=none", image.Ref, "/bin/cat")
	return &row{name: name, sandbox: direct.New(name), command: argv}
}

func ours(b *testing.B, v engines.Variant, baseline, target string) *row {
	cfg := v.Config()
	cfg["image"], cfg["network"] = image.Ref, "none"
	sb, err := factory.Factory(v.Name, cfg)
	require.NoError(b, err)
	return &row{name: v.Name, baseline: baseline, target: target, sandbox: sb, command: []string{"/bin/cat"}}
}

func rows(b *testing.B) []*row {
	files, err := image.ReadFiles(b.Context(), "")
	require.NoError(b, err)
	out := []*row{{name: "local exec", sandbox: direct.New("local"), command: []string{"/bin/busybox", "cat"}}}
	for _, v := range engines.Find(b.Context()) {
		require.NoError(b, v.Err, "%s: run e2e/engines.sh up", v.Name)
		switch v.Name {
		case "docker-cli":
			require.NoError(b, image.LoadAll(b.Context(), v.CLI, files))
			out = append(out, wrapped("docker run", v.CLI...), ours(b, v, "docker run", "1.05"))
		case "docker-api":
			out = append(out, ours(b, v, "docker run", "0.90"))
		case "podman":
			require.NoError(b, image.LoadAll(b.Context(), v.CLI, files))
			out = append(out, wrapped("podman run", "podman"), ours(b, v, "podman run", "0.90"))
		case "podman-cli":
			out = append(out, ours(b, v, "podman run", ""))
		case "podman-rootless":
			require.NoError(b, image.LoadAll(b.Context(), v.CLI, files))
			remote := wrapped("podman --url run, rootless", v.CLI...)
			out = append(out, remote, ours(b, v, remote.name, ""))
		}
	}
	return out
}

// BenchmarkCold runs every row once an iteration, in an order of chance, so that
// whatever else the machine does meets all of them alike.
func BenchmarkCold(b *testing.B) {
	rows := rows(b)
	document := []byte(`{"hook":"provider","text":"` + strings.Repeat("four", 256) + `"}`)
	for b.Loop() {
		for _, i := range rand.Perm(len(rows)) {
			r := rows[i]
			began := time.Now()
			resp, err := r.sandbox.Spawn(b.Context(), sandbox.Request{
				Command: r.command[0], Args: r.command[1:], Stdin: document, Timeout: time.Minute,
			})
			r.took = append(r.took, time.Since(began))
			require.NoError(b, err)
			require.NoError(b, resp.Err, "%s: %s", r.name, resp.Stderr)
			require.True(b, bytes.Equal(document, resp.Stdout), r.name)
		}
	}
	b.ReportMetric(0, "ns/op") // of all rows together: says nothing
	for _, r := range rows {
		b.ReportMetric(ms(r.quantile(0.5)), strings.NewReplacer(" ", "-", ",", "").Replace(r.name)+"-ms")
	}
	report(b, rows)
}

func (r *row) quantile(q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(r.took))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func report(b *testing.B, rows []*row) {
	byName := map[string]*row{}
	var table, markdown strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "way\tp50 ms\tp95 ms\tratio\tof\ttarget\t")
	fmt.Fprintf(&markdown, "%d rounds, all rows in each, in an order of chance.\n\n", b.N)
	markdown.WriteString("| way | p50 ms | p95 ms | ratio of the p50 | target |\n|---|--:|--:|---|---|\n")
	for _, r := range rows {
		byName[r.name] = r
		ratio := ""
		if base := byName[r.baseline]; base != nil {
			ratio = fmt.Sprintf("%.2f", float64(r.quantile(0.5))/float64(base.quantile(0.5)))
		}
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%s\t%s\t%s\t\n", r.name, ms(r.quantile(0.5)), ms(r.quantile(0.95)), ratio, r.baseline, r.target)
		of, target := "", ""
		if ratio != "" {
			of = ratio + " of `" + r.baseline + "`"
		}
		if r.target != "" {
			target = "at most " + r.target
		}
		fmt.Fprintf(&markdown, "| %s | %.1f | %.1f | %s | %s |\n", r.name, ms(r.quantile(0.5)), ms(r.quantile(0.95)), of, target)
	}
	require.NoError(b, w.Flush())
	fmt.Printf("\n%s\n", table.String())
	if *doc != "" {
		require.NoError(b, replace(*doc, markdown.String()))
	}
}

// replace puts text between the markers of a file.
func replace(file, text string) error {
	const begin, end = "<!-- cold: written by make bench -->\n", "<!-- end -->\n"
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(old), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s: has no %q ... %q", file, begin, end)
	}
	return os.WriteFile(file, []byte(head+begin+text+end+tail), 0o644)
}
