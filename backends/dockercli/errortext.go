package dockercli

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// This file is all that reads the prose of command lines and engines. testdata holds
// what real ones said.

// errorStarts are how an error of a command line begins, at the start of a line.
func errorStarts() []string {
	return []string{
		"docker: ", "Error: ", "Error response from daemon: ",
		"unknown flag: ", "unknown shorthand flag: ", "invalid argument ", "flag needs an argument: ",
		"Failed to initialize: ", "unable to resolve docker endpoint: ", "ssh host connection is not valid",
		"error during connect: ", "Cannot connect to ", "cannot connect to ", "permission denied while trying to connect",
		"Got permission denied while trying", "unable to connect to Podman", "Unable to find image ",
		"read unix ", "write unix ", "read tcp ", "write tcp ",
		"cannot clone: ", "cannot set up namespace", "cannot setup namespace", "user namespaces are not enabled",
		"panic: ", "fatal error: ", `"--`,
	}
}

// logErrorRE knows the log lines that a command line writes when it fails.
var logErrorRE = regexp.MustCompile(`^(error waiting for container|error getting events from daemon|Error (forwarding|removing|attaching)|` +
	`Removing container|Unable to |Cannot get exit code|Container .* failed|forwarding signal|failed to |running |conmon|cannot set up namespace)`)

func startsError(line string) bool {
	if prefixed(line, errorStarts(), false) {
		return true
	}
	m := logRE.FindStringSubmatch(strings.TrimSuffix(line, "\r"))
	return m != nil && m[1] != "warning" && logErrorRE.MatchString(m[2])
}

func couldStartError(line string) bool {
	return prefixed(line, errorStarts(), true) || prefixed(line, []string{`time="`}, true)
}

// lostRE matches a connection that broke while the command line attached.
var lostRE = regexp.MustCompile(`^(read|write) (unix|tcp) .*: (read|write): `)

// daemonSays comes before what the engine itself says: the connection that broke is then
// one of its own, such as that to a registry.
const daemonSays = "Error response from daemon: "

// waitLost is how an engine shows that went away while a command line waited for a
// container.
const waitLost = "error waiting for container: "

// attachGone is what a docker command says when the engine has gone between the create and
// the attach, with an exit status of 1 (setupHijackConn of its client).
const attachGone = "cannot connect to the Docker daemon. Is 'docker daemon' running on this host?"

// isSetupError reports whether an exit status of 1 may be the command line's, which
// then did not get as far as starting the container.
func isSetupError(text string) bool {
	return lostRE.MatchString(text) || prefixed(text, []string{
		attachGone, "Failed to initialize: ", "unable to resolve docker endpoint: ", "ssh host connection is not valid",
	}, false) || strings.HasPrefix(text, `"--`) && strings.Contains(text, "requires API version")
}

// failure is what a text says.
type failure struct {
	kind    error
	message string
	// clean says that the engine can't have made a container.
	clean bool
}

func (f failure) error(started bool) *runtime.Error {
	return &runtime.Error{Kind: f.kind, Runtime: Key, Started: started, Message: f.message}
}

// textRule gives texts that match a kind.
type textRule struct {
	re     *regexp.Regexp
	kind   error
	clean  bool
	advice string
}

// textRules in order: the first that matches holds. The pattern is looked for in one
// line of readable text, where (?i) saves telling versions apart.
var textRules = []textRule{
	{regexp.MustCompile("^" + regexp.QuoteMeta(attachGone)), runtime.ErrUnavailable, false, "the engine went away during the call"}, // its container is there
	{regexp.MustCompile(`(?i)permission denied while trying to connect|dial unix [^ ]*: connect: permission denied`), runtime.ErrUnavailable, true,
		"this user may not use the engine's socket: join its group (docker), or use a rootless engine"},
	{regexp.MustCompile(`(?i)cannot connect to the docker daemon|cannot connect to podman|unable to connect to podman`), runtime.ErrUnavailable, true,
		"is the engine running, and is the host right?"},
	// A connection that broke: the engine may have done what it was asked to.
	{regexp.MustCompile(`(?i)^error during connect: .*: (EOF|unexpected EOF|read .*|write .*)$|^error waiting for container|^(unexpected )?EOF$`), runtime.ErrUnavailable, false,
		"the engine went away during the call"},
	{lostRE, runtime.ErrUnavailable, false, "the engine went away during the call"},
	{regexp.MustCompile(`(?i)^error during connect|^failed to connect: |^Failed to initialize: |unable to resolve docker endpoint|ssh host connection is not valid` +
		`|failed to resolve active destination|unable to create connection|unable to parse docker host|client version .* is too (new|old)` +
		`|cannot clone: |cannot set ?up namespace`), runtime.ErrUnavailable, true, ""},
	{regexp.MustCompile(`(?i)no such image|image not known|unable to find image|does not match the specified platform|no image found in`), runtime.ErrImageMissing, true, ""},
	{regexp.MustCompile(`(?i)invoke a command that was not found|executable file .*not found in \$PATH|exec: ".*": (stat .*: )?no such file or directory` +
		`|failed to load .*: no such file or directory|error finding executable .*: no such file or directory`), runtime.ErrCommandNotFound, false, ""}, // the last two are gVisor's
	{regexp.MustCompile(`(?i)exec: ".*": (permission denied|is a directory|exec format error)|open executable: .*denied|is not executable|exec format error` +
		`|failed to load .*: permission denied`), runtime.ErrNotExecutable, false, ""},
	{regexp.MustCompile(`(?i)^unknown (shorthand )?flag|requires API version`), runtime.ErrUnsupported, true,
		"this command line does not know the flag, or its engine is too old for it"},
	{regexp.MustCompile(`(?i)unknown( or invalid)? runtime( name| specified)?|OCI runtime ".*" not found|could not select device driver|unresolvable CDI devices`), runtime.ErrUnsupported, false, ""},
	{conflictRE, runtime.ErrEngine, true, ""},
	{regexp.MustCompile(`(?i)^invalid argument|^flag needs an argument|^invalid (reference|image name|value for)|^conflicting options|is not an absolute path`), runtime.ErrInvalidSpec, true, ""},
	{regexp.MustCompile(`(?i)invalid mount config|bind source path does not exist|^statfs |^stat /|invalid mode: |invalid option|invalid mount option|invalid tmpfs option` +
		`|duplicate mount|mount denied|invalid volume specification|no such volume`), runtime.ErrInvalidSpec, false, ""},
	{regexp.MustCompile(`(?i)^invalid |invalid container name|names must match|unknown capability|minimum memory limit|range of cpus|no command( or entrypoint)? (specified|provided)` +
		`|network .* not found|unable to find network|network not found|unable to find user|unable to find group|no matching entries in (passwd|group) file` +
		`|opening seccomp profile|gathering device information|^workdir |invalid CGROUP mode|unrecognized namespace mode|cannot set multiple networks|sethostname: `), runtime.ErrInvalidSpec, false, ""},
}

// classify reads what a command line wrote to stderr as it failed.
func classify(stderr string) failure {
	text := readable(stderr)
	words := withoutCommand(text)
	for _, r := range textRules {
		if !r.re.MatchString(words) || r.re == lostRE && strings.Contains(stderr, daemonSays) {
			continue
		}
		if r.advice != "" {
			text += " (" + r.advice + ")"
		}
		// A command line waits for a container that was made.
		return failure{kind: r.kind, message: text, clean: r.clean && !strings.Contains(stderr, waitLost)}
	}
	if text == "" {
		text = "the command line failed and said nothing"
	}
	return failure{kind: runtime.ErrEngine, message: text}
}

// commandRE matches where an OCI runtime names the program that it could not start.
var commandRE = regexp.MustCompile("(exec: |executable file )(?:\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`)(: stat .*(: no such file or directory|: permission denied|: not a directory))?")

// withoutCommand leaves the program's name out, which could read like anything.
func withoutCommand(text string) string { return commandRE.ReplaceAllString(text, `$1"..."$3`) }

// helpRE matches the lines that come with an error and say nothing about it.
var helpRE = regexp.MustCompile(`^(See '.* --help'\.?|Run '.* --help' for more information|Usage: .*|\[\])?$`)

// readable gives the errors of stderr in one line, without decoration and help.
func readable(stderr string) string {
	var out, logged []string
	for line := range strings.Lines(stderr) {
		line = strings.TrimSpace(line)
		if m := logRE.FindStringSubmatch(line); m != nil {
			logged = append(logged, strings.ReplaceAll(m[2], `\"`, `"`))
			continue
		}
		for _, prefix := range []string{"docker: ", "Error response from daemon: ", "Error: "} {
			line = strings.TrimPrefix(line, prefix)
		}
		// The old client ends every error with a full stop, also after a question mark.
		if line = strings.TrimSpace(strings.TrimSuffix(line, ".")); !helpRE.MatchString(line) {
			out = append(out, line)
		}
	}
	if len(out) == 0 {
		out = logged
	}
	text := strings.Join(out, "; ")
	if len(text) > maxWarning {
		text = strings.TrimRightFunc(text[:maxWarning], func(r rune) bool { return r == utf8.RuneError }) + "..."
	}
	return text
}

// conflictRE matches a name that is another container's.
var conflictRE = regexp.MustCompile(`(?i)already in use by`)

func isConflict(stderr string) bool { return conflictRE.MatchString(readable(stderr)) }

// isMissing reports whether an engine says that there is no such container.
func isMissing(stderr string) bool {
	lower := strings.ToLower(stderr)
	return strings.Contains(lower, "no such container") || strings.Contains(lower, "no container with name or id")
}
