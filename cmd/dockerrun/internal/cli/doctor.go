package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// diagnosis is what doctor found out about one runtime.
type diagnosis struct {
	Runtime   string  `json:"runtime"`
	Reachable bool    `json:"reachable"`
	Error     string  `json:"error,omitempty"` // why not, and what to do
	Info      *engine `json:"engine,omitempty"`
}

// engine is runtime.Info as JSON has it.
type engine struct {
	Engine            string   `json:"name"`
	Version           string   `json:"version"`
	APIVersion        string   `json:"api_version,omitempty"`
	ClientVersion     string   `json:"client_version,omitempty"`
	Endpoint          string   `json:"endpoint"`
	OS                string   `json:"os"`
	Arch              string   `json:"arch"`
	Rootless          bool     `json:"rootless"`
	CgroupVersion     int      `json:"cgroup_version,omitempty"`
	CgroupDriver      string   `json:"cgroup_driver,omitempty"`
	LimitsEnforced    bool     `json:"limits_enforced"`
	OCIRuntimes       []string `json:"oci_runtimes"`
	DefaultOCIRuntime string   `json:"default_oci_runtime,omitempty"`
	Warnings          []string `json:"warnings,omitempty"`
}

func newEngine(i runtime.Info) *engine {
	return &engine{
		Engine: i.Engine, Version: i.Version, APIVersion: i.APIVersion, ClientVersion: i.ClientVersion, Endpoint: i.Endpoint,
		OS: i.OS, Arch: i.Arch, Rootless: i.Rootless, CgroupVersion: i.CgroupVersion, CgroupDriver: i.CgroupDriver,
		LimitsEnforced: i.LimitsEnforced, OCIRuntimes: i.OCIRuntimes, DefaultOCIRuntime: i.DefaultOCIRuntime, Warnings: i.Warnings,
	}
}

func newDoctor(sys System) *cobra.Command {
	var (
		target  Target
		asJSON  bool
		timeout time.Duration
	)
	cmd := &cobra.Command{
		Use:   "doctor [flags]",
		Short: "Say which runtimes can be used here, and what keeps the others from it",
		Long: `Ask the engine of each runtime what it is: whether it can be reached and what to do if not,
its version, whether it runs rootless, its cgroups and whether limits hold, its OCI
runtimes. Nothing is started or changed.

The exit status is 0 when at least one runtime can be used, and 1 when none can.`,
		Example: `  dockerrun doctor
  dockerrun doctor --runtime=podman --host=ssh://core@build/run/podman/podman.sock
  dockerrun doctor --json | jq -r '.[] | select(.reachable).runtime'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			targets := []Target{target}
			if target.Key == "" {
				if targets = nil; target.Host != "" || target.DockerPath != "" {
					return errors.New("--host and --docker-path need --runtime: they are one engine's")
				}
				for _, key := range sys.Keys {
					targets = append(targets, Target{Key: key})
				}
			}
			found := examine(cmd.Context(), sys.Open, targets, timeout)
			if err := report(sys, found, asJSON); err != nil {
				return err
			}
			for _, d := range found {
				if d.Reachable {
					return nil
				}
			}
			return exitStatus(1)
		},
	}
	addTarget(cmd, &target, sys, "look at this runtime only")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	cmd.Flags().DurationVar(&timeout, "timeout", 10*time.Second, "most time to wait for an engine")
	return cmd
}

// examine asks all targets at once; the answers are in their order.
func examine(ctx context.Context, open func(Target) (runtime.Runtime, error), targets []Target, timeout time.Duration) []diagnosis {
	found := make([]diagnosis, len(targets))
	var wg sync.WaitGroup
	for i, target := range targets {
		wg.Go(func() {
			ctx, cancel := context.WithTimeoutCause(ctx, timeout,
				fmt.Errorf("the engine did not answer within %s; if that stays so, restart it: %w", timeout, context.DeadlineExceeded))
			defer cancel()
			found[i] = diagnose(ctx, open, target)
		})
	}
	wg.Wait()
	return found
}

func diagnose(ctx context.Context, open func(Target) (runtime.Runtime, error), target Target) diagnosis {
	d := diagnosis{Runtime: target.Key}
	rt, err := open(target)
	if err == nil {
		var info runtime.Info
		if info, err = rt.Info(ctx); err == nil {
			d.Info, d.Reachable = newEngine(info), true
		}
		_ = rt.Close() // nothing was run that could be left
	}
	if err != nil {
		d.Error = err.Error()
	}
	return d
}

func report(sys System, found []diagnosis, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(sys.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(found)
	}
	return writeReport(sys.Stdout, found, palette{on: sys.Color})
}

// writeReport writes a table of all runtimes, and below it what does not fit into a
// table: why one can't be used, and what an engine warns of.
func writeReport(w io.Writer, found []diagnosis, p palette) error {
	t := table{header: []string{"RUNTIME", "STATUS", "ENGINE", "API", "CLIENT", "ROOTLESS", "CGROUP", "LIMITS", "OCI RUNTIMES", "ENDPOINT"}}
	var notes strings.Builder
	for _, d := range found {
		if !d.Reachable {
			t.add(cell{d.Runtime, p.plain}, cell{"unavailable", p.red})
			_, _ = fmt.Fprintf(&notes, "\n%s can't be used:\n%s", p.bold(d.Runtime), indent(strings.TrimPrefix(d.Error, d.Runtime+": ")))
			continue
		}
		i := d.Info
		limits := cell{"enforced", p.green}
		if !i.LimitsEnforced {
			limits = cell{"ignored", p.yellow}
			_, _ = fmt.Fprintf(&notes, "\n%s: calls that ask for memory, cpu or pids limits fail, as the engine can't enforce them.\n", p.bold(d.Runtime))
		}
		t.add(cell{d.Runtime, p.plain}, cell{"ready", p.green},
			cell{strings.TrimSpace(i.Engine + " " + i.Version), p.plain}, cell{i.APIVersion, p.plain}, cell{i.ClientVersion, p.plain},
			cell{yesNo(i.Rootless), p.plain}, cell{cgroup(i), p.plain}, limits, cell{ociRuntimes(i), p.plain}, cell{i.Endpoint, p.plain})
		for _, warning := range i.Warnings {
			_, _ = fmt.Fprintf(&notes, "\n%s warns:\n%s", p.bold(d.Runtime), indent(warning))
		}
	}
	if err := t.write(w, p); err != nil {
		return err
	}
	_, err := io.WriteString(w, notes.String())
	return err
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func cgroup(i *engine) string {
	if i.CgroupVersion == 0 {
		return i.CgroupDriver
	}
	return strings.TrimSpace("v" + strconv.Itoa(i.CgroupVersion) + " " + i.CgroupDriver)
}

// ociRuntimes lists the engine's OCI runtimes, with a star at its default.
func ociRuntimes(i *engine) string {
	var names []string
	for _, name := range i.OCIRuntimes {
		if name == i.DefaultOCIRuntime {
			name += "*"
		}
		names = append(names, name)
	}
	if names == nil && i.DefaultOCIRuntime != "" {
		return i.DefaultOCIRuntime + "*"
	}
	return strings.Join(names, ", ")
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
}
