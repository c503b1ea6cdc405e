// Command dockerrun runs one command in one disposable container, on whichever engine
// there is. "dockerrun --help" says how.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"syscall"

	"golang.org/x/term"

	"github.com/AltairaLabs/dockerrun/backends/dockerapi"
	"github.com/AltairaLabs/dockerrun/backends/dockercli"
	"github.com/AltairaLabs/dockerrun/backends/podman"
	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/cli"
	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/export"
	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/hostcheck"
	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/lifeline"
	"github.com/AltairaLabs/dockerrun/runtime"
)

func main() {
	completeEnvironment()
	ctx, flush := export.Start(context.Background(), cli.Version(), func(text string) {
		fmt.Fprintln(os.Stderr, "dockerrun: warning: "+text)
	})
	status := cli.Main(ctx, os.Args[1:], cli.System{
		Open:     open,
		Keys:     []string{dockercli.Key, dockerapi.Key, podman.Key},
		Host:     hostcheck.This(),
		Relay:    relay(),
		Stdin:    os.Stdin,
		Stdout:   os.Stdout,
		Stderr:   os.Stderr,
		Color:    colors(),
		Terminal: term.IsTerminal(int(os.Stdout.Fd())),
		Signals:  firstSignal(),
	})
	flush()
	os.Exit(status)
}

// open opens the runtime that the flags name. It contacts nothing.
func open(t cli.Target) (runtime.Runtime, error) {
	if t.DockerPath != "" && t.Key != dockercli.Key {
		return nil, fmt.Errorf("--docker-path is for --runtime=%s; %s starts no command", dockercli.Key, t.Key)
	}
	switch t.Key {
	case dockercli.Key:
		return asRuntime(dockercli.New(dockercli.Options{Path: t.DockerPath, Host: t.Host}))
	case dockerapi.Key:
		return asRuntime(dockerapi.New(dockerapi.Options{Host: t.Host}))
	case podman.Key:
		return asRuntime(podman.New(podman.Options{Host: t.Host}))
	}
	return nil, fmt.Errorf("--runtime=%s: it takes %s, %s or %s", t.Key, dockercli.Key, dockerapi.Key, podman.Key)
}

// relay is how exec makes its calls, where the system can do it.
func relay() *cli.Relay {
	if !lifeline.Supported {
		return nil
	}
	return &cli.Relay{Run: lifeline.Run, Watch: lifeline.Watch, FD: lifeline.FD}
}

// completeEnvironment gives a program that was started with next to none of its
// environment, as PromptKit does with a tool whose env it was told, what engines and
// their command lines are found by.
func completeEnvironment() {
	set := func(name, value string) {
		if _, ok := os.LookupEnv(name); !ok && value != "" {
			_ = os.Setenv(name, value) // fails only for a name that is none
		}
	}
	if filepath.Separator != '/' {
		return
	}
	set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	if u, err := user.Current(); err == nil {
		set("HOME", u.HomeDir)
		if dir := "/run/user/" + u.Uid; isDir(dir) {
			set("XDG_RUNTIME_DIR", dir)
		}
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// asRuntime keeps a nil pointer from becoming a Runtime that is not nil.
func asRuntime[R runtime.Runtime](rt R, err error) (runtime.Runtime, error) {
	if err != nil {
		return nil, err
	}
	return rt, nil
}

// firstSignal gives the first of the signals that ask a program to end. The second one
// then ends it, as if nobody had asked for them.
func firstSignal() <-chan os.Signal {
	// Whoever reads our output may go away. The write then fails, and the call ends and
	// removes its container, which a program that dies of SIGPIPE could not do.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	got, first := make(chan os.Signal, 1), make(chan os.Signal, 1)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // nohup
			signal.Notify(got, s)
		}
	}
	go func() {
		s := <-got
		signal.Stop(got)
		first <- s
	}()
	return first
}

// colors reports whether stdout is a terminal that shows them.
func colors() bool {
	return term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
