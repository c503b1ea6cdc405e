// Package cmdline says a container as the command line that makes it, for a person or a
// shell.
package cmdline

import (
	"slices"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Options are what a Spec does not say.
type Options struct {
	Program string // "docker", "podman" or a path of theirs
	Podman  bool   // it is Podman's
	Host    string // of the engine; empty: the program's own choice
	// Value tells the value of a variable of the environment that may be shown. Others
	// are given by name alone, and come from the environment of who runs the line.
	Value func(name string) bool
}

// Run is `docker run --rm -i` for spec, as argv. Every flag is one word.
func Run(spec runtime.Spec, o Options) []string {
	argv := []string{o.Program}
	if o.Host != "" {
		name := "--host="
		if o.Podman {
			name = "--url="
		}
		argv = append(argv, name+o.Host)
	}
	if o.Podman && spec.OCIRuntime != "" {
		argv = append(argv, "--runtime="+spec.OCIRuntime) // not a flag of run there
		spec.OCIRuntime = ""
	}
	argv = append(argv, "run", "--rm", "-i")
	if spec.Pull != "" && spec.Pull != runtime.PullMissing {
		argv = append(argv, "--pull="+string(spec.Pull))
	}
	if o.Podman {
		argv = append(argv, spec.PodmanFlags()...)
	}
	argv = append(argv, spec.Flags()...)
	argv = append(argv, spec.Passthrough...)
	for _, file := range spec.EnvFiles {
		argv = append(argv, "--env-file="+file)
	}
	for _, entry := range lastEntries(spec.Env) {
		name, _, _ := strings.Cut(entry, "=")
		if o.Value == nil || !o.Value(name) {
			entry = name
		}
		argv = append(argv, "--env="+entry)
	}
	argv = append(argv, spec.Image)
	return append(argv, spec.Args...)
}

// lastEntries drops what a later entry for the same name replaces.
func lastEntries(env []string) []string {
	var out []string
	for i, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		if !slices.ContainsFunc(env[i+1:], func(later string) bool { return later == name || strings.HasPrefix(later, name+"=") }) {
			out = append(out, entry)
		}
	}
	return out
}

// Quote is argv as a line for a POSIX shell.
func Quote(argv []string) string {
	words := make([]string, len(argv))
	for i, word := range argv {
		words[i] = quote(word)
	}
	return strings.Join(words, " ")
}

// Wrap is Quote over several lines: a flag on each, and the command on the last.
func Wrap(argv []string) string {
	run := slices.Index(argv, "-i") + 1
	last := run
	for last < len(argv) && strings.HasPrefix(argv[last], "-") {
		last++
	}
	lines := []string{Quote(argv[:run])}
	for _, flag := range argv[run:last] {
		lines = append(lines, quote(flag))
	}
	return strings.Join(append(lines, Quote(argv[last:])), " \\\n    ")
}

// quote leaves alone what no shell gives a meaning to.
func quote(word string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
