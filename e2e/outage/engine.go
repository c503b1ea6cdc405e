// Package outage has container engines of a test's own, which may be stopped, hung,
// killed and filled up, and a proxy that spoils what an engine says. The engines that
// the other tests share come to no harm.
package outage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
)

const (
	// startLimit is how long an engine may take to come up on a busy machine.
	startLimit = 90 * time.Second
	// stopLimit is how long it may take to end when asked to, before it is killed.
	stopLimit = 15 * time.Second
)

// Engine is a daemon in a directory of its own. Its methods are for one goroutine.
type Engine struct {
	// Host is its address, as the configuration of a sandbox takes it.
	Host string
	// Variants are the ways to use it.
	Variants []engines.Variant

	dir, socket string
	argv        []string
	ready       func() error // makes the directory fit for a start
	cmd         *exec.Cmd    // nil: not running
	ended       chan struct{}
	hung        bool
}

// Start starts the engine and returns when it answers.
func (e *Engine) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		if err := e.launch(); err != nil {
			return err
		}
		if e.answersUntilEnd(ctx) {
			return nil
		}
		// An engine that was killed can leave what the next one stumbles over once; what
		// keeps an engine up starts it again, too.
		if ctx.Err() != nil {
			return fmt.Errorf("%s did not come up: %w\n%s", e.argv[0], ctx.Err(), e.Log())
		}
	}
}

func (e *Engine) launch() error {
	if e.cmd != nil {
		return errors.New("it runs already")
	}
	if err := e.ready(); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(e.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(e.argv[0], e.argv[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", log, log
	// A group of its own: a ^C is the test's, which then ends its engine. A rootless service
	// is more than one process, and the group is all of them.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	e.cmd, e.ended, e.hung = cmd, ended, false
	return nil
}

// answersUntilEnd reports whether the engine answers before it ends or ctx does.
func (e *Engine) answersUntilEnd(ctx context.Context) bool {
	for {
		if e.Ping(ctx) == nil {
			return true
		}
		select {
		case <-e.ended:
			e.cmd = nil
			return false
		case <-ctx.Done():
			return false
		case <-time.After(50 * time.Millisecond): // between two looks
		}
	}
}

// Ping asks the engine for a sign of life, for at most a second.
func (e *Engine) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", e.socket)
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine/_ping", nil)
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

// Stop asks the engine to end, and waits for it.
func (e *Engine) Stop() error {
	if e.cmd == nil {
		return nil
	}
	if err := e.Resume(); err != nil {
		return err
	}
	if err := e.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-e.ended:
		e.cmd = nil
		return nil
	case <-time.After(stopLimit):
		return e.Kill()
	}
}

// Kill ends the engine at once, as a crash would.
func (e *Engine) Kill() error {
	if e.cmd == nil {
		return nil
	}
	if err := e.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-e.ended
	e.cmd = nil
	return nil
}

// Hang makes the engine do nothing more until Resume, its connections open.
func (e *Engine) Hang() error {
	e.hung = true
	if err := e.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	// It goes on until a thread of it gets to see the signal, which takes its time on a busy
	// machine.
	for end := time.Now().Add(stopLimit); !isStopped(e.cmd.Process.Pid); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("%s goes on after a SIGSTOP", e.argv[0])
		}
	}
	return nil
}

// Resume ends what Hang began.
func (e *Engine) Resume() error {
	if !e.hung {
		return nil
	}
	e.hung = false
	return e.signal(syscall.SIGCONT)
}

// signal goes to all that the engine is, but not to the monitors of its containers, which
// have sessions of their own. It is no error if the engine has ended.
func (e *Engine) signal(s syscall.Signal) error {
	if err := syscall.Kill(-e.cmd.Process.Pid, s); !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// Log is what the engine has written of itself, its end if that is long.
func (e *Engine) Log() string {
	data, _ := os.ReadFile(filepath.Join(e.dir, "log"))
	return string(data[max(0, len(data)-8<<10):])
}

// Close ends the engine and all that it started, and removes its directory.
func (e *Engine) Close() error {
	err := e.Stop()
	killAll(e.dir)
	return errors.Join(err, unmountAll(e.dir), os.RemoveAll(e.dir))
}
