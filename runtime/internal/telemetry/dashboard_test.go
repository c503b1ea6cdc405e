package telemetry_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/warm"
)

const docs = "../../../docs/"

// everything makes calls of all kinds, so that all that there is was exported once.
func everything(t *testing.T) *seen {
	s := watch(t)
	f := fake()
	f.Images = map[string]runtime.Image{}
	f.Pull = func(_ context.Context, req runtime.ImageRequest) (runtime.Image, error) {
		if req.Ref == "no/such" {
			return runtime.Image{}, errors.New("not found")
		}
		return runtime.Image{}, nil
	}
	base := runtime.NewLauncher(f)
	pool := warm.New(f, warm.Options{Size: 1, Logger: slog.New(slog.DiscardHandler)})
	over := base.Over(pool)
	for _, command := range []string{"cat", "three", "cat"} { // the first one pulls
		_, _ = over.Launch(t.Context(), spec(command), []byte("x"), s.opts)
	}
	_, _ = over.Launch(t.Context(), runtime.Spec{Image: "no/such", Args: []string{"cat"}}, nil, s.opts)
	require.NoError(t, over.Prepare(t.Context(), spec("cat"), s.opts))
	idle := f.Containers()
	for _, name := range idle {
		f.Kill(name)
	}
	require.Eventually(t, func() bool { return pool.Stats().Died > 0 }, testTime, tick)
	require.NoError(t, over.Close())
	require.NoError(t, base.Close())
	var later *runtime.Trace
	_, _ = runtime.NewLauncher(told{after: func(tr *runtime.Trace) { later = tr }}).Launch(t.Context(), spec("x"), []byte("x"), s.opts)
	later.Removed(nil)
	return s
}

// labels gives, for each name that Prometheus has for a metric of ours, its labels.
func labels(t *testing.T) map[string][]string {
	families, err := registry.Gather()
	require.NoError(t, err)
	out := map[string][]string{}
	for _, family := range families {
		names := []string{family.GetName()}
		var has []string
		for _, m := range family.Metric {
			for _, l := range m.Label {
				has = append(has, l.GetName())
			}
			if m.Histogram != nil {
				names = []string{family.GetName() + "_bucket", family.GetName() + "_count", family.GetName() + "_sum"}
				has = append(has, "le")
			}
		}
		for _, name := range names {
			out[name] = append(out[name], has...)
		}
	}
	return out
}

var (
	metricName = regexp.MustCompile(`dockerrun_\w+`)
	selectors  = regexp.MustCompile(`(\w+)\{([^}]*)\}`)
	matcher    = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)\s*"`)
	grouping   = regexp.MustCompile(`by \(([^)]*)\)`)
)

// Every metric and every label that the dashboard asks for is one that Prometheus has of
// us, by the translation of names that its exporters and its own OTLP receiver make.
func TestDashboard(t *testing.T) {
	everything(t)
	known := labels(t)
	text, err := os.ReadFile(docs + "grafana/dockerrun.json")
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			Type, Title string
			Targets     []struct{ Expr, LegendFormat string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &dashboard))
	asked := map[string]bool{}
	check := func(title, expr string) {
		var has []string
		for _, name := range metricName.FindAllString(selectorsOnly(expr), -1) {
			require.Contains(t, known, name, title)
			asked[family(name)] = true
			has = append(has, known[name]...)
		}
		require.NotEmpty(t, has, "%s asks for no metric of ours: %s", title, expr)
		for _, s := range selectors.FindAllStringSubmatch(expr, -1) {
			for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
				assert.Contains(t, known[s[1]], m[1], title)
			}
		}
		for _, g := range grouping.FindAllStringSubmatch(expr, -1) {
			for label := range strings.SplitSeq(g[1], ",") {
				assert.Contains(t, has, strings.TrimSpace(label), title)
			}
		}
		assert.Equal(t, strings.Count(expr, "("), strings.Count(expr, ")"), title)
	}
	for _, panel := range dashboard.Panels {
		if panel.Type == "row" {
			continue
		}
		require.NotEmpty(t, panel.Targets, panel.Title)
		for _, target := range panel.Targets {
			check(panel.Title, target.Expr)
			for _, l := range regexp.MustCompile(`{{(\w+)}}`).FindAllStringSubmatch(target.LegendFormat, -1) {
				assert.Contains(t, target.Expr, l[1], "%s: a label that the query leaves out", panel.Title)
			}
		}
	}
	for _, v := range dashboard.Templating.List {
		if v.Definition != "" {
			m := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`).FindStringSubmatch(v.Definition)
			require.NotNil(t, m, v.Definition)
			assert.Contains(t, known[m[1]], m[2])
		}
	}
	for name := range known {
		if strings.HasPrefix(name, "dockerrun_") {
			assert.True(t, asked[family(name)], "%s is on no panel", name)
		}
	}
}

// family is what the series of a histogram have in common.
func family(name string) string {
	for _, suffix := range []string{"_bucket", "_count", "_sum"} {
		if base, ok := strings.CutSuffix(name, "_seconds"+suffix); ok {
			return base + "_seconds"
		}
	}
	return name
}

// selectorsOnly leaves out the groupings, whose labels look like metrics.
func selectorsOnly(expr string) string {
	expr = grouping.ReplaceAllString(expr, "")
	return selectors.ReplaceAllString(expr, "$1")
}

// The page names all that is exported.
func TestPage(t *testing.T) {
	s := everything(t)
	text, err := os.ReadFile(docs + "observability.md")
	require.NoError(t, err)
	page := string(text)
	named := func(kind, name string) {
		assert.Contains(t, page, "`"+name+"`", kind)
	}
	for _, span := range spans.GetSpans() {
		named("span", span.Name)
		for _, e := range span.Events {
			named("event", e.Name)
			for _, a := range e.Attributes {
				named("attribute of an event", string(a.Key))
			}
		}
		for _, a := range span.Attributes {
			named("attribute", string(a.Key))
		}
	}
	for name := range s.metrics() {
		metric, attrs, _ := strings.Cut(name, "{")
		named("metric", metric)
		for pair := range strings.SplitSeq(strings.TrimSuffix(attrs, "}"), ",") {
			key, value, _ := strings.Cut(pair, "=")
			named("attribute of a metric", key)
			if strings.HasPrefix(key, "dockerrun.") || key == "error.type" {
				named("value", value)
			}
		}
	}
	for name := range labels(t) {
		if strings.HasPrefix(name, "dockerrun_") {
			named("metric in Prometheus", family(name))
		}
	}
	for line := range strings.Lines(s.log.String()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields))
		for field := range fields {
			if !slices.Contains([]string{"time", "level", "msg"}, field) {
				named("field of the log", field)
			}
		}
	}
}
