package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// What became of a container that was left.
const (
	sweptLeft    = "left" // it would be removed
	sweptRemoved = "removed"
	sweptGone    = "gone" // somebody else was faster
	sweptFailed  = "failed"
)

// swept is one container that was left, as JSON has it.
type swept struct {
	Runtime  string    `json:"runtime"`
	Name     string    `json:"name"`
	ID       string    `json:"id"`
	Image    string    `json:"image"`
	State    string    `json:"state"`
	Created  time.Time `json:"created"`
	Deadline time.Time `json:"deadline"`
	Owner    string    `json:"owner"`
	Status   string    `json:"status"`
}

// sweepReport is what sweep found and did.
type sweepReport struct {
	Containers []*swept     `json:"containers"`
	Errors     []sweepError `json:"errors"`

	answered, silent int // engines
}

type sweepError struct {
	Runtime string `json:"runtime"`
	Error   string `json:"error"`
}

// sweepFlags is what the flags of sweep say.
type sweepFlags struct {
	target       Target
	dryRun, json bool
	timeout      time.Duration
}

func newSweep(sys System) *cobra.Command {
	f := &sweepFlags{}
	cmd := &cobra.Command{
		Use:   "sweep [flags]",
		Short: "Remove the containers that launchers which died have left",
		Long: fmt.Sprintf(`Remove the containers that were launched by dockerrun, or by a program with its library, and
that are still there %s after their deadline: whoever launched them has died, as it would
have removed them itself. Containers of others are never touched, nor those of calls that
are under way, nor those that have no deadline.

Launchers do the same by themselves at their first call, and again while they make calls.
Sweep is for when there is none, and --dry-run for a look. Without --runtime, all engines
that answer are swept.

The exit status is 0 when nothing is left, or with --dry-run when the engines could be
asked; 1 when a container could not be removed, the engine named by --runtime did not
answer, or none did; and 128+n when dockerrun got signal n.`, runtime.SweepGrace),
		Example: `  dockerrun sweep --dry-run
  dockerrun sweep --runtime=podman --host=unix:///run/podman/podman.sock
  dockerrun sweep --json | jq -r '.containers[] | select(.status == "failed").name'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			targets, err := targetsOf(sys, f.target)
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), sys, targets)
		},
	}
	addTarget(cmd, &f.target, sys, "sweep this runtime's engine only")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "list what would be removed, and remove nothing")
	cmd.Flags().BoolVar(&f.json, "json", false, "write JSON")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 2*time.Minute, "most time to take")
	return cmd
}

// targetsOf are the runtimes that the flags mean: the one that is named, or all.
func targetsOf(sys System, t Target) ([]Target, error) {
	if t.Key != "" {
		return []Target{t}, nil
	}
	if t.Host != "" || t.DockerPath != "" {
		return nil, errors.New("--host and --docker-path need --runtime: they are one engine's")
	}
	var all []Target
	for _, key := range sys.Keys {
		all = append(all, Target{Key: key})
	}
	return all, nil
}

func (f *sweepFlags) run(ctx context.Context, sys System, targets []Target) error {
	ctx, stop := withSignals(ctx, sys.Signals)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, f.timeout,
		fmt.Errorf("not done within %s: %w", f.timeout, context.DeadlineExceeded))
	defer cancel()
	engines := lookAll(ctx, sys, targets)
	report := &sweepReport{Containers: []*swept{}, Errors: []sweepError{}}
	for _, e := range engines {
		if e.silent {
			report.silent++
		} else {
			report.answered++
		}
		if !f.dryRun && e.err == nil {
			e.sweep(ctx)
		}
		_ = e.close()
		report.Containers = append(report.Containers, e.left...)
		if e.err != nil {
			report.Errors = append(report.Errors, sweepError{Runtime: e.target.Key, Error: e.err.Error()})
		}
	}
	if err := f.write(sys, report); err != nil {
		return err
	}
	if status := signalled(ctx); status != nil {
		return status
	}
	if report.answered == 0 || slices.ContainsFunc(engines, func(e *sweptEngine) bool { return e.err != nil && !e.silent }) {
		return exitStatus(1)
	}
	return nil
}

// sweptEngine is one runtime and what was left on its engine.
type sweptEngine struct {
	target Target
	rt     runtime.Runtime // nil: it could not be opened
	left   []*swept
	silent bool  // the engine did not answer
	err    error // from looking or removing
}

// lookAll asks all engines at once. What two runtimes have in common, as they are two ways
// to one engine, is the first one's.
func lookAll(ctx context.Context, sys System, targets []Target) []*sweptEngine {
	engines := make([]*sweptEngine, len(targets))
	var wg sync.WaitGroup
	for i, target := range targets {
		engines[i] = &sweptEngine{target: target}
		wg.Go(func() { engines[i].look(ctx, sys) })
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, e := range engines {
		e.left = slices.DeleteFunc(e.left, func(c *swept) bool { return seen[c.ID] })
		for _, c := range e.left {
			seen[c.ID] = true
		}
	}
	return engines
}

func (e *sweptEngine) look(ctx context.Context, sys System) {
	var left []runtime.Container
	if e.rt, e.err = sys.Open(e.target); e.err == nil {
		left, e.err = runtime.Leftovers(ctx, e.rt, time.Now())
	}
	e.silent = e.err != nil
	for _, c := range left {
		e.left = append(e.left, &swept{
			Runtime: e.target.Key, Name: c.Name, ID: c.ID, Image: c.Image, State: c.State,
			Created: c.Created.UTC(), Deadline: c.Deadline.UTC(), Owner: c.Owner, Status: sweptLeft,
		})
	}
}

// sweep removes what is left, and says of each what became of it.
func (e *sweptEngine) sweep(ctx context.Context) {
	if len(e.left) == 0 {
		return
	}
	var removed []runtime.Container
	removed, e.err = runtime.Sweep(ctx, e.rt, time.Now())
	for _, c := range e.left {
		switch {
		case slices.ContainsFunc(removed, func(r runtime.Container) bool { return r.ID == c.ID }):
			c.Status = sweptRemoved
		case e.err != nil:
			c.Status = sweptFailed
		default:
			c.Status = sweptGone
		}
	}
}

func (e *sweptEngine) close() error {
	if e.rt == nil {
		return nil
	}
	return e.rt.Close()
}

func (f *sweepFlags) write(sys System, r *sweepReport) error {
	if f.json {
		enc := json.NewEncoder(sys.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	return r.write(sys.Stdout, f.dryRun, time.Now(), palette{on: sys.Color})
}

// write writes a table of what was left, and below it what went wrong.
func (r *sweepReport) write(w io.Writer, dryRun bool, now time.Time, p palette) error {
	var notes strings.Builder
	t := table{header: []string{"RUNTIME", "NAME", "IMAGE", "AGE", "DEADLINE", "STATE", "OWNER", "STATUS"}}
	styles := map[string]func(string) string{sweptLeft: p.yellow, sweptRemoved: p.green, sweptGone: p.plain, sweptFailed: p.red}
	removed := 0
	for _, c := range r.Containers {
		if c.Status == sweptRemoved {
			removed++
		}
		var cells []cell
		for _, text := range []string{c.Runtime, c.Name, c.Image, ago(now.Sub(c.Created)),
			ago(now.Sub(c.Deadline)) + " ago", c.State, c.Owner} {
			cells = append(cells, cell{text, p.plain})
		}
		t.add(append(cells, cell{c.Status, styles[c.Status]})...)
	}
	switch n := len(r.Containers); {
	case n == 0 && r.answered == 0:
		notes.WriteString("No engine answered.\n")
	case n == 0 && r.silent > 0:
		notes.WriteString("Nothing is left on the engines that answered.\n")
	case n == 0:
		notes.WriteString("Nothing is left.\n")
	case dryRun:
		fmt.Fprintf(&notes, "\n%s would be removed; nothing was, as this was a --dry-run.\n", counted(n))
	default:
		fmt.Fprintf(&notes, "\n%s removed.\n", counted(removed))
	}
	for _, e := range r.Errors {
		fmt.Fprintf(&notes, "\n%s:\n%s", p.bold(e.Runtime), indent(strings.TrimPrefix(e.Error, e.Runtime+": ")))
	}
	if len(r.Containers) > 0 {
		if err := t.write(w, p); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, notes.String())
	return err
}

func counted(n int) string {
	if n == 1 {
		return "1 container"
	}
	return fmt.Sprintf("%d containers", n)
}

func ago(d time.Duration) string { return strings.ToLower(units.HumanDuration(d)) }
