package bench

import (
	"fmt"
	"image/color"
	"math"
	"strconv"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// colors of bars by how a way starts.
func colorOf(start string) color.Color {
	switch start {
	case Cold:
		return color.RGBA{0x1f, 0x78, 0xb4, 0xff}
	case Gate:
		return color.RGBA{0x33, 0xa0, 0x2c, 0xff}
	case Eager:
		return color.RGBA{0x8c, 0xc6, 0x6b, 0xff}
	}
	return color.RGBA{0x9a, 0xa5, 0xb1, 0xff}
}

// Chart draws the median of each way as a bar, the first on top, on a logarithmic axis. The
// file's ending says the format: .svg, .png or .pdf.
func Chart(file, title string, ways []*Way) error {
	p := plot.New()
	p.Title.Text = title
	p.Title.TextStyle.Font.Size = vg.Points(13)
	p.Title.Padding = vg.Points(8)
	p.X.Label.Text = "milliseconds of a call, median, logarithmic"
	p.X.Scale = plot.LogScale{}
	p.BackgroundColor = color.White

	least, most := math.Inf(1), 0.0
	for _, w := range ways {
		least, most = math.Min(least, millis(w.Quantile(0.5))), math.Max(most, millis(w.Quantile(0.5)))
	}
	// Room on the right for what is written at the longest bar.
	p.X.Min, p.X.Max = math.Pow(10, math.Floor(math.Log10(least*0.9))), most*2
	p.X.Tick.Marker = plot.ConstantTicks(logTicks(p.X.Min, p.X.Max))
	grid := plotter.NewGrid()
	grid.Horizontal.Color = nil
	grid.Vertical.Color = color.Gray{0xdd}
	p.Add(grid)

	names := make([]string, len(ways))
	labels := plotter.XYLabels{}
	for i, w := range ways {
		row := len(ways) - 1 - i
		ms := millis(w.Quantile(0.5))
		bar, err := newBar(row, len(ways), ms, p.X.Min, colorOf(w.Start))
		if err != nil {
			return err
		}
		p.Add(bar)
		names[row] = w.Name
		labels.XYs = append(labels.XYs, plotter.XY{X: ms, Y: float64(row)})
		labels.Labels = append(labels.Labels, Millis(w.Quantile(0.5))+" ms")
	}
	texts, err := plotter.NewLabels(labels)
	if err != nil {
		return err
	}
	for i := range texts.TextStyle {
		texts.TextStyle[i].Font.Size = vg.Points(9)
		texts.TextStyle[i].YAlign = -0.5
	}
	texts.Offset = vg.Point{X: vg.Points(4), Y: vg.Points(2)}
	p.Add(texts)
	p.NominalY(names...)
	p.Y.Label.Text = " " // room on the left
	p.Y.Min, p.Y.Max = -0.6, float64(len(ways))-0.4
	return p.Save(20*vg.Centimeter, vg.Length(len(ways))*0.8*vg.Centimeter+3.5*vg.Centimeter, file)
}

// newBar is one that begins at the axis's least value, as zero is nowhere on it.
func newBar(row, rows int, ms, least float64, c color.Color) (*plotter.BarChart, error) {
	floor, above := make(plotter.Values, rows), make(plotter.Values, rows)
	for i := range floor {
		floor[i] = least
	}
	above[row] = math.Max(ms-least, 1e-9)
	base, err := plotter.NewBarChart(floor, vg.Points(14))
	if err != nil {
		return nil, err
	}
	bar, err := plotter.NewBarChart(above, vg.Points(14))
	if err != nil {
		return nil, err
	}
	base.Horizontal, bar.Horizontal = true, true
	bar.StackOn(base)
	bar.LineStyle.Width = 0
	bar.Color = c
	return bar, nil
}

// logTicks are 1, 3, 10, 30 and so on, as many as lie within.
func logTicks(least, most float64) []plot.Tick {
	var ticks []plot.Tick
	for decade := least; decade <= most; decade *= 10 {
		for _, v := range []float64{decade, 3 * decade} {
			if v <= most {
				ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 3, 64)})
			}
		}
	}
	return ticks
}

func millis(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// Millis are those of d as text, with three digits that count.
func Millis(d time.Duration) string {
	ms := millis(d)
	switch {
	case ms < 10:
		return fmt.Sprintf("%.2f", ms)
	case ms < 100:
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.0f", ms)
}
