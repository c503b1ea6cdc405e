package runtimetest

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime/runtimetest/internal/probe"
)

// errReadOnly reads as EROFS does.
var errReadOnly = errors.New("read-only file system")

// Probe is the program of the conformance suite, for a [Fake]: what the binary
// runtime/runtimetest/probe does in a container. Besides what the suite needs it
// answers as PromptKit's hooks (hook, eval, select).
func Probe(ctx context.Context, p *Process) int {
	return probe.Main(ctx, &probe.Process{
		Args:   p.Args[1:],
		Env:    p.Env,
		Stdin:  p.Stdin,
		Stdout: p.Stdout,
		Stderr: p.Stderr,
		System: fakeSystem{ctx, p},
	})
}

// fakeSystem is the probe's operating system in a Fake.
type fakeSystem struct {
	ctx context.Context
	p   *Process
}

func (s fakeSystem) Block()             { <-s.ctx.Done() }
func (s fakeSystem) IgnoreTerm()        {} // a kill of the Fake is always SIGKILL
func (s fakeSystem) CloseStdin() error  { return s.p.Stdin.Close() }
func (s fakeSystem) CloseStdout() error { return s.p.Stdout.Close() }

// Child has nothing to do: a process of a container does not outlive its first one.
func (s fakeSystem) Child() error { return nil }

func (s fakeSystem) Sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.ctx.Done():
	}
}

func (s fakeSystem) Kill(signal int) error {
	s.p.Kill(signal)
	return nil
}

func (s fakeSystem) OOM() error {
	if s.p.Spec.Memory > 0 {
		s.p.OOM()
	}
	return errors.New("there is no limit")
}

func (s fakeSystem) ReadFile(name string) ([]byte, error)     { return s.p.ReadFile(name) }
func (s fakeSystem) WriteFile(name string, data []byte) error { return s.p.WriteFile(name, data) }

func (s fakeSystem) AppendFile(name string, data []byte) error {
	old, err := s.p.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.p.WriteFile(name, append(old[:len(old):len(old)], data...))
}

func (s fakeSystem) Identity() (probe.Identity, error) {
	who := probe.Identity{PID: 1, Dir: s.p.Dir, Interfaces: []string{"lo"}, Hostname: cmp.Or(s.p.Spec.Hostname, s.p.Spec.Name)}
	if s.p.Spec.Network != "none" {
		who.Interfaces = append(who.Interfaces, "eth0")
	}
	user, group, _ := strings.Cut(s.p.User, ":")
	who.UID = userID(user)
	who.GID = who.UID
	if group != "" {
		who.GID = userID(group)
	}
	for _, g := range s.p.Spec.GroupAdd {
		who.Groups = append(who.Groups, userID(g))
	}
	return who, nil
}

// userID knows numbers, and takes every name for root's.
func userID(name string) int {
	id, err := strconv.Atoi(name)
	if err != nil {
		return 0
	}
	return id
}
