package check

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Shell is what looks for commands in an image that has it.
const Shell = "/bin/sh"

// LookCommand is the first argument of [Options.Self] when it is to look for commands:
// those that follow. It answers as the script does.
const LookCommand = "__look"

// selfPath is where Options.Self is in a container.
const selfPath = "/.dockerrun-look"

// lookScript looks for the commands that are its arguments and writes a line for each:
// what it found, and of which file. It starts none of them.
//
//go:embed look.sh
var lookScript string

// commands looks, in a container of the sandbox, whether what runs there can be started.
func (b *box) commands(ctx context.Context, e *engine, img runtime.Image) {
	uses := b.usesOf(b.entry.Name)
	wanted := make([]string, len(uses))
	for i, u := range uses {
		wanted[i] = u.Call.Command
	}
	entrypoint, at, whose := img.Entrypoint, "image", "the image's entrypoint: "
	if b.spec.Entrypoint != nil {
		entrypoint, at, whose = b.spec.Entrypoint, b.key("entrypoint"), "entrypoint: "
	}
	if len(entrypoint) > 0 && entrypoint[0] != "" {
		// What the entrypoint makes of the commands, its arguments, only it knows.
		wanted, uses = entrypoint[:1], nil
	}
	if len(wanted) == 0 && b.config.Warm.Size == 0 {
		return
	}
	found, shell, err := b.look(ctx, e, wanted)
	if !shell && b.config.Warm.Size > 0 {
		b.say(Warning, "warm", "warm", "warm: the image has no "+Shell+", so that every call starts cold")
	}
	switch {
	case errors.Is(err, errUnchecked):
		b.say(Note, "image", "unchecked", fmt.Sprintf("whether the image has %s was not looked at: %v", strings.Join(wanted, ", "), err))
		return
	case err != nil:
		b.say(Error, "", "start", "its container can't be started: "+err.Error())
		return
	}
	for i, f := range found {
		text := f.problem(wanted[i])
		switch {
		case text == "":
		case uses == nil:
			b.say(Error, at, "command", whose+text)
		default:
			b.sayAt(uses[i].CommandAt, uses[i].Binding, Error, "command", "command: "+text)
		}
	}
}

// errUnchecked says that nothing in the image could look.
var errUnchecked = errors.New("it has no " + Shell)

// look gives what was found of each command, and whether the image has a shell.
func (b *box) look(ctx context.Context, e *engine, commands []string) (found []found, shell bool, err error) {
	found, err = b.lookWith(ctx, e, b.lookSpec(commands, []string{Shell}, "-c", lookScript, "sh"), len(commands))
	if !errors.Is(err, runtime.ErrCommandNotFound) && !errors.Is(err, runtime.ErrNotExecutable) {
		return found, true, err
	}
	if b.opts.Self == "" || e.remote {
		return nil, false, errUnchecked
	}
	spec := b.lookSpec(commands, []string{selfPath}, LookCommand)
	spec.Mounts = append(spec.Mounts, runtime.Mount{Type: runtime.MountBind, Source: b.opts.Self, Target: selfPath, Options: []string{"ro"}})
	if found, err = b.lookWith(ctx, e, spec, len(commands)); err != nil {
		return nil, false, fmt.Errorf("%w, and with a program of ours in its place: %w", errUnchecked, err)
	}
	return found, false, nil
}

// lookSpec is the sandbox's container with another command, without a network, and with
// nothing of its environment but PATH.
func (b *box) lookSpec(commands, entrypoint []string, args ...string) runtime.Spec {
	spec := b.spec
	spec.Entrypoint, spec.Args = entrypoint, slices.Concat(args, commands)
	spec.Network, spec.AddHosts, spec.DNS, spec.DNSSearch, spec.DNSOptions = "none", nil, nil, nil, nil
	spec.Env = slices.DeleteFunc(slices.Clone(spec.Env), func(e string) bool { return !strings.HasPrefix(e, "PATH=") })
	spec.EnvFiles, spec.GPUs = nil, nil
	spec.LogDriver, spec.LogOpts = "none", nil
	spec.Mounts = slices.Clip(spec.Mounts)
	spec.Pull = runtime.PullNever
	return spec
}

func (b *box) lookWith(ctx context.Context, e *engine, spec runtime.Spec, n int) ([]found, error) {
	result, err := e.calls.Launch(ctx, spec, nil, runtime.Options{
		Timeout: b.opts.Timeout, SkipMountCheck: b.config.MountCheck == "off", Logger: quiet(),
	})
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(string(result.Stdout), "\n"), "\n")
	if n == 0 {
		return nil, nil
	}
	if len(lines) != n {
		return nil, fmt.Errorf("%w that answers as one does: %q", errUnchecked, string(result.Stdout))
	}
	out := make([]found, n)
	for i, line := range lines {
		out[i].what, out[i].file, _ = strings.Cut(line, " ")
	}
	return out, nil
}
