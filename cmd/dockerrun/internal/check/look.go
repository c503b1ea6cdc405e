package check

import (
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path"
	"strings"
)

// found is what became of the search for a command.
type found struct{ what, file string }

// problem is what keeps the command from being started, or empty.
func (f found) problem(command string) string {
	shown := fmt.Sprintf("%q", command)
	if f.file != command && f.what != "interpreter" {
		shown += " (" + f.file + ")"
	}
	switch f.what {
	case "ok":
		return ""
	case "missing":
		return fmt.Sprintf("%q is neither in the image nor in its mounts", command)
	case "directory":
		return shown + " is a directory"
	case "noexec":
		return shown + " is there, but the user of the container may not execute it; chmod +x it"
	case "format":
		return shown + " is neither a program nor a script that begins with #! and its interpreter"
	case "interpreter":
		if strings.HasSuffix(f.file, "\r") {
			return shown + " is a script with DOS line ends, which its interpreter's name then ends with, too"
		}
		return fmt.Sprintf("%s is a script whose interpreter %q the image does not have", shown, f.file)
	}
	return fmt.Sprintf("%s: %s %s", shown, f.what, f.file)
}

// Look does what the script does, for images that have nothing to run it.
func Look(w io.Writer, commands []string) error {
	for _, command := range commands {
		f := lookFor(command)
		if _, err := fmt.Fprintf(w, "%s %s\n", f.what, f.file); err != nil {
			return err
		}
	}
	return nil
}

func lookFor(command string) found {
	file, err := exec.LookPath(command)
	switch {
	case err == nil, errors.Is(err, exec.ErrDot):
		return judge(file)
	case strings.Contains(command, "/"):
		file = command
	default:
		if file = anyInPath(command); file == "" {
			return found{"missing", command}
		}
	}
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return found{"missing", file}
	case info.IsDir():
		return found{"directory", file}
	}
	return found{"noexec", file}
}

// anyInPath finds a file that can't be executed.
func anyInPath(name string) string {
	for dir := range strings.SplitSeq(os.Getenv("PATH"), ":") {
		file := path.Join(dir, name)
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			return file
		}
	}
	return ""
}

// judge looks at a file that may be executed.
func judge(file string) found {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrPermission) {
		return found{"ok", file} // to execute it takes less
	}
	if err != nil {
		return found{"missing", file}
	}
	defer func() { _ = f.Close() }()
	const most = 4096 // more than a kernel reads of the line
	line, _ := bufio.NewReader(io.LimitReader(f, most)).ReadString('\n')
	script, isScript := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "#!")
	switch {
	case strings.HasPrefix(line, elf.ELFMAG):
		return found{"ok", file}
	case !isScript:
		return found{"format", file}
	}
	words := strings.FieldsFunc(script, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(words) == 0 {
		return found{"interpreter", ""}
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return found{"interpreter", words[0]}
	}
	if path.Base(words[0]) == "env" {
		if words = words[1:]; len(words) > 0 && words[0] == "-S" {
			words = words[1:]
		}
		if len(words) > 0 && !strings.HasPrefix(words[0], "-") && !strings.Contains(words[0], "=") {
			if _, err := exec.LookPath(words[0]); err != nil {
				return found{"interpreter", words[0]}
			}
		}
	}
	return found{"ok", file}
}

// StaticSelf is this program's file if it runs in any Linux image, or empty.
func StaticSelf() string {
	file, err := os.Executable()
	if err != nil {
		return ""
	}
	program, err := elf.Open(file)
	if err != nil {
		return ""
	}
	defer func() { _ = program.Close() }()
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			return ""
		}
	}
	return file
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
