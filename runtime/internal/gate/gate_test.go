package gate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain makes the test binary the command that a gate runs, too: it tells what it
// was given.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "tell" {
		tell()
		return
	}
	os.Exit(m.Run())
}

type told struct{ Args, Env, Stdin []byte }

func tell() {
	stdin, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	env := slices.Sorted(slices.Values(os.Environ()))
	stderr, err := os.Readlink("/proc/self/fd/2")
	if err != nil {
		panic(err)
	}
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		panic(err)
	}
	for _, fd := range fds {
		if to, _ := os.Readlink(fd); filepath.Base(fd) > "2" && to == stderr {
			fmt.Fprintf(os.Stderr, "descriptor %s is stderr too", filepath.Base(fd))
		}
	}
	// Bytes, as JSON's strings hold no other than UTF-8.
	out, err := json.Marshal(told{
		Args: []byte(strings.Join(os.Args[2:], "\x00")), Env: []byte(strings.Join(env, "\x00")), Stdin: stdin,
	})
	if err != nil {
		panic(err)
	}
	_, _ = os.Stdout.Write(out)
}

// shells are those that images have for /bin/sh.
func shells(t testing.TB) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for name, argv := range map[string][]string{
		"dash": {"dash"}, "busybox": {"busybox", "ash"}, "bash": {"bash"}, "bash as sh": {"bash", "--posix"},
	} {
		path, err := exec.LookPath(argv[0])
		if err != nil {
			if os.Getenv("E2E_REQUIRE") != "" {
				t.Errorf("%s: %v; e2e/engines.sh up installs it", name, err)
			}
			t.Logf("%s is not here: %v", name, err)
			continue
		}
		out[name] = append([]string{path}, argv[1:]...)
	}
	require.NotEmpty(t, out, "there is no shell at all")
	return out
}

type result struct {
	stdout, stderr string
	code           int
}

// through runs a gate with a shell and all of its input.
func through(t *testing.T, shell, image []string, header []byte, stdin string) result {
	t.Helper()
	_, args := Command("says")
	cmd := exec.Command(shell[0], append(slices.Clone(shell[1:]), args...)...)
	cmd.Env = image
	cmd.Dir = t.TempDir()
	cmd.Stdin = io.MultiReader(bytes.NewReader(header), strings.NewReader(stdin))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, ok := err.(*exec.ExitError); !ok {
		require.NoError(t, err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

func header(t *testing.T, env, argv []string) []byte {
	t.Helper()
	require.NoError(t, CheckEnv(env))
	h, err := Header("TOKEN", env, argv)
	require.NoError(t, err)
	return h
}

var hostile = []string{
	"", " ", "a b", "  two  ", "'", "''", `"`, `\`, `\\`, `\'`, "line\nbreak", "\n", "\n\n", "end\n", "tab\there", "\r", "\r\n",
	"$HOME", "$(id)", "${PATH}", "`id`", "$((1+1))", "*", "?", "[a-z]*", "~", "{a,b}", "a;b", "a&b", "a|b", ">x", "<x", "#", "!", "!!",
	"-", "--", "-e", "-n", "--help", "=", "a=b", "exit", "TOKEN", "TOKEN 0", "dockerrun gate 1", "$dockerrun_n", "$dockerrun_t",
	"é☃", "\xff\xfe", "\x81\x82\x83\x84\x85\x86\x87\x88\x89", "\x01\x02\x7f", "\xc3", strings.Repeat("x'\n", 300),
}

func TestHostileArgumentsAndEnvironment(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	image := []string{"PATH=/usr/bin:/bin", "FROM_IMAGE=yes", "GONE=x"}
	var env []string
	for i, value := range append(slices.Clone(hostile), strings.Repeat("long ", 20<<10)) {
		env = append(env, fmt.Sprintf("V%d=%s", i, value))
	}
	argv := append([]string{self, "tell"}, hostile...)
	stdin := "payload\n\x00TOKEN 0\n" + strings.Repeat("x", 100_000)
	for name, shell := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := through(t, shell, image, header(t, append(slices.Clone(env), "GONE"), argv), stdin)
			out, ok := strings.CutPrefix(got.stdout, Ready+"TOKEN\n")
			require.True(t, ok, "%.200q", got.stdout)
			out, ok = strings.CutSuffix(out, "TOKEN 0\n")
			require.True(t, ok)
			assert.Equal(t, "TOKEN 0\n", got.stderr)
			var to told
			require.NoError(t, json.Unmarshal([]byte(out), &to))
			assert.Equal(t, strings.Join(hostile, "\x00"), string(to.Args))
			want := slices.Sorted(slices.Values(append([]string{"PATH=/usr/bin:/bin", "FROM_IMAGE=yes"}, env...)))
			assert.Equal(t, strings.Join(want, "\x00"), string(to.Env), "nothing of the shell's own")
			assert.Equal(t, stdin, string(to.Stdin))
		})
	}
}

func TestVariablesOfShells(t *testing.T) {
	t.Parallel()
	given := []string{"PATH=/usr/bin:/bin", "PWD=/elsewhere", "OLDPWD=/before", "SHLVL=7"}
	self, err := os.Executable()
	require.NoError(t, err)
	for name, shell := range shells(t) {
		for _, from := range []string{"the image", "the call"} {
			t.Run(name+", given by "+from, func(t *testing.T) {
				t.Parallel()
				image, env := given, Given(given)
				if from == "the call" {
					image, env = given[:1], given[1:]
				}
				got := through(t, shell, image, header(t, env, []string{self, "tell"}), "")
				var to told
				require.NoError(t, json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimPrefix(got.stdout, Ready+"TOKEN\n"), "TOKEN 0\n")), &to))
				assert.Equal(t, strings.Join(slices.Sorted(slices.Values(given)), "\x00"), string(to.Env))
			})
		}
	}
}

func TestHowCommandsEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"plain": "#!/bin/sh\necho plain \"$1\"\n", "cat": "#!/bin/sh\necho mine\n", "no-interpreter": "#!/no/such/interpreter\n",
		"-dash": "#!/bin/sh\necho dashed\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "not-executable"), []byte("#!/bin/sh\n"), 0o644))
	image := []string{"PATH=" + dir + ":/usr/bin:/bin"}
	for name, shell := range shells(t) {
		for _, tt := range []struct {
			name   string
			argv   []string
			code   int
			starts bool
			out    string
			says   bool // the shell says why on stderr
		}{
			{name: "by path", argv: []string{dir + "/plain", "x"}, starts: true, out: "plain x\n"},
			{name: "by name", argv: []string{"plain", "x"}, starts: true, out: "plain x\n"},
			{name: "not an applet", argv: []string{"cat"}, starts: true, out: "mine\n"},
			{name: "not a builtin", argv: []string{"exit", "3"}, code: 127},
			{name: "not a function of the gate's", argv: []string{"dockerrun_f"}, code: 127},
			{name: "status", argv: []string{"/bin/sh", "-c", "exit 42"}, code: 42, starts: true},
			{name: "status of its own, as if not found", argv: []string{"/bin/sh", "-c", "exit 127"}, code: 127, starts: true},
			{name: "killed", argv: []string{"/bin/sh", "-c", "kill -9 $$"}, code: 137, starts: true},
			{name: "terminated", argv: []string{"/bin/sh", "-c", "kill -15 $$"}, code: 143, starts: true},
			{name: "a real-time signal", argv: []string{"/bin/sh", "-c", "kill -40 $$"}, code: 168, starts: true},
			{name: "missing", argv: []string{"/no/such/file"}, code: 127},
			{name: "missing in PATH", argv: []string{"no-such-program"}, code: 127},
			{name: "empty", argv: []string{""}, code: 127},
			{name: "not executable", argv: []string{dir + "/not-executable"}, code: 126},
			{name: "not executable in PATH", argv: []string{"not-executable"}, code: 127},
			{name: "a directory", argv: []string{dir}, code: 126},
			{name: "no interpreter", argv: []string{dir + "/no-interpreter"}, code: 127, starts: true, says: true},
		} {
			t.Run(name+", "+tt.name, func(t *testing.T) {
				t.Parallel()
				got := through(t, shell, image, header(t, nil, tt.argv), "unread")
				ack := ""
				if tt.starts {
					ack = "TOKEN\n"
				}
				trailer := fmt.Sprintf("TOKEN %d\n", tt.code)
				assert.Equal(t, Ready+ack+tt.out+trailer, got.stdout)
				if tt.says {
					assert.Regexp(t, `^says: .*\n`+trailer+"$", got.stderr)
				} else {
					assert.Equal(t, trailer, got.stderr)
				}
				assert.Equal(t, tt.code, got.code)
			})
		}
		t.Run(name+", relative, with a dash", func(t *testing.T) {
			t.Parallel()
			_, args := Command("says")
			cmd := exec.Command(shell[0], append(slices.Clone(shell[1:]), args...)...)
			cmd.Dir, cmd.Env = filepath.Dir(dir), image
			cmd.Stdin = bytes.NewReader(header(t, nil, []string{filepath.Base(dir) + "/-dash"}))
			out, err := cmd.Output()
			require.NoError(t, err)
			assert.Equal(t, Ready+"TOKEN\ndashed\nTOKEN 0\n", string(out))
		})
	}
}

func TestEndOfInputEndsTheGate(t *testing.T) {
	t.Parallel()
	whole := header(t, []string{"A=b"}, []string{"/bin/echo", "x"})
	for name, shell := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, n := range []int{0, 3, 6, len(whole) - 1} {
				got := through(t, shell, []string{"PATH=/bin"}, whole[:n], "")
				assert.Equal(t, result{stdout: Ready}, got, "after %d bytes", n)
			}
		})
	}
}

func TestCheckEnv(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{"A=b", "_A=b", "a1=", "ENV=production", "MAIL_HOST=x", "PATH=/bin", "PWD=/x", "GONE", "UIDS=1", "HOME=/root", "LC_ALL=C"} {
		require.NoError(t, CheckEnv([]string{entry}), entry)
	}
	for _, entry := range []string{"A.B=secret", "1A=secret", "a-b=secret", "=secret", "é=secret", "UID=secret", "PPID=secret", "RANDOM=secret",
		"IFS=secret", "_=secret", "BASH_ENV=secret", "dockerrun_t=secret", "PATH", "TMOUT=secret", "BASH_FUNC_x%%=secret"} {
		err := CheckEnv([]string{"A=b", entry})
		require.Error(t, err, entry)
		name, _, _ := strings.Cut(entry, "=")
		assert.Contains(t, err.Error(), fmt.Sprintf("%q", name))
		assert.NotContains(t, err.Error(), "secret")
	}
}

func TestHeaderTooLong(t *testing.T) {
	t.Parallel()
	_, err := Header("TOKEN", []string{"A=" + strings.Repeat("x", MaxHeader)}, []string{"x"})
	require.ErrorContains(t, err, "262")
}

func TestParse(t *testing.T) {
	t.Parallel()
	env := []string{"A=b", "GONE", "Q=it's\n\"$x\""}
	token, gotEnv, argv, err := Parse(string(header(t, env, append([]string{"cmd"}, hostile...))))
	require.NoError(t, err)
	assert.Equal(t, "TOKEN", token)
	assert.Equal(t, env, gotEnv)
	assert.Equal(t, append([]string{"cmd"}, hostile...), argv)
	for _, bad := range []string{"", "TOKEN", "TOKEN set -- 'x", "TOKEN export 'A'='b'", "TOKEN rm 'x'", `TOKEN set -- "x"`, `TOKEN set -- \`} {
		_, _, _, err := Parse(bad)
		require.Error(t, err, bad)
	}
}

func TestIsCommand(t *testing.T) {
	t.Parallel()
	entrypoint, args := Command("says")
	assert.True(t, IsCommand(append(entrypoint, args...)))
	assert.False(t, IsCommand([]string{Shell, "-c", "echo", "says"}))
}

// FuzzHeader: whatever is quoted comes out of a parse as it went in, from one line.
func FuzzHeader(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, value, arg string) {
		h, err := Header("TOKEN", []string{"A=" + value}, []string{"cmd", arg})
		if err != nil {
			return
		}
		require.Equal(t, len(h)-1, bytes.IndexByte(h, '\n'))
		_, env, argv, err := Parse(string(h))
		require.NoError(t, err)
		require.Equal(t, []string{"A=" + value}, env)
		require.Equal(t, []string{"cmd", arg}, argv)
	})
}
