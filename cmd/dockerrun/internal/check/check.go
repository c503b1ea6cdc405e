// Package check looks for what is wrong or unwise in a PromptKit RuntimeConfig: in its
// sandboxes of mode docker_run, in what runs in them, and on the engines that they
// name.
package check

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/AltairaLabs/dockerrun/internal/runtimeconfig"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// Severity says what a finding means.
type Severity string

// The severities, the worst first.
const (
	Error   Severity = "error"   // PromptKit refuses it, or calls fail, or a hook never runs
	Warning Severity = "warning" // it works, and is probably not what is wanted
	Note    Severity = "note"    // what could not be looked at
)

// Finding is one thing that was found, and where.
type Finding struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Column   int      `json:"column,omitempty"` // 0: the whole line
	Severity Severity `json:"severity"`
	// Code names the rule: config, engine, image, command, hook, network, ...
	Code    string `json:"code"`
	Sandbox string `json:"sandbox,omitempty"`
	Hook    string `json:"hook,omitempty"` // or another entry that runs a command
	Message string `json:"message"`
}

// Report is all that was found, in the order of the file.
type Report struct {
	File     string    `json:"file"`
	Findings []Finding `json:"findings"`
	// Sandboxes are those of mode docker_run, Bindings what runs in one of them.
	Sandboxes int `json:"sandboxes"`
	Bindings  int `json:"bindings"`
	// Engine says whether engines were asked.
	Engine bool `json:"engine_checked"`
}

// Count is how many findings have the severity.
func (r *Report) Count(s Severity) int {
	n := 0
	for i := range r.Findings {
		if r.Findings[i].Severity == s {
			n++
		}
	}
	return n
}

// Options say what is looked at.
type Options struct {
	// Open opens a runtime and contacts nothing. Nil: engines are left alone, and so are
	// images and commands.
	Open func(key, host, dockerPath string) (runtime.Runtime, error)
	// Pull fetches images that an engine lacks.
	Pull bool
	// Timeout bounds each question to an engine but for a pull.
	Timeout time.Duration
	// Self is a static Linux program that looks for commands in images without a shell,
	// when its first argument is [LookCommand]; empty: there is none.
	Self string
}

// checker collects findings.
type checker struct {
	file *runtimeconfig.File
	opts Options
	Report
}

// File looks at a file.
func File(ctx context.Context, f *runtimeconfig.File, opts Options) Report {
	c := &checker{file: f, opts: opts, Report: Report{File: f.Name, Findings: []Finding{}, Engine: opts.Open != nil}}
	for _, fault := range f.Faults {
		c.add(fault.Position, Finding{Severity: Error, Code: "file", Message: fault.Message})
	}
	for _, fault := range f.Unseen {
		c.add(fault.Position, Finding{Severity: Warning, Code: "ignored", Message: fault.Message})
	}
	for i := range f.Bindings {
		c.binding(&f.Bindings[i])
	}
	engines := engines{open: opts.Open, timeout: opts.Timeout}
	defer engines.close()
	for i := range f.Sandboxes {
		c.sandbox(ctx, &f.Sandboxes[i], &engines)
	}
	slices.SortStableFunc(c.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return c.Report
}

func (c *checker) add(at runtimeconfig.Position, f Finding) {
	f.File, f.Line, f.Column = c.file.Name, at.Line, at.Column
	c.Findings = append(c.Findings, f)
}

// use is an entry of the file, and what of it runs in a sandbox.
type use struct {
	*runtimeconfig.Binding
	runtimeconfig.Call
}

// usesOf are those of a sandbox.
func (c *checker) usesOf(sandbox string) []use {
	var out []use
	for i := range c.file.Bindings {
		b := &c.file.Bindings[i]
		if call, ok := c.file.Call(b); ok && call.Sandbox == sandbox && call.Command != "" {
			out = append(out, use{b, call})
		}
	}
	return out
}
