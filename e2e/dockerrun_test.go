package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
)

// buildDockerrun gives the command, in a directory that every user can reach.
func buildDockerrun(t *testing.T) string {
	t.Helper()
	file, err := machine.dockerrun()
	require.NoError(t, err)
	return file
}

// buildCommand builds the command, once for all tests, into dir.
func buildCommand(dir string) (string, error) {
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	file := filepath.Join(dir, "dockerrun")
	cmd := exec.Command("go", "build", "-o", file, module+"/cmd/dockerrun")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return file, nil
}

// flags are what selects the variant on the command line.
func flags(v engines.Variant) []string {
	out := []string{"--runtime=" + v.Key}
	if v.Host != "" {
		out = append(out, "--host="+v.Host)
	}
	if v.DockerPath != "" {
		out = append(out, "--docker-path="+v.DockerPath)
	}
	return out
}

// dockerrun runs the command and gives its output and exit status.
func dockerrun(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestDockerrunCommand(t *testing.T) {
	bin := buildDockerrun(t)
	each(t, func(t *testing.T, v engines.Variant) {
		run := func(ctx context.Context, args ...string) *exec.Cmd {
			all := append([]string{"run"}, flags(v)...)
			all = append(all, "--timeout=30s", "--network=none", "--pull=never")
			return exec.CommandContext(ctx, bin, append(all, args...)...)
		}
		t.Run("input, output, status", func(t *testing.T) {
			cmd := run(t.Context(), image.Ref, "/bin/sh", "-c", "cat; echo oh >&2; exit 42")
			cmd.Stdin = strings.NewReader("one\ntwo\n")
			stdout, stderr, status := dockerrun(t, cmd)
			assert.Equal(t, "one\ntwo\n", stdout)
			assert.Equal(t, "oh\n", stderr)
			assert.Equal(t, 42, status)
		})
		t.Run("command not found", func(t *testing.T) {
			stdout, stderr, status := dockerrun(t, run(t.Context(), image.Ref, "/no/such"))
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, "dockerrun: "+v.Key+": command not found in the image")
			assert.Equal(t, 127, status)
		})
		t.Run("timeout", func(t *testing.T) {
			_, stderr, status := dockerrun(t, run(t.Context(), "--timeout=2s", image.Ref, image.Probe, "block"))
			assert.Contains(t, stderr, "timeout")
			assert.Equal(t, 124, status)
		})
		t.Run("a signal removes the container", func(t *testing.T) {
			cmd := run(t.Context(), image.Ref, image.Probe, "block")
			stdin, err := cmd.StdinPipe() // nobody writes to it
			require.NoError(t, err)
			defer func() { _ = stdin.Close() }()
			stdout, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			ready := make([]byte, len("ready\n"))
			_, err = stdout.Read(ready)
			require.NoError(t, err)
			require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
			start := time.Now()
			err = cmd.Wait()
			assert.Less(t, time.Since(start), 10*time.Second)
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			assert.Equal(t, 128+15, exit.ExitCode())
			left, err := v.Containers(t.Context(), cmd.Process.Pid)
			require.NoError(t, err)
			assert.Empty(t, left, "when the command has ended, its container is gone")
		})
		t.Run("doctor", func(t *testing.T) {
			stdout, stderr, status := dockerrun(t, exec.CommandContext(t.Context(), bin, append([]string{"doctor", "--json", "--timeout=30s", "--image=" + image.Ref}, flags(v)...)...))
			require.Equal(t, 0, status, stderr)
			var found []struct {
				Runtime   string
				Reachable bool
				Engine    struct {
					Name, Version string
					Rootless      bool
					CgroupVersion int      `json:"cgroup_version"`
					OCIRuntimes   []string `json:"oci_runtimes"`
				}
				Image struct{ Present, Usable, Shell bool }
			}
			require.NoError(t, json.Unmarshal([]byte(stdout), &found))
			require.Len(t, found, 1)
			assert.True(t, found[0].Reachable)
			assert.Equal(t, v.Key, found[0].Runtime)
			assert.Equal(t, v.IsPodman(), found[0].Engine.Name == "podman")
			assert.Equal(t, v.Rootless(), found[0].Engine.Rootless)
			assert.NotEmpty(t, found[0].Engine.Version)
			assert.NotZero(t, found[0].Engine.CgroupVersion)
			assert.NotEmpty(t, found[0].Engine.OCIRuntimes)
			assert.True(t, found[0].Image.Present && found[0].Image.Usable && found[0].Image.Shell, "%s", stdout)
		})
	})
}

// A user who may not use the engine's socket is told so, and what to do.
func TestSocketPermission(t *testing.T) {
	nobody, err := user.Lookup("nobody")
	if err != nil || os.Getuid() != 0 {
		if os.Getenv("E2E_REQUIRE") != "" {
			t.Fatal("needs root and the user nobody, to become a user who may not use the socket")
		}
		t.Skip("only root can become another user for a test")
	}
	uid, err := strconv.Atoi(nobody.Uid)
	require.NoError(t, err)
	bin := buildDockerrun(t)
	each(t, func(t *testing.T, v engines.Variant) {
		path, isUnix := strings.CutPrefix(v.Host, "unix://")
		if !isUnix {
			t.Skipf("%s has no socket", v.Name)
		}
		args := append([]string{"run"}, flags(v)...)
		cmd := exec.CommandContext(t.Context(), bin, append(args, "--pull=never", image.Ref, image.Probe, "echo")...)
		cmd.Dir = "/"
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: 65534}}
		stdout, stderr, status := dockerrun(t, cmd)
		assert.Equal(t, 125, status)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, "container engine unavailable")
		assert.Contains(t, strings.ToLower(stderr), "permission")
		assert.Contains(t, stderr, path)

		doctor := exec.CommandContext(t.Context(), bin, append([]string{"doctor", "--json"}, flags(v)...)...)
		doctor.Dir, doctor.Env, doctor.SysProcAttr = cmd.Dir, cmd.Env, cmd.SysProcAttr
		stdout, stderr, status = dockerrun(t, doctor)
		assert.Equal(t, 1, status, stderr)
		var found []struct {
			Findings []struct{ Level, Message, Do string }
		}
		require.NoError(t, json.Unmarshal([]byte(stdout), &found), stdout)
		require.Len(t, found, 1)
		require.NotEmpty(t, found[0].Findings, stdout)
		first := found[0].Findings[0]
		assert.Equal(t, "error", first.Level)
		assert.Contains(t, first.Message, path)
		assert.NotEmpty(t, first.Do)
	})
}
