//go:build unix

package lifeline_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/lifeline"
)

// TestMain makes this program a first process, or the second one that it starts.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 2 && os.Args[1] == "first":
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		status, err := lifeline.Run(append([]string{"second"}, os.Args[2:]...), signals)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(99)
		}
		os.Exit(status)
	case len(os.Args) > 2 && os.Args[1] == "second":
		second(os.Args[2:])
	default:
		os.Exit(m.Run())
	}
}

// second does what its arguments say.
func second(args []string) {
	switch args[0] {
	case "exit":
		n, _ := strconv.Atoi(args[1])
		os.Exit(n)
	case "echo":
		_, _ = io.Copy(os.Stdout, os.Stdin)
	case "kill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "signal":
		got := make(chan os.Signal, 1)
		signal.Notify(got, syscall.SIGTERM)
		fmt.Println("ready")
		<-got
		os.Exit(7)
	case "wait": // for the first to die, and then for the file go, as long as a removal may take
		gone := make(chan struct{})
		lifeline.Watch(lifeline.FD, func() { close(gone) })
		fmt.Println("ready")
		<-gone
		for _, err := os.Stat(filepath.Join(args[1], "go")); err != nil; _, err = os.Stat(filepath.Join(args[1], "go")) {
			time.Sleep(10 * time.Millisecond) // between two looks
		}
		_ = os.WriteFile(filepath.Join(args[1], "done"), nil, 0o600)
	}
}

func first(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), os.Args[0], append([]string{"first"}, args...)...)
}

func TestStatusAndStreams(t *testing.T) {
	t.Parallel()
	cmd := first(t, "exit", "42")
	_ = cmd.Run()
	assert.Equal(t, 42, cmd.ProcessState.ExitCode())

	cmd = first(t, "kill", "")
	_ = cmd.Run()
	assert.Equal(t, 137, cmd.ProcessState.ExitCode())

	in := bytes.Repeat([]byte("\x00\xff\n"), 1<<20)
	cmd = first(t, "echo", "")
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.True(t, bytes.Equal(in, out))
}

func TestSignalsArePassedOn(t *testing.T) {
	t.Parallel()
	cmd := first(t, "signal", "")
	ready(t, cmd)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	_ = cmd.Wait()
	assert.Equal(t, 7, cmd.ProcessState.ExitCode())
}

// ready starts a process and waits for it to say so.
func ready(t *testing.T, cmd *exec.Cmd) io.Reader {
	t.Helper()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line := make([]byte, len("ready\n"))
	_, err = io.ReadFull(out, line)
	require.NoError(t, err)
	return out
}

func TestKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := first(t, "wait", dir)
	out := ready(t, cmd)
	require.NoError(t, cmd.Process.Kill())
	// The output ends while the second process still has something to do.
	rest, err := io.ReadAll(out)
	require.NoError(t, err)
	assert.Empty(t, strings.TrimSpace(string(rest)))
	_ = cmd.Wait()
	done := filepath.Join(dir, "done")
	assert.NoFileExists(t, done)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go"), nil, 0o600))
	assert.Eventually(t, func() bool { _, err := os.Stat(done); return err == nil }, 30*time.Second, 10*time.Millisecond)
}
