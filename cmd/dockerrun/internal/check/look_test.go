package check

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Both ways to look say the same of the same file, and the truth.
func TestLook(t *testing.T) {
	shells := shells(t)
	dir := t.TempDir()
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), mode))
		return path
	}
	program := "\x7fELF\x02\x01\x01\x00\x00 *\nmore"
	interpreter := file("bin/interpreter", program, 0o755)
	env := file("bin/env", program, 0o755)
	file("bin/plain", program, 0o644)
	file("bin/twice", program, 0o644)
	file("other/twice", program, 0o755)
	t.Setenv("PATH", filepath.Join(dir, "bin")+":"+filepath.Join(dir, "other"))

	for _, c := range []struct{ command, want string }{
		{interpreter, "ok {}"},
		{"interpreter", "ok " + interpreter},
		{"nosuch", "missing nosuch"},
		{filepath.Join(dir, "nosuch"), "missing {}"},
		{dir, "directory {}"},
		{"plain", "noexec " + filepath.Join(dir, "bin/plain")},
		{"twice", "ok " + filepath.Join(dir, "other/twice")},
		{file("noexec", program, 0o644), "noexec {}"},
		{file("text", "echo hello\n", 0o755), "format {}"},
		{file("empty", "", 0o755), "format {}"},
		{file("script", "#!"+interpreter+" -x\necho", 0o755), "ok {}"},
		{file("spaced script", "#! \t"+interpreter+"\n", 0o755), "ok {}"},
		{file("no newline", "#!"+interpreter, 0o755), "ok {}"},
		{file("lacks", "#!/no/such/python3 -u\n", 0o755), "interpreter /no/such/python3"},
		{file("dos", "#!"+interpreter+"\r\n", 0o755), "interpreter " + interpreter + "\r"},
		{file("bare", "#!\n", 0o755), "interpreter "},
		{file("env finds", "#!"+env+" interpreter\n", 0o755), "ok {}"},
		{file("env splits", "#!"+env+" -S interpreter -u\n", 0o755), "ok {}"},
		{file("env lacks", "#!"+env+" python3\n", 0o755), "interpreter python3"},
		{file("env may find", "#!"+env+" A=b python3\n", 0o755), "ok {}"},
	} {
		want := strings.ReplaceAll(c.want, "{}", c.command) + "\n"
		var got bytes.Buffer
		require.NoError(t, Look(&got, []string{c.command}))
		assert.Equal(t, want, got.String(), "by this program: %s", c.command)
		for _, shell := range shells {
			cmd := exec.Command(shell[0], append(shell[1:], "-c", lookScript, "sh", c.command)...)
			out, err := cmd.Output()
			require.NoError(t, err)
			assert.Equal(t, want, string(out), "by %v: %s", shell, c.command)
		}
	}
	out, err := exec.Command(shells[0][0], append(shells[0][1:], "-c", lookScript, "sh", "nosuch", interpreter, "with space", "interpreter")...).Output()
	require.NoError(t, err)
	assert.Equal(t, "missing nosuch\nok "+interpreter+"\nmissing with space\nok "+interpreter+"\n", string(out))
}

// shells are those of this machine, by paths that no PATH changes.
func shells(t *testing.T) [][]string {
	t.Helper()
	var found [][]string
	for _, argv := range [][]string{{"sh"}, {"dash"}, {"bash"}, {"busybox", "sh"}} {
		if path, err := exec.LookPath(argv[0]); err == nil {
			found = append(found, append([]string{path}, argv[1:]...))
		}
	}
	if len(found) == 0 {
		t.Skip("this system has no shell of the kind that images have")
	}
	return found
}

func TestProblem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		found found
		want  string
	}{
		{found{"ok", "/usr/bin/python3"}, ""},
		{found{"missing", "hook"}, `"hook" is neither in the image nor in its mounts`},
		{found{"noexec", "/bin/hook"}, `"hook" (/bin/hook) is there, but the user of the container may not execute it; chmod +x it`},
		{found{"directory", "hook"}, `"hook" is a directory`},
		{found{"format", "hook"}, `"hook" is neither a program nor a script that begins with #! and its interpreter`},
		{found{"interpreter", "/bin/bash"}, `"hook" is a script whose interpreter "/bin/bash" the image does not have`},
		{found{"interpreter", "/bin/sh\r"}, `"hook" is a script with DOS line ends, which its interpreter's name then ends with, too`},
		{found{"what", "ever"}, `"hook" (ever): what ever`},
	} {
		assert.Equal(t, c.want, c.found.problem("hook"))
	}
}
