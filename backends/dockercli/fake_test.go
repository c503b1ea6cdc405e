package dockercli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// The test binary is also the command line that is tested against: called by the name
// of one, it does what the fake.json beside that name says.
func TestMain(m *testing.M) {
	if dir := filepath.Dir(os.Args[0]); fileExists(filepath.Join(dir, "fake.json")) {
		os.Exit(runFake(dir, os.Args[1:]))
	}
	// Built with -race, every fake would sleep for a second before it exits.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// fake is how a command line behaves. Its containers are files in its directory, so
// that all its processes know of them, as they would of an engine's.
type fake struct {
	Version string        // what --version says
	Wait    time.Duration // before it does
	Run     fakeRun
	Remove  reply
	Replies map[string]reply // by subcommand
}

type reply struct {
	Stdout, Stderr string
	Code           int
}

type fakeRun struct {
	reply
	Creating  time.Duration // time until the container exists
	NoStart   bool          // fails, with reply, before there is a container
	Echo      bool          // copies stdin to stdout
	PrintEnv  []string      // prints these variables, and then the env file
	Hang      bool          // runs until it is removed
	Stubborn  bool          // ... and then does not end
	Straggler bool          // leaves a process behind that holds the pipes
}

const (
	docker28 = "Docker version 28.2.2, build e6534b4\n"
	docker20 = "Docker version 20.10.24+dfsg1, build 297e128\n"
	podman43 = "podman version 4.3.1\n"
)

// cli is a fake that was put in place.
type cli struct {
	t    *testing.T
	dir  string
	path string
}

func newFake(t *testing.T, f fake) *cli {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	if f.Version == "" {
		f.Version = docker28
	}
	data, err := json.Marshal(f)
	require.NoError(t, err)
	c := &cli{t: t, dir: t.TempDir()}
	c.path = filepath.Join(c.dir, "docker")
	require.NoError(t, os.WriteFile(filepath.Join(c.dir, "fake.json"), data, 0o600))
	require.NoError(t, os.Symlink(self, c.path))
	return c
}

func (c *cli) runtime() *Runtime {
	c.t.Helper()
	rt, err := New(Options{Path: c.path})
	require.NoError(c.t, err)
	c.t.Cleanup(func() { _ = rt.Close() })
	return rt
}

// calls are the argvs that it was called with.
func (c *cli) calls() [][]string {
	c.t.Helper()
	names, err := filepath.Glob(filepath.Join(c.dir, "call-*"))
	require.NoError(c.t, err)
	slices.Sort(names)
	var out [][]string
	for _, name := range names {
		data, err := os.ReadFile(name)
		require.NoError(c.t, err)
		var args []string
		require.NoError(c.t, json.Unmarshal(data, &args))
		out = append(out, args)
	}
	return out
}

// count is how often a subcommand was called.
func (c *cli) count(subcommand string) int {
	n := 0
	for _, args := range c.calls() {
		if args[0] == subcommand {
			n++
		}
	}
	return n
}

func (c *cli) containers() []string {
	c.t.Helper()
	names, err := filepath.Glob(filepath.Join(c.dir, "container-*"))
	require.NoError(c.t, err)
	return names
}

func runFake(dir string, args []string) int {
	var f fake
	data, err := os.ReadFile(filepath.Join(dir, "fake.json"))
	if err != nil {
		panic(err)
	}
	if err := json.Unmarshal(data, &f); err != nil {
		panic(err)
	}
	argv, _ := json.Marshal(args)
	_ = os.WriteFile(filepath.Join(dir, fmt.Sprintf("call-%020d", time.Now().UnixNano())), argv, 0o600)
	switch args[0] {
	case "--version":
		time.Sleep(f.Wait)
		fmt.Print(f.Version)
		return 0
	case "run":
		return f.run(dir, args)
	case "rm":
		return f.remove(dir, args[len(args)-1])
	}
	return f.Replies[args[0]].give()
}

func (r reply) give() int {
	_, _ = os.Stdout.WriteString(r.Stdout)
	_, _ = os.Stderr.WriteString(r.Stderr)
	return r.Code
}

func (f fake) run(dir string, args []string) int {
	if f.Run.NoStart {
		return f.Run.give()
	}
	container := ""
	for _, arg := range args {
		if name, ok := strings.CutPrefix(arg, "--name="); ok {
			container = filepath.Join(dir, "container-"+name)
		}
	}
	time.Sleep(f.Run.Creating)
	_ = os.WriteFile(container, nil, 0o600)
	for _, name := range f.Run.PrintEnv {
		value, ok := os.LookupEnv(name)
		fmt.Printf("%s=%q %v\n", name, value, ok)
	}
	if slices.Contains(args, "--env-file=/dev/fd/3") {
		file, err := os.ReadFile("/dev/fd/3")
		fmt.Printf("file %q %v\n", file, err)
	}
	if f.Run.Straggler {
		sleep := exec.Command("sleep", "30")
		sleep.Stdout, sleep.Stderr = os.Stdout, os.Stderr
		if err := sleep.Start(); err != nil {
			panic(err)
		}
		_ = os.WriteFile(filepath.Join(dir, "straggler"), fmt.Append(nil, sleep.Process.Pid), 0o600)
	}
	if f.Run.Echo {
		_, _ = io.Copy(os.Stdout, os.Stdin)
	}
	code := f.Run.give()
	if f.Run.Hang {
		for fileExists(container) || f.Run.Stubborn {
			time.Sleep(time.Millisecond)
		}
		return 137
	}
	_ = os.Remove(container)
	return code
}

func (f fake) remove(dir, name string) int {
	if f.Remove != (reply{}) {
		return f.Remove.give()
	}
	if os.Remove(filepath.Join(dir, "container-"+name)) != nil {
		fmt.Fprintf(os.Stderr, "Error response from daemon: No such container: %s\n", name)
		return 0
	}
	fmt.Println(name)
	return 0
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
