package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/check"
	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/cli"
	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/hostcheck"
	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
)

// TestMain makes the scripts' dockerrun command of this test binary.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"dockerrun": func() {
			os.Exit(cli.Main(context.Background(), os.Args[1:], cli.System{
				Open: openFake, Keys: []string{"docker-cli", "docker-api", "podman"}, Runtimes: fakeRuntimes(), Host: fakeHost(),
				Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Color: os.Getenv("FAKE_TERMINAL") != "",
				Terminal: os.Getenv("FAKE_TERMINAL") != "",
			}))
		},
	})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else a second for each command
			return nil
		},
	})
}

// openFake has a docker-api whose every part differs from its default, a docker-cli
// that ignores limits and a podman that can't be reached; with FAKE_DOWN, nothing.
func openFake(t cli.Target) (runtime.Runtime, error) {
	rt := &runtimetest.Fake{
		Key:      t.Key,
		Programs: map[string]runtimetest.Program{"/probe": runtimetest.Probe, "/etc/notexec": nil, "/spec": writeSpec},
		Images:   map[string]runtime.Image{"there": {}},
		Pull: func(ctx context.Context, req runtime.ImageRequest) (runtime.Image, error) {
			if strings.HasPrefix(req.Ref, "elsewhere") || req.Ref == "there" {
				progress := runtime.ContextTrace(ctx).PullProgress
				progress(runtime.PullProgress{Ref: req.Ref, Layer: "a", Status: "Downloading", Current: 1 << 20, Total: 4 << 20})
				progress(runtime.PullProgress{Ref: req.Ref, Layer: "a", Status: "Pull complete"})
				return runtime.Image{ID: "sha256:1"}, nil
			}
			return runtime.Image{}, fmt.Errorf("there is no %s", req.Ref)
		},
	}
	if os.Getenv("FAKE_SHELL") != "" {
		rt.Programs[check.Shell] = lookShell(rt.Programs)
		rt.Images["there@sha256:"+strings.Repeat("0123456789abcdef", 4)] = runtime.Image{}
	}
	leaveSome(rt)
	if os.Getenv("FAKE_SH") != "" {
		rt.Programs["/bin/sh"] = func(context.Context, *runtimetest.Process) int { return 0 }
	}
	down := &runtime.Error{Kind: runtime.ErrUnavailable, Runtime: t.Key, Message: "nothing listens at " + t.Host + "; start it:\nsystemctl start it"}
	switch {
	case t.Key == "lxc":
		return nil, fmt.Errorf("--runtime=%s: it takes docker-cli, docker-api or podman", t.Key)
	case t.Key == "podman" || os.Getenv("FAKE_DOWN") != "":
		rt.Before = func(context.Context, runtime.Spec) error { return down }
		rt.Describe = func(context.Context) (runtime.Info, error) { return runtime.Info{}, down }
	case t.Key == "docker-cli":
		rt.Describe = func(context.Context) (runtime.Info, error) {
			return runtime.Info{
				Runtime: t.Key, Engine: "docker", Version: "28.2.2", ClientVersion: "28.2.2", Endpoint: "unix:///run/docker.sock",
				OS: "linux", Arch: "amd64", CgroupVersion: 1, CgroupDriver: "cgroupfs", Warnings: []string{"No swap limit support"},
				OCIRuntimes: []string{"crun", "runc"}, DefaultOCIRuntime: "runc", Rootless: true,
			}, nil
		}
	}
	return rt, nil
}

// fakeHost is a machine of which the script wrote the files.
func fakeHost() hostcheck.Host {
	return hostcheck.Host{
		OS: "linux", Root: os.Getenv("FAKE_ROOT"), Home: "/home/ann", User: "ann", UID: 1 << 20,
		Getenv: func(name string) string { return os.Getenv("FAKE_" + name) },
		LookPath: func(name string) (string, error) {
			if file := os.Getenv("FAKE_DOCKER"); file != "" && name == "docker" {
				return file, nil
			}
			if name == "docker" || name == "podman" {
				return "", exec.ErrNotFound // a real one is none of a test's business
			}
			return name, nil
		},
	}
}

// fakeRuntimes stand in for the factory's own.
func fakeRuntimes() []factory.Option {
	var options []factory.Option
	for _, key := range []string{"docker-cli", "docker-api", "podman"} {
		rt, _ := openFake(cli.Target{Key: key}) // fails for other keys only
		options = append(options, factory.WithRuntime(key, rt))
	}
	return options
}

// lookShell is a shell that knows what check has it do, and no more.
func lookShell(programs map[string]runtimetest.Program) runtimetest.Program {
	return func(_ context.Context, p *runtimetest.Process) int {
		for _, command := range p.Args[4:] {
			what := "missing"
			if programs[command] != nil {
				what = "ok"
			}
			fmt.Fprintln(p.Stdout, what, command)
		}
		return 0
	}
}

// writeSpec writes the flags that a call came with.
func writeSpec(_ context.Context, p *runtimetest.Process) int {
	for _, flag := range p.Spec.Flags() {
		if !strings.HasPrefix(flag, "--label=com.altairalabs.") {
			fmt.Fprintln(p.Stdout, flag)
		}
	}
	return 0
}

// system is one in which the command can be run in this process.
func system(fake *runtimetest.Fake, stdin io.ReadCloser, stdout io.Writer, signals <-chan os.Signal) (cli.System, *bytes.Buffer) {
	var stderr bytes.Buffer
	return cli.System{
		Open: func(cli.Target) (runtime.Runtime, error) { return fake, nil }, Keys: []string{"fake"},
		Stdin: stdin, Stdout: stdout, Stderr: &stderr, Signals: signals,
	}, &stderr
}

// onReady tells when a probe writes that it is ready.
type onReady struct {
	bytes.Buffer
	ready func()
}

func (w *onReady) Write(p []byte) (int, error) {
	defer w.ready()
	return w.Buffer.Write(p)
}

func TestSignalsEndTheCall(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, tt := range []struct {
		signal syscall.Signal
		status int
	}{{syscall.SIGINT, 130}, {syscall.SIGTERM, 143}, {syscall.SIGHUP, 129}} {
		t.Run(tt.signal.String(), func(t *testing.T) {
			fake := &runtimetest.Fake{Programs: map[string]runtimetest.Program{"/probe": runtimetest.Probe}}
			signals := make(chan os.Signal, 1)
			stdin, _ := io.Pipe() // a terminal at which nobody types
			out := &onReady{ready: func() { signals <- tt.signal }}
			sys, stderr := system(fake, stdin, out, signals)
			start := time.Now()
			assert.Equal(t, tt.status, cli.Main(t.Context(), []string{"run", "--timeout=1m", "image", "/probe", "block"}, sys))
			assert.Less(t, time.Since(start), 10*time.Second)
			assert.Empty(t, stderr.String())
			assert.Empty(t, fake.Containers())
			assert.Equal(t, "ready\n", out.String())
		})
	}
}

// failingWriter is an output whose reader has gone.
type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}
}

func TestBrokenPipeEndsTheCall(t *testing.T) {
	defer goleak.VerifyNone(t)
	fake := &runtimetest.Fake{Programs: map[string]runtimetest.Program{"/probe": runtimetest.Probe}}
	sys, stderr := system(fake, nil, failingWriter{}, nil)
	assert.Equal(t, 141, cli.Main(t.Context(), []string{"run", "image", "/probe", "block"}, sys))
	assert.NotContains(t, stderr.String(), "dockerrun", "it is no failure of ours")
	assert.Empty(t, fake.Containers())
}

func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	fake := &runtimetest.Fake{Programs: map[string]runtimetest.Program{"/probe": runtimetest.Probe}}
	var stdout bytes.Buffer
	sys, stderr := system(fake, nil, &stdout, nil)
	assert.Equal(t, 137, cli.Main(t.Context(), []string{"run", "--memory=32m", "image", "/probe", "oom"}, sys))
	assert.Contains(t, stderr.String(), "dockerrun: out of memory")
}

func TestRunStreams(t *testing.T) {
	t.Parallel()
	fake := &runtimetest.Fake{Programs: map[string]runtimetest.Program{"/probe": runtimetest.Probe}}
	in := bytes.Repeat([]byte{0, 1, 2, 0xff, '\n'}, 1<<20)
	var stdout bytes.Buffer
	sys, stderr := system(fake, io.NopCloser(bytes.NewReader(in)), &stdout, nil)
	require.Equal(t, 0, cli.Main(t.Context(), []string{"run", "image", "/probe", "echo"}, sys), stderr.String())
	assert.True(t, bytes.Equal(in, stdout.Bytes()))
}
