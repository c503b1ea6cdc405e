package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// sweepStore has the containers on one engine swept, and checks that all are gone in time.
func sweepStore(t *testing.T, bin string, how sweptBy, store []engines.Variant, victims []*killed, deadline time.Time, report *killReport) {
	t.Helper()
	mine := slices.DeleteFunc(slices.Clone(victims), func(x *killed) bool {
		return !slices.ContainsFunc(store, func(v engines.Variant) bool { return v.Name == x.v.Name })
	})
	due := deadline.Add(runtime.SweepGrace + 2*time.Second)
	v := store[0]
	limit := time.Now().Add(30 * time.Second)
	switch how {
	case byLiving: // it was there all the time
		limit = deadline.Add(time.Minute)
		if !soaking() {
			limit = limit.Add(time.Minute) // the other half keeps the machine busy
		}
	case byNext:
		time.Sleep(time.Until(due))
		args := append(append([]string{"run"}, flags(v)...), "--network=none", "--pull=never", "--timeout=30s")
		output(t, t.Context(), bin, append(args, image.Ref, image.Probe, "exit", "0")...)
		limit = time.Now().Add(30 * time.Second)
	case byCommand:
		time.Sleep(time.Until(due))
		before := 0
		for _, x := range mine {
			before += len(x.look(t))
		}
		out := output(t, t.Context(), bin, append([]string{"sweep", "--json"}, flags(v)...)...)
		var swept struct {
			Containers []struct{ Owner, Status string }
			Errors     []any
		}
		require.NoError(t, json.Unmarshal([]byte(out), &swept), out)
		assert.Empty(t, swept.Errors)
		assert.GreaterOrEqual(t, len(swept.Containers), before, out)
		limit = time.Now().Add(20 * time.Second) // for the docker commands whose containers those were
	}
	for _, x := range mine {
		at := x.gone(t, limit)
		if x.stage != warmIdle && len(x.states) > 0 {
			report.swept = append(report.swept, fmt.Sprintf("%s %s after its deadline by %s", v.Name, at.Sub(x.at.Add(callTime)).Round(100*time.Millisecond), how))
		}
	}
}

// killReport are the figures of a round.
type killReport struct {
	idle    []time.Duration // from the kill until the container was gone
	stopped time.Duration   // the longest from the deadline until Podman had stopped it
	states  map[string]int
	swept   []string
}

func (r *killReport) state(x *killed) {
	if r.states == nil {
		r.states = map[string]int{}
	}
	if x.stage == warmIdle {
		r.idle = append(r.idle, x.took)
	}
	what := "nothing"
	if len(x.states) > 0 {
		what = strings.Join(x.states, "+")
	}
	r.states[fmt.Sprintf("%s, killed %s: %s", x.v.Name, x.stage, what)]++
}

func (r *killReport) String() string {
	var b strings.Builder
	tries := 0
	var lines []string
	for state, n := range r.states {
		tries += n
		lines = append(lines, fmt.Sprintf("  %d of %s\n", n, state))
	}
	slices.Sort(lines)
	fmt.Fprintf(&b, "%d launchers were killed, and had left 2 s later:\n%s", tries, strings.Join(lines, ""))
	slices.Sort(r.idle)
	fmt.Fprintf(&b, "%d idle warm ones were gone after %v (median), %v (longest)\n", len(r.idle),
		r.idle[len(r.idle)/2].Round(10*time.Millisecond), r.idle[len(r.idle)-1].Round(10*time.Millisecond))
	fmt.Fprintf(&b, "Podman had stopped all %v after the last deadline\n", r.stopped.Round(100*time.Millisecond))
	slices.Sort(r.swept)
	fmt.Fprintf(&b, "%d were swept:\n  %s", len(r.swept), strings.Join(r.swept, "\n  "))
	return b.String()
}

// leftover is a container that TestSweep makes by the engine's own command line.
type leftover struct {
	name     string
	labels   map[string]string
	commands [][]string // NAME stands for its name, with %s
	swept    bool
}

// TestSweep makes containers in every state that a launcher can leave them in, beside
// others', and has the command sweep them.
func TestSweep(t *testing.T) {
	alone(t) // a launcher of the other process would sweep first
	bin := buildDockerrun(t)
	past, future := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	ours := map[string]string{runtime.LabelOwner: "e2e/0", runtime.LabelDeadline: past}
	each(t, func(t *testing.T, v engines.Variant) {
		create := []string{"create", "-i"}
		run := []string{"run", "-d"}
		all := []leftover{
			{"created", ours, [][]string{create}, true},
			{"running", ours, [][]string{run}, true},
			{"exited", ours, [][]string{run, {"kill", "%s"}}, true},
			{"not-ours", map[string]string{"com.example.deadline": past}, [][]string{create}, false},
			{"only-deadline", map[string]string{runtime.LabelDeadline: past}, [][]string{create}, false},
			{"no-deadline", map[string]string{runtime.LabelOwner: "e2e/0"}, [][]string{run}, false},
			{"labels-of-an-image", map[string]string{runtime.LabelOwner: "e2e/0", runtime.LabelName: "another", runtime.LabelDeadline: past}, [][]string{create}, false},
			{"in-use", map[string]string{runtime.LabelOwner: "e2e/0", runtime.LabelDeadline: future}, [][]string{run}, false},
			{"just-over", map[string]string{runtime.LabelOwner: "e2e/0",
				runtime.LabelDeadline: time.Now().Add(5 * time.Minute).UTC().Format(time.RFC3339)}, [][]string{create}, false},
		}
		if v.IsPodman() {
			all = append(all, leftover{"initialized", ours, [][]string{create, {"init", "%s"}}, true})
		}
		if !v.Rootless() { // which has no freezer on cgroup v1
			all = append(all, leftover{"paused", ours, [][]string{run, {"pause", "%s"}}, true})
		}
		prefix := runtime.NewName() + "-"
		t.Cleanup(func() { removeLeftovers(t, v, prefix) })
		var want, stay []string
		for _, l := range all {
			name := prefix + l.name
			if l.labels = maps.Clone(l.labels); l.labels[runtime.LabelName] == "" {
				l.labels[runtime.LabelName] = name
			}
			for _, command := range l.commands {
				makeLeftover(t, v, name, l.labels, command)
			}
			if l.swept {
				want = append(want, name)
			} else {
				stay = append(stay, name)
			}
		}
		sweep := func(args ...string) (names []string) {
			var report struct {
				Containers []struct{ Name, State, Owner, Image, Status string }
			}
			out := output(t, t.Context(), bin, append(append([]string{"sweep", "--json"}, flags(v)...), args...)...)
			require.NoError(t, json.Unmarshal([]byte(out), &report), out)
			for _, c := range report.Containers {
				if strings.HasPrefix(c.Name, prefix) {
					names = append(names, c.Name)
					assert.Equal(t, "e2e/0", c.Owner)
					assert.NotEmpty(t, c.State)
					assert.NotEmpty(t, c.Image)
				}
			}
			slices.Sort(names)
			return names
		}
		slices.Sort(want)
		slices.Sort(stay)
		assert.Equal(t, want, sweep("--dry-run"))
		assert.Len(t, named(t, v, prefix), len(all), "--dry-run removes nothing")
		assert.Equal(t, want, sweep())
		assert.Equal(t, stay, named(t, v, prefix))
		assert.Empty(t, sweep("--dry-run"))
	})
}

func makeLeftover(t *testing.T, v engines.Variant, name string, labels map[string]string, command []string) {
	t.Helper()
	if command[1] == "%s" {
		_, err := v.Output(t.Context(), command[0], name)
		require.NoError(t, err)
		return
	}
	args := append(slices.Clone(command), "--name="+name, "--network=none")
	for key, value := range labels {
		args = append(args, "--label="+key+"="+value)
	}
	_, err := v.Output(t.Context(), append(args, image.Ref, image.Probe, "block")...)
	require.NoError(t, err)
}

// named are the containers whose names begin with prefix, sorted.
func named(t *testing.T, v engines.Variant, prefix string) []string {
	t.Helper()
	out, err := v.Output(t.Context(), "ps", "--all", "--filter", "name="+prefix, "--format", "{{.Names}}")
	require.NoError(t, err)
	names := strings.Fields(out)
	slices.Sort(names)
	return names
}

func removeLeftovers(t *testing.T, v engines.Variant, prefix string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := v.Output(ctx, "ps", "--all", "--filter", "name="+prefix, "--format", "{{.Names}}")
	if names := strings.Fields(out); err == nil && len(names) > 0 {
		_, err = v.Output(ctx, append([]string{"rm", "--force"}, names...)...)
	}
	assert.NoError(t, err)
}
