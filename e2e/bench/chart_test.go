package bench

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// chart draws the p50 of a call of cat as bars on a logarithmic axis.
func chart(file string, rows map[string]*samples) error {
	groups := []struct {
		label string
		names []string // one of each series; empty or left out: none
	}{
		{"local exec,\nno container", []string{"", "", "", "", localExec}},
		{"docker-cli", []string{dockerRun, "docker-cli cold", "docker-cli gate", "docker-cli eager"}},
		{"docker-api", []string{dockerRun, "docker-api cold", "docker-api gate", "docker-api eager"}},
		{"podman", []string{podmanRun, "podman cold", "podman gate", "podman eager"}},
		{"podman,\nrootless", []string{rootlessRun, "podman-rootless cold", "podman-rootless gate", "podman-rootless eager"}},
	}
	series := []struct {
		label string
		color color.Color
		at    float64 // in bars from the middle of a group
	}{
		{"the engine's own run", color.RGBA{0x9a, 0xa5, 0xb1, 0xff}, -1.5},
		{"dockerrun, cold", color.RGBA{0x1f, 0x78, 0xb4, 0xff}, -0.5},
		{"dockerrun, warm: gate", color.RGBA{0x33, 0xa0, 0x2c, 0xff}, 0.5},
		{"dockerrun, warm: eager", color.RGBA{0xb2, 0xdf, 0x8a, 0xff}, 1.5},
		{"", color.RGBA{0x55, 0x55, 0x55, 0xff}, 0},
	}
	p := plot.New()
	p.Title.Text = "One call of cat in a fresh container, median"
	p.Title.TextStyle.Font.Size = vg.Points(14)
	p.Title.Padding = vg.Points(8)
	p.Y.Label.Text = "milliseconds, logarithmic"
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker = plot.ConstantTicks{{Value: 1, Label: "1"}, {Value: 3, Label: "3"}, {Value: 10, Label: "10"}, {Value: 30, Label: "30"}, {Value: 100, Label: "100"}, {Value: 300, Label: "300"}, {Value: 1000, Label: "1000"}}
	p.Y.Min, p.Y.Max = 0.8, 1000
	p.Legend.Top = true
	p.Legend.Padding = vg.Points(3)
	p.BackgroundColor = color.White

	grid := plotter.NewGrid()
	grid.Vertical.Color = nil
	grid.Horizontal.Color = color.Gray{0xdd}
	p.Add(grid)

	const width = 20 // points
	labels := make([]string, len(groups))
	for s, kind := range series {
		values := make(plotter.Values, len(groups))
		points := plotter.XYLabels{}
		for g, group := range groups {
			labels[g] = group.label
			values[g] = p.Y.Min
			if s >= len(group.names) || rows[group.names[s]] == nil {
				continue
			}
			row := rows[group.names[s]]
			values[g] = float64(row.quantile(0.5).Microseconds()) / 1000
			points.XYs = append(points.XYs, plotter.XY{X: float64(g), Y: values[g]})
			text := ms(row.quantile(0.5))
			if values[g] >= 100 {
				text = text[:len(text)-2]
			}
			points.Labels = append(points.Labels, text)
		}
		bars, err := newLogBars(values, vg.Points(width), p.Y.Min)
		if err != nil {
			return err
		}
		bars.LineStyle.Width = 0
		bars.Color = kind.color
		bars.Offset = vg.Points(width * kind.at)
		p.Add(bars)
		if kind.label != "" {
			p.Legend.Add(kind.label, bars)
		}
		texts, err := plotter.NewLabels(points)
		if err != nil {
			return err
		}
		for i := range texts.TextStyle {
			texts.TextStyle[i].Font.Size = font.Length(vg.Points(8))
			texts.TextStyle[i].XAlign = -0.5
		}
		texts.Offset = vg.Point{X: bars.Offset, Y: vg.Points(2)}
		p.Add(texts)
	}
	p.NominalX(labels...)
	p.X.Min, p.X.Max = -0.5, float64(len(groups))-0.5
	return p.Save(26*vg.Centimeter, 13*vg.Centimeter, file)
}

// newLogBars makes bars that begin at the axis's least value, as zero is nowhere on it.
func newLogBars(values plotter.Values, width vg.Length, least float64) (*plotter.BarChart, error) {
	base := make(plotter.Values, len(values))
	above := make(plotter.Values, len(values))
	for i := range values {
		base[i] = least
		above[i] = math.Max(values[i]-least, 1e-9)
	}
	floor, err := plotter.NewBarChart(base, width)
	if err != nil {
		return nil, err
	}
	bars, err := plotter.NewBarChart(above, width)
	if err != nil {
		return nil, err
	}
	bars.StackOn(floor)
	return bars, nil
}
