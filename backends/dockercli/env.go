package dockercli

import (
	"fmt"
	"os"
	goruntime "runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// env is how the variables of a Spec reach the container without standing in an argv.
type env struct {
	flags []string // --env=NAME, --env-file=..., --unsetenv=NAME
	set   []string // NAME=value for the command line's environment
	unset []string // names that must be absent from it
	file  []byte   // what --env-file reads; empty: there is none
}

// envFile is where the command line finds the first of exec.Cmd.ExtraFiles.
const envFile = "/dev/fd/3"

// maxEnvLine is what the line readers of docker and podman take, without the break.
const maxEnvLine = 64*1024 - 2

// splitEnv finds a way for each entry of a resolved Spec. Its errors name the variable
// and never hold its value.
func (cl *client) splitEnv(entries []string, remote bool, lookup func(string) (string, bool)) (env, error) {
	var e env
	for _, entry := range entries {
		name, value, hasValue := strings.Cut(entry, "=")
		if cl.podman && strings.ContainsAny(name, " \t") {
			return env{}, unsupported("env %q: podman takes no blanks in a variable's name", name)
		}
		if !hasValue {
			e.remove(cl, name)
			continue
		}
		current, same := lookup(name)
		same = same && current == value // then the command line has it already
		star := cl.podman && strings.HasSuffix(name, "*")
		if !star && (same || !steers(name, remote)) {
			e.flags = append(e.flags, "--env="+name)
			e.set = append(e.set, entry)
			continue
		}
		if err := checkEnvLine(name, value); err != nil {
			return env{}, err
		}
		e.file = append(append(e.file, entry...), '\n')
	}
	if len(e.file) > 0 {
		e.flags = slices.Insert(e.flags, 0, "--env-file="+envFile)
	}
	return e, nil
}

// remove takes a variable of the image away.
func (e *env) remove(cl *client, name string) {
	if cl.podman {
		e.flags = append(e.flags, "--unsetenv="+name)
		return
	}
	// A name that the command line can't fill in is removed by the engine.
	e.flags = append(e.flags, "--env="+name)
	e.unset = append(e.unset, name)
}

// checkEnvLine refuses what an env file would alter or not take. Docker's and Podman's
// readers strip a trailing carriage return, and have no quoting.
func checkEnvLine(name, value string) error {
	switch {
	case goruntime.GOOS == "windows":
		return unsupported("env %s: the docker command line heeds this variable itself, and on Windows there is no other way to hand it over", name)
	case strings.ContainsAny(value, "\n") || strings.HasSuffix(value, "\r"):
		return unsupported("env %s: the docker command line heeds this variable itself, so it goes through an env file, which can't hold a line break", name)
	case !utf8.ValidString(value):
		return unsupported("env %s: the docker command line heeds this variable itself, so it goes through an env file, which must be UTF-8", name)
	case len(name)+1+len(value) > maxEnvLine:
		return unsupported("env %s: the docker command line heeds this variable itself, so it goes through an env file, whose lines end at 64 KiB", name)
	case strings.ContainsAny(name, " \t\r\n\v\f#") || !utf8.ValidString(name):
		return unsupported("env %q: it goes through an env file, which does not take such a name", name)
	}
	return nil
}

// environ is the environment of the command line itself: that of this process, so that
// contexts, ssh and credential helpers work, and the values that it is to pass on.
func (e env) environ() []string {
	out := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(e.unset, name)
	})
	out = append(out, "DOCKER_CLI_HINTS=false") // no advertisements on stderr
	return append(out, e.set...)
}

func unsupported(format string, args ...any) *runtime.Error {
	return &runtime.Error{Kind: runtime.ErrUnsupported, Runtime: Key, Message: fmt.Sprintf(format, args...)}
}
