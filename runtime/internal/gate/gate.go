// Package gate is what a warm container runs until its call comes, and how to talk to
// it: a program for the image's own /bin/sh that says that it is up, reads a header
// with environment and command from its input, runs that command on the rest of the
// input, and ends both of its outputs with a trailer.
//
//	gate     dockerrun gate 1          on stdout: it is up
//	launcher TOKEN export A='b';...    one line, and then the command's own input
//	gate     TOKEN                     on stdout: the command is there and starts now
//	         ...                       the command's output
//	gate     TOKEN STATUS              on stdout and on stderr: the command has ended
//
// The end of the input before the header's makes the gate exit, so that a launcher that
// dies leaves nothing behind. The token is random and comes with the header.
package gate

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Shell is what runs the gate.
const Shell = "/bin/sh"

// Ready is the first line of a gate.
const Ready = "dockerrun gate 1\n"

// script is POSIX sh and works in dash, busybox and bash. What is not obvious in it:
//
//   - It runs before it is known what the environment will be, so its variables have
//     names that nobody else uses (CheckEnv sees to it).
//   - What a shell says of a command that a signal killed goes to its own stderr, which
//     is /dev/null; the command gets the real one.
//   - The command is run by an absolute path, as a bare name may be a builtin, or an
//     applet of busybox; and by exec in a subshell, as that is where bash adds neither
//     `_` nor SHLVL.
//   - What can't be started ends with 126 or 127 before the gate says that it starts. Only
//     where exec itself fails, as for want of an interpreter, does the shell say why.
//   - Newlines come as $dockerrun_n, as the header is one line: a shell reads its input
//     byte by byte, line by line would be slower still.
//
//go:embed gate.sh
var script string

// Command is the entrypoint and the arguments of a container that runs the gate. What
// the shell has to say of a command that it can't start begins with name.
func Command(name string) (entrypoint, args []string) {
	return []string{Shell}, []string{"-c", script, name}
}

// IsCommand reports whether argv runs the gate.
func IsCommand(argv []string) bool {
	return len(argv) == 4 && argv[0] == Shell && argv[2] == script
}

// NewToken makes a token that no output holds by chance. Output that ends as a token
// begins is held back, so it begins with what few outputs end with.
func NewToken() string { return "@dockerrun-" + rand.Text() }

// MaxHeader is how long a header may be, in bytes. A shell reads about one byte in a
// microsecond, so that a longer one takes as long as a container's start.
const MaxHeader = 256 << 10

// Header makes the line that opens a gate. Entries of env are KEY=value, or a bare KEY
// that is to be unset. CheckEnv must have had nothing against env.
func Header(token string, env, argv []string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(token)
	b.WriteByte(' ')
	for _, entry := range env {
		if name, value, ok := strings.Cut(entry, "="); ok {
			b.WriteString("export " + name + "=")
			quote(&b, value)
		} else {
			b.WriteString("unset " + name)
		}
		b.WriteByte(';')
	}
	b.WriteString("set --")
	for _, arg := range argv {
		b.WriteByte(' ')
		quote(&b, arg)
	}
	b.WriteByte('\n')
	if b.Len() > MaxHeader {
		return nil, fmt.Errorf("command and environment have %d bytes, which a shell reads slower than a container starts", b.Len())
	}
	return b.Bytes(), nil
}

// quote writes s as one word of the shell, without a newline in it.
func quote(b *bytes.Buffer, s string) {
	b.WriteByte('\'')
	for {
		i := strings.IndexAny(s, "'\n")
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		if s[i] == '\n' {
			b.WriteString(`'"$dockerrun_n"'`)
		} else {
			b.WriteString(`'\''`)
		}
		s = s[i+1:]
	}
	b.WriteString(s)
	b.WriteByte('\'')
}

var (
	identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// special are names that one of the shells gives a meaning to, or a value.
	special = regexp.MustCompile(`^(_|dockerrun_.*|BASH.*|COMP_WORDBREAKS|DIRSTACK|EPOCH(REALTIME|SECONDS)|EUID|FUNCN(AME|EST)|GROUPS|HISTCMD|` +
		`IFS|LINENO|OPT(ARG|ERR|IND)|PIPESTATUS|POSIXLY_CORRECT|PPID|PS[0-9]|RANDOM|SECONDS|SHELLOPTS|SRANDOM|TMOUT|UID)$`)
)

// CheckEnv says why a shell can't carry an environment, if it can't. It never shows a
// value.
func CheckEnv(env []string) error {
	for _, entry := range env {
		name, _, set := strings.Cut(entry, "=")
		switch {
		case !identifier.MatchString(name):
			return fmt.Errorf("a shell can't carry the environment variable %q", name)
		case special.MatchString(name), name == "PATH" && !set:
			return fmt.Errorf("the environment variable %q means something to a shell", name)
		}
	}
	return nil
}

// Given are the entries of an image's environment that a shell alters and that the
// header therefore has to set again.
func Given(image []string) []string {
	var out []string
	for _, entry := range image {
		switch name, _, _ := strings.Cut(entry, "="); name {
		case "PWD", "OLDPWD", "SHLVL":
			out = append(out, entry)
		}
	}
	return out
}

// Parse reads a header, with or without its newline, as the gate does.
func Parse(line string) (token string, env, argv []string, err error) {
	token, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	if !ok {
		return "", nil, nil, errors.New("a header without a command")
	}
	for {
		var words []string
		words, rest, err = command(rest)
		switch {
		case err != nil:
			return "", nil, nil, err
		case len(words) == 2 && (words[0] == "export" || words[0] == "unset"):
			env = append(env, words[1])
		case len(words) >= 2 && slices.Equal(words[:2], []string{"set", "--"}) && rest == "":
			return token, env, words[2:], nil
		default:
			return "", nil, nil, fmt.Errorf("not a command of a header: %q", words)
		}
	}
}

// command splits the first command off s, which is as Header writes it.
func command(s string) (words []string, rest string, err error) {
	var word strings.Builder
	for s != "" {
		c := s[0]
		s = s[1:]
		switch c {
		case ';':
			return append(words, word.String()), s, nil
		case ' ':
			words = append(words, word.String())
			word.Reset()
		case '\\':
			if s == "" {
				return nil, "", errors.New("a backslash at the end")
			}
			word.WriteByte(s[0])
			s = s[1:]
		case '\'':
			text, after, ok := strings.Cut(s, "'")
			if !ok {
				return nil, "", errors.New("an open quote")
			}
			word.WriteString(text)
			s = after
		case '"':
			after, ok := strings.CutPrefix(s, `$dockerrun_n"`)
			if !ok {
				return nil, "", errors.New("a double quote")
			}
			word.WriteByte('\n')
			s = after
		default:
			word.WriteByte(c)
		}
	}
	return append(words, word.String()), "", nil
}
