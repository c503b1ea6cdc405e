package cli

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/docker/go-units"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// pullDisplay shows pulls as they go. begin and done may be called at once for several.
type pullDisplay interface {
	begin(*pulled) (report func(runtime.PullProgress))
	done(*pulled)
	end()
}

type noDisplay struct{}

func (noDisplay) begin(*pulled) func(runtime.PullProgress) { return nil }
func (noDisplay) done(*pulled)                             {}
func (noDisplay) end()                                     {}

// pullLines writes a line when a pull begins, and one when it has ended.
type pullLines struct {
	sys System
	mu  sync.Mutex
}

func (d *pullLines) begin(p *pulled) func(runtime.PullProgress) {
	var once sync.Once
	return func(runtime.PullProgress) { once.Do(func() { d.say("%s: pulling\n", p.title()) }) }
}

func (d *pullLines) done(p *pulled) { d.say("%s\n", outcomeOf(p)) }
func (d *pullLines) end()           {}

func (d *pullLines) say(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, _ = fmt.Fprintf(d.sys.Stdout, format, args...)
}

// outcomeOf is a line, or some when the error has more.
func outcomeOf(p *pulled) string {
	switch p.Status {
	case pullPresent:
		return p.title() + ": there already"
	case pullDone:
		return fmt.Sprintf("%s: pulled in %.1fs", p.title(), p.Seconds)
	}
	return p.title() + ": failed: " + p.Error
}

// pullBars draws a bar for each pull on a terminal.
type pullBars struct {
	sys      System
	progress *mpb.Progress
	mu       sync.Mutex
	bars     map[*pulled]*pullBar
	failed   []*pulled
}

func newPullBars(sys System) *pullBars {
	return &pullBars{sys: sys, bars: map[*pulled]*pullBar{}, progress: mpb.New(
		mpb.WithOutput(sys.Stdout), mpb.WithAutoRefresh(), mpb.WithRefreshRate(120*time.Millisecond))}
}

// thousand is all of a bar: an image's size is not known when its pull begins.
const thousand = 1000

// pullBar is one pull's.
type pullBar struct {
	*mpb.Bar
	mu     sync.Mutex
	layers pullLayers
	text   string
}

func (b *pullBar) said() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text
}

func (b *pullBar) say(text string) {
	b.mu.Lock()
	b.text = text
	b.mu.Unlock()
}

func (d *pullBars) begin(p *pulled) func(runtime.PullProgress) {
	b := &pullBar{text: "looking"}
	b.Bar = d.progress.AddBar(thousand, mpb.BarWidth(24),
		mpb.PrependDecorators(decor.Name(p.title(), decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Percentage(decor.WC{W: 5}), decor.Any(func(decor.Statistics) string { return "  " + b.said() })))
	d.mu.Lock()
	d.bars[p] = b
	d.mu.Unlock()
	return func(progress runtime.PullProgress) {
		b.mu.Lock()
		b.layers.add(progress)
		done, text := b.layers.done(), b.layers.String()
		b.text = text
		b.mu.Unlock()
		// Whole only when the engine says that the image is there.
		b.SetCurrent(int64(done * (thousand - 1)))
	}
}

func (d *pullBars) done(p *pulled) {
	d.mu.Lock()
	b := d.bars[p]
	if p.Status == pullFailed {
		d.failed = append(d.failed, p)
	}
	d.mu.Unlock()
	switch p.Status {
	case pullFailed:
		b.say("failed")
		b.Abort(false)
		return
	case pullPresent:
		b.say("there already")
	default:
		b.say(fmt.Sprintf("pulled in %.1fs", p.Seconds))
	}
	b.SetCurrent(thousand)
}

// end says what no bar has room for.
func (d *pullBars) end() {
	d.progress.Wait()
	for _, p := range d.failed {
		_, _ = fmt.Fprintf(d.sys.Stdout, "\n%s\n", outcomeOf(p))
	}
}

// pullLayers adds up what an engine says of an image's layers. The zero value is ready.
type pullLayers struct {
	layers map[string]*pullLayer
	most   float64
}

type pullLayer struct {
	total              int64 // bytes; 0: the engine does not say
	fetched, unpacked  int64
	isFetched, isThere bool
}

func (l *pullLayers) add(p runtime.PullProgress) {
	if l.layers == nil {
		l.layers = map[string]*pullLayer{}
	}
	one := l.layers[p.Layer]
	if one == nil {
		one = &pullLayer{}
		l.layers[p.Layer] = one
	}

	switch status := strings.ToLower(p.Status); {
	case status == "downloading":
		one.total, one.fetched = max(one.total, p.Total), p.Current
	case status == "extracting":
		one.isFetched = true
		if p.Total > 0 { // else it is no count of bytes
			one.total, one.unpacked = max(one.total, p.Total), p.Current
		}
	case status == "download complete", status == "verifying checksum":
		one.isFetched = true
	case status == "pull complete", status == "already exists", strings.HasPrefix(status, "layer already"):
		one.isFetched, one.isThere = true, true
	}
}

// done is how much of the pull is, from 0 to 1; it never gets less, although layers whose
// size was not known come in. Fetching is half of it, unpacking the other.
func (l *pullLayers) done() float64 {
	var bytes, size int64
	var steps int
	for _, one := range l.layers {
		fetched, unpacked := one.fetched, one.unpacked
		if one.isFetched {
			fetched = one.total
			steps++
		}
		if one.isThere {
			unpacked = one.total
			steps++
		}
		bytes += fetched + unpacked
		size += 2 * one.total
	}
	part := 0.0
	switch {
	case size > 0:
		part = float64(bytes) / float64(size)
		// Layers of which nothing is known yet count like the others.
		known := 0
		for _, one := range l.layers {
			if one.total > 0 || one.isThere {
				known++
			}
		}
		part *= float64(known) / float64(len(l.layers))
	case len(l.layers) > 0:
		part = float64(steps) / float64(2*len(l.layers))
	}
	l.most = max(l.most, min(part, 1))
	return l.most
}

// String says what is known in words.
func (l *pullLayers) String() string {
	var fetched, total int64
	there := 0
	for _, one := range l.layers {
		total += one.total
		if one.isFetched {
			fetched += one.total
		} else {
			fetched += one.fetched
		}
		if one.isThere {
			there++
		}
	}
	if total > 0 {
		return fmt.Sprintf("%s of %s, %d of %d layers", units.HumanSizeWithPrecision(float64(fetched), 3),
			units.HumanSizeWithPrecision(float64(total), 3), there, len(l.layers))
	}
	if l.most == 0 { // the engine names layers and says no more of them
		return fmt.Sprintf("%d layers so far", len(l.layers))
	}
	return fmt.Sprintf("%d of %d layers", there, len(l.layers))
}
