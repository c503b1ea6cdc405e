package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/bench"
)

// benchReport is what bench found, as JSON has it.
type benchReport struct {
	Image   string     `json:"image"`
	Command []string   `json:"command"`
	Rounds  int        `json:"rounds"`
	Ways    []benchWay `json:"ways"`
}

type benchWay struct {
	Name    string    `json:"name"`
	Runtime string    `json:"runtime,omitempty"`
	Start   string    `json:"start,omitempty"` // engine, cold, gate or eager
	P50     float64   `json:"p50_ms,omitempty"`
	P95     float64   `json:"p95_ms,omitempty"`
	Min     float64   `json:"min_ms,omitempty"`
	Max     float64   `json:"max_ms,omitempty"`
	Against string    `json:"against,omitempty"`
	Factor  float64   `json:"factor,omitempty"` // how many times faster than Against, by the medians
	Millis  []float64 `json:"ms,omitempty"`     // each call, in order
	Error   string    `json:"error,omitempty"`  // why it was not measured, or not to the end
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// report writes what was measured, in all forms that were asked for.
func (f *benchFlags) report(sys System, s *subject, ways []*bench.Way) error {
	byName := map[string]*bench.Way{}
	var measured []*bench.Way
	for _, w := range ways {
		byName[w.Name] = w
		if w.Measured() {
			measured = append(measured, w)
		}
	}
	r := benchReport{Image: s.spec.Image, Command: s.spec.Args, Rounds: f.rounds}
	for _, w := range ways {
		one := benchWay{
			Name: w.Name, Runtime: w.Runtime, Start: w.Start, P50: ms(w.Quantile(0.5)), P95: ms(w.Quantile(0.95)),
			Min: ms(w.Quantile(0)), Max: ms(w.Quantile(1)), Against: w.Against,
		}
		if than := byName[w.Against]; than != nil && than.Measured() && w.Measured() {
			one.Factor = float64(than.Quantile(0.5)) / float64(w.Quantile(0.5))
		}
		for _, d := range w.Took {
			one.Millis = append(one.Millis, ms(d))
		}
		if w.Err != nil {
			one.Error = w.Err.Error()
		}
		r.Ways = append(r.Ways, one)
	}
	var err error
	if f.asJSON {
		enc := json.NewEncoder(sys.Stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(r)
	} else {
		err = r.write(sys.Stdout, palette{on: sys.Color}, measured)
	}
	if err == nil && f.chart != "" && len(measured) > 0 {
		err = bench.Chart(f.chart, s.title, measured)
	}
	if err == nil && len(measured) == 0 {
		err = exitStatus(1)
	}
	return err
}

// barWidth is the longest bar, in characters.
const barWidth = 40

func (r *benchReport) write(w io.Writer, p palette, measured []*bench.Way) error {
	var most time.Duration
	for _, m := range measured {
		most = max(most, m.Quantile(0.5))
	}
	t := table{header: []string{"WAY", "P50 ms", "P95 ms", "MIN", "MAX", "FASTER", "P50"}}
	var notes strings.Builder
	at := 0
	for _, one := range r.Ways {
		if one.Error != "" {
			_, _ = fmt.Fprintf(&notes, "\n%s: %s:\n%s", p.bold(one.Name), map[bool]string{true: "not measured", false: "not measured to the end"}[one.P50 == 0], indent(one.Error))
		}
		if len(one.Millis) == 0 {
			continue
		}
		m := measured[at]
		at++
		faster := ""
		if one.Factor > 0 {
			faster = fmt.Sprintf("%.1fx", one.Factor)
		}
		style := p.plain
		if one.Start == bench.Gate || one.Start == bench.Eager {
			style = p.green
		}
		t.add(cell{one.Name, p.plain}, cell{bench.Millis(m.Quantile(0.5)), p.bold}, cell{bench.Millis(m.Quantile(0.95)), p.plain},
			cell{bench.Millis(m.Quantile(0)), p.plain}, cell{bench.Millis(m.Quantile(1)), p.plain}, cell{faster, p.plain},
			cell{bar(m.Quantile(0.5), most), style})
	}
	if len(t.rows) > 0 {
		if err := t.write(w, p); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(&notes, "\n%d calls of each way; FASTER is by how many times than the engine's own command line.\n", r.Rounds)
	}
	_, err := io.WriteString(w, notes.String())
	return err
}

// bar is as long as d is of most; never nothing.
func bar(d, most time.Duration) string {
	return strings.Repeat("#", max(1, int(float64(d)/float64(most)*barWidth+0.5)))
}
