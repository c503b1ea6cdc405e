package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/bench"
	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/cmdline"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// engineWay runs the engine's own command line, which makes the same container; nil
// where there is none.
func engineWay(sys System, spec runtime.Spec, s *subject, target Target, info runtime.Info) *bench.Way {
	podman := info.Engine == "podman"
	program, host := cmp.Or(target.DockerPath, "docker"), target.Host
	if podman && target.DockerPath == "" {
		program = "podman"
	}
	path, err := sys.Host.LookPath(program)
	if err != nil {
		return nil
	}
	line := engineLine{
		name: map[bool]string{false: "docker run", true: "podman run"}[podman],
		argv: cmdline.Run(spec, cmdline.Options{Program: path, Podman: podman, Host: host}),
		env:  append(os.Environ(), spec.Env...),
	}
	return &bench.Way{Name: line.name, Start: bench.Engine, Call: func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
		defer cancel()
		return line.call(ctx, cmp.Or(spec.Name, runtime.NewName()), s.input)
	}}
}

// engineLine is a command line that makes a container.
type engineLine struct {
	name      string
	argv, env []string
}

// call runs it. When ctx ends first, the container is removed by its name: the command
// line passes signals on, and a container's first process ignores them.
func (l *engineLine) call(ctx context.Context, container string, input []byte) error {
	run := slices.Index(l.argv, "run")
	cmd := exec.CommandContext(ctx, l.argv[0], slices.Insert(slices.Clone(l.argv[1:]), run, "--name="+container)...)
	cmd.Env = l.env
	cmd.Stdin = bytes.NewReader(input)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", l.name, err, bytes.TrimSpace(out))
	}
	if ctx.Err() != nil {
		err = errors.Join(err, l.remove(ctx, l.argv[:run], container))
	}
	return err
}

// remove removes a container that may be gone by itself. program is the command line up
// to its first word.
func (l *engineLine) remove(ctx context.Context, program []string, container string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program[0], append(slices.Clone(program[1:]), "rm", "--force", container)...)
	cmd.Env = l.env
	out, err := cmd.CombinedOutput()
	if err != nil && !bytes.Contains(bytes.ToLower(out), []byte("no such container")) {
		return fmt.Errorf("container %s can't be removed: %w: %s", container, err, bytes.TrimSpace(out))
	}
	return nil
}
