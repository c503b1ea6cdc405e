package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/AltairaLabs/dockerrun/backends/dockercli"
	"github.com/AltairaLabs/dockerrun/backends/podman"
	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/cmdline"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// explained is a call, as the command lines that make the same container.
type explained struct {
	Sandbox string   `json:"sandbox,omitempty"`
	Line    int      `json:"line,omitempty"` // of the sandbox in the file
	Column  int      `json:"column,omitempty"`
	Runtime string   `json:"runtime"`
	Kind    string   `json:"kind,omitempty"` // hook, selector, eval or tool
	Hook    string   `json:"hook,omitempty"` // the name of that entry, which runs it
	Command []string `json:"command"`
	Docker  cmdLine  `json:"docker"`
	Podman  cmdLine  `json:"podman"`
	// Strict is what strict isolation has added to what was said, and why.
	Strict []setting `json:"strict,omitempty"`
	Notes  []string  `json:"notes,omitempty"` // what the lines don't say
}

type setting struct {
	Flag  string `json:"flag"`
	Value string `json:"value"`
	Why   string `json:"why"`
}

type cmdLine struct {
	Argv []string `json:"argv"`
	Line string   `json:"line"` // for a shell
}

// surroundings are what an engine has told, or why it has not.
type surroundings struct {
	runtime.Surroundings
	silent string
	target *Target // the one whose engine has told; nil: none has
}

// ask asks the first engine that answers for what strict isolation depends on.
func (f *explainFlags) ask(ctx context.Context, sys System, isolation runtime.Isolation, spec runtime.Spec, targets ...Target) *surroundings {
	around := &surroundings{}
	if !isolation.Strict {
		return around
	}
	if f.noEngine {
		around.silent = "no engine was asked"
		return around
	}
	ctx, cancel := context.WithTimeout(ctx, engineWait)
	defer cancel()
	for _, t := range targets {
		if around.silent = askOne(ctx, sys, t, spec, around); around.Info != nil {
			around.target = &t
			break
		}
	}
	return around
}

// engineWait is how long explain waits for engines: they are not what it is about.
const engineWait = 30 * time.Second

func askOne(ctx context.Context, sys System, t Target, spec runtime.Spec, around *surroundings) (silent string) {
	rt, err := sys.Open(t)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = rt.Close() }() // nothing was run that could be left
	info, err := rt.Info(ctx)
	if err != nil {
		return err.Error()
	}
	around.Info = &info
	img, err := runtime.GetImage(ctx, rt, runtime.ImageRequest{Ref: spec.Image, Platform: spec.Platform, Pull: runtime.PullNever})
	if err != nil {
		return err.Error()
	}
	around.Image = &img
	return ""
}

// lines fills both command lines in. The one for the engine that is meant, that of t
// unless another has told, gets its address, and what strict isolation does for it.
func (e *explained) lines(spec runtime.Spec, isolation runtime.Isolation, around *surroundings, t Target, show func(name string) bool) error {
	own, settings, err := isolation.Apply(spec, around.Surroundings)
	if err != nil {
		return err
	}
	other, _, err := isolation.Apply(spec, runtime.Surroundings{Image: around.Image})
	if err != nil {
		return err
	}
	for _, s := range settings {
		e.Strict = append(e.Strict, setting{s.Name, s.Value, s.Why})
	}
	if around.silent != "" {
		e.Notes = append(e.Notes, "isolation strict keeps the image's user unless that is root, and heeds what the engine can enforce; neither is known: "+around.silent)
	}
	if around.target != nil {
		t = *around.target
	}
	docker := cmdline.Options{Program: "docker", Value: show}
	pod := cmdline.Options{Program: "podman", Podman: true, Value: show}
	isPodman := t.Key == podman.Key || t.Key == dockercli.Key && strings.HasPrefix(filepath.Base(t.DockerPath), "podman")
	meant, dockerSpec, podmanSpec := &docker, own, other
	if isPodman {
		meant, dockerSpec, podmanSpec = &pod, other, own
	}
	meant.Host = t.Host
	if t.DockerPath != "" {
		meant.Program = t.DockerPath
	}
	e.Docker, e.Podman = newCmdLine(cmdline.Run(dockerSpec, docker)), newCmdLine(cmdline.Run(podmanSpec, pod))
	return nil
}

func newCmdLine(argv []string) cmdLine { return cmdLine{Argv: argv, Line: cmdline.Quote(argv)} }

func writeExplained(w io.Writer, all []explained, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(all)
	}
	var b strings.Builder
	for i, e := range all {
		if i > 0 {
			b.WriteString("\n")
		}
		if e.Sandbox != "" {
			title := fmt.Sprintf("sandbox %q (line %d), on %s", e.Sandbox, e.Line, e.Runtime)
			if e.Hook != "" {
				title += fmt.Sprintf(": %s %q", e.Kind, e.Hook)
			}
			comment(&b, title)
		}
		for _, note := range e.Notes {
			comment(&b, note)
		}
		for i, s := range e.Strict {
			if i == 0 {
				comment(&b, "isolation strict sets:")
			}
			comment(&b, fmt.Sprintf("  --%s=%s: %s", s.Flag, s.Value, s.Why))
		}
		b.WriteString(cmdline.Wrap(e.Docker.Argv) + "\n" + cmdline.Wrap(e.Podman.Argv) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// comment writes text so that no shell runs it.
func comment(b *strings.Builder, text string) {
	b.WriteString("# " + strings.ReplaceAll(text, "\n", "\n# ") + "\n")
}
