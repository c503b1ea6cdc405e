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

	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/hostcheck"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// diagnosis is what doctor found out about one runtime.
type diagnosis struct {
	Runtime   string  `json:"runtime"`
	Reachable bool    `json:"reachable"`
	Error     string  `json:"error,omitempty"` // why not, and what to do
	Info      *engine `json:"engine,omitempty"`
	// Image is what --image asked about, on an engine that was reached.
	Image *imageDiagnosis `json:"image,omitempty"`
	// Findings are what keeps the runtime, or some of what it can do, from being used,
	// each with what to do.
	Findings []hostcheck.Finding `json:"findings,omitempty"`
}

// ready reports whether calls work, as far as they were tried.
func (d *diagnosis) ready() bool { return d.Reachable && (d.Image == nil || d.Image.Usable) }

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

// doctorFlags is what the flags of doctor say.
type doctorFlags struct {
	target  Target
	image   string
	json    bool
	timeout time.Duration
}

func newDoctor(sys System) *cobra.Command {
	f := &doctorFlags{}
	cmd := &cobra.Command{
		Use:   "doctor [flags]",
		Short: "Say which runtimes can be used here, and what keeps the others from it",
		Long: `Ask the engine of each runtime what it is: whether it can be reached, its version, whether
it runs rootless, its cgroups and whether limits hold, its OCI runtimes. Look at this
machine for what is in the way: permissions of sockets, the set-up of rootless engines, and
engines that listen at other places, as Docker Desktop, Colima, Rancher Desktop, OrbStack and
podman machine do. Each finding says what to do. Nothing is started or changed.

With --image, also say whether each engine has the image, and start /bin/sh in a container
of it, without network, as warm starts need that. Nothing is pulled.

Exit statuses:
  0  at least one runtime can be used (with --image: and has the image)
  1  none can, or the command line is wrong
  128+n  dockerrun got signal n`,
		Example: `  dockerrun doctor
  dockerrun doctor --image=python:3.12-slim
  dockerrun doctor --runtime=podman --host=ssh://core@build/run/podman/podman.sock
  dockerrun doctor --json | jq -r '.[] | select(.reachable).runtime'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			targets := []Target{f.target}
			if f.target.Key == "" {
				if targets = nil; f.target.Host != "" || f.target.DockerPath != "" {
					return errors.New("--host and --docker-path need --runtime: they are one engine's")
				}
				for _, key := range sys.Keys {
					targets = append(targets, Target{Key: key})
				}
			}
			ctx, stop := withSignals(cmd.Context(), sys.Signals)
			defer stop()
			found := f.examine(ctx, sys, targets)
			if status := signalled(ctx); status != nil {
				return status // what was cut short says nothing of the engines
			}
			if err := report(sys, found, f.json); err != nil {
				return err
			}
			for _, d := range found {
				if d.ready() {
					return nil
				}
			}
			return exitStatus(1)
		},
	}
	addTarget(cmd, &f.target, sys, "look at this runtime only")
	fs := cmd.Flags()
	fs.StringVar(&f.image, "image", "", "image that calls will use: is it there, and has it what warm starts need?")
	fs.BoolVar(&f.json, "json", false, "write JSON")
	fs.DurationVar(&f.timeout, "timeout", 10*time.Second, "most time to wait for an engine")
	_ = cmd.RegisterFlagCompletionFunc("image", cobra.NoFileCompletions) // fails only for a flag that is not there
	return cmd
}

// examine asks all targets at once; the answers are in their order.
func (f *doctorFlags) examine(ctx context.Context, sys System, targets []Target) []diagnosis {
	found := make([]diagnosis, len(targets))
	var wg sync.WaitGroup
	for i, target := range targets {
		wg.Go(func() {
			ctx, cancel := context.WithTimeoutCause(ctx, f.timeout,
				fmt.Errorf("the engine did not answer within %s; if that stays so, restart it: %w", f.timeout, context.DeadlineExceeded))
			defer cancel()
			found[i] = f.diagnose(ctx, sys, target)
		})
	}
	wg.Wait()
	return found
}

func (f *doctorFlags) diagnose(ctx context.Context, sys System, target Target) diagnosis {
	d := diagnosis{Runtime: target.Key}
	rt, err := sys.Open(target)
	if err == nil {
		var info runtime.Info
		if info, err = rt.Info(ctx); err == nil {
			d.Info, d.Reachable = newEngine(info), true
			if f.image != "" {
				d.examineImage(ctx, rt, f.image)
			}
		}
		_ = rt.Close() // waits for the container of an image's examination
	}
	if err != nil {
		d.Error = err.Error()
	}
	d.lookAround(sys.Host, target)
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
// table: why one can't be used, and what was found besides.
func writeReport(w io.Writer, found []diagnosis, p palette) error {
	t := table{header: []string{"RUNTIME", "STATUS", "ENGINE", "API", "CLIENT", "ROOTLESS", "CGROUP", "LIMITS", "OCI RUNTIMES", "ENDPOINT"}}
	var notes strings.Builder
	for _, d := range found {
		if d.Reachable {
			i := d.Info
			limits := cell{"enforced", p.green}
			if !i.LimitsEnforced {
				limits = cell{"ignored", p.yellow}
			}
			t.add(cell{d.Runtime, p.plain}, cell{"ready", p.green},
				cell{strings.TrimSpace(i.Engine + " " + i.Version), p.plain}, cell{i.APIVersion, p.plain}, cell{i.ClientVersion, p.plain},
				cell{yesNo(i.Rootless), p.plain}, cell{cgroup(i), p.plain}, limits, cell{ociRuntimes(i), p.plain}, cell{i.Endpoint, p.plain})
		} else {
			t.add(cell{d.Runtime, p.plain}, cell{"unavailable", p.red})
			_, _ = fmt.Fprintf(&notes, "\n%s can't be used:\n%s", p.bold(d.Runtime), indent(strings.TrimPrefix(d.Error, d.Runtime+": ")))
		}
		if d.Image != nil {
			_, _ = fmt.Fprintf(&notes, "\n%s: %s\n", p.bold(d.Runtime), d.Image)
		}
		for _, f := range d.Findings {
			style := map[string]func(string) string{hostcheck.Error: p.red, hostcheck.Warning: p.yellow}[f.Level]
			if style == nil {
				style = p.plain
			}
			_, _ = fmt.Fprintf(&notes, "\n%s: %s: %s\n", p.bold(d.Runtime), style(f.Level), f.Message)
			if f.Do != "" {
				notes.WriteString(indent(f.Do))
			}
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
