package dockercli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// output runs the command line to its end and returns its stdout; limit is the longest
// that may take, 0 for as long as ctx lets it. A failure is a *commandError, or the
// error of ctx.
func (cl *client) output(ctx context.Context, limit time.Duration, args ...string) (string, error) {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	var stdout bytes.Buffer
	err := cl.stream(ctx, &stdout, args...)
	return stdout.String(), err
}

// stream is output for who wants its stdout as it comes; nil discards it.
func (cl *client) stream(ctx context.Context, stdout io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, cl.path, args...)
	ownGroup(cmd)
	// Asked to end, a pull tells its engine; a helper that holds the pipes is not waited for.
	cmd.Cancel = func() error { return interruptGroup(cmd) }
	cmd.WaitDelay = time.Second
	cmd.Env = env{}.environ()
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = stdout, &boundedBuffer{Buffer: &stderr, left: maxHeld}
	err := cmd.Run()
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", args[0], context.Cause(ctx))
	}
	return &commandError{text: stderr.String(), err: err}
}

// commandError is a command line that failed.
type commandError struct {
	text string // its stderr
	err  error
}

func (e *commandError) Error() string {
	if text := readable(e.text); text != "" {
		return text
	}
	return e.err.Error()
}

func (e *commandError) Unwrap() error { return e.err }

// boundedBuffer keeps the beginning and discards the rest.
type boundedBuffer struct {
	*bytes.Buffer
	left int
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	keep := min(len(p), b.left)
	b.left -= keep
	b.Buffer.Write(p[:keep])
	return len(p), nil
}

// ReadFrom hides that of bytes.Buffer, which knows no bound.
func (b *boundedBuffer) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{b}, r)
}

// engineError gives the failure of a command other than run its kind.
func engineError(ctx context.Context, err error, otherwise error) error {
	if ctxErr := runtime.ContextError(ctx, Key, false); ctxErr != nil {
		return ctxErr
	}
	var failed *commandError
	if !errors.As(err, &failed) {
		return &runtime.Error{Kind: runtime.ErrUnavailable, Runtime: Key, Err: err}
	}
	f := classify(failed.text)
	if f.kind != runtime.ErrUnavailable && f.kind != runtime.ErrImageMissing {
		f.kind = otherwise
	}
	return f.error(false)
}

// process is one `docker run` under way.
type process struct {
	cmd    *exec.Cmd
	stdin  *os.File      // our end
	exited chan struct{} // closed when it was waited for
	done   chan struct{} // closed when its output has been copied, too
	oom    bool          // there was an oomFile; only after done
}

// pipeGrace is how long output is waited for that comes from nobody but a helper which
// outlived the command line.
const pipeGrace = 300 * time.Millisecond

// start runs the command line with pipes to it, in oomDir if that is not empty. Its
// output is copied to stdout and stderr until it ends; neither may fail, or the command
// line would block.
func start(path, oomDir string, args []string, e env, stdout, stderr io.Writer) (*process, error) {
	p := &process{exited: make(chan struct{}), done: make(chan struct{})}
	p.cmd = exec.Command(path, args...)
	p.cmd.Env, p.cmd.Dir = e.environ(), oomDir
	ownGroup(p.cmd)

	var ours, theirs []*os.File
	fail := func(err error) (*process, error) {
		takeOOMDir(oomDir)
		closeAll(ours)
		closeAll(theirs)
		return nil, err
	}
	inR, inW, err := os.Pipe()
	if err != nil {
		return fail(err)
	}
	ours, theirs = append(ours, inW), append(theirs, inR)
	outR, outW, err := os.Pipe()
	if err != nil {
		return fail(err)
	}
	ours, theirs = append(ours, outR), append(theirs, outW)
	errR, errW, err := os.Pipe()
	if err != nil {
		return fail(err)
	}
	ours, theirs = append(ours, errR), append(theirs, errW)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = inR, outW, errW
	p.stdin = inW

	var fileW *os.File
	if len(e.file) > 0 {
		var fileR *os.File
		if fileR, fileW, err = os.Pipe(); err != nil {
			return fail(err)
		}
		ours, theirs = append(ours, fileW), append(theirs, fileR)
		p.cmd.ExtraFiles = []*os.File{fileR}
	}
	if err := p.cmd.Start(); err != nil {
		return fail(err)
	}
	closeAll(theirs)
	if fileW != nil {
		go func() {
			_, _ = fileW.Write(e.file) // fails only if the command line ends first
			_ = fileW.Close()
		}()
	}
	outDone, errDone := make(chan struct{}), make(chan struct{})
	go copyOutput(stdout, outR, outDone)
	go copyOutput(stderr, errR, errDone)
	go func() {
		_ = p.cmd.Wait() // ProcessState says it all
		close(p.exited)
		for _, f := range []*os.File{outR, errR} {
			if f.SetReadDeadline(time.Now().Add(pipeGrace)) != nil {
				time.AfterFunc(pipeGrace, func() { _ = f.Close() })
			}
		}
		<-outDone
		<-errDone
		closeAll(ours)
		p.oom = takeOOMDir(oomDir)
		close(p.done)
	}()
	return p, nil
}

// copyOutput copies to the end of the file, or until nothing came for pipeGrace after
// the process's exit set a deadline. A slow dst costs nothing: it is the reading that
// is timed.
func copyOutput(dst io.Writer, src *os.File, done chan<- struct{}) {
	defer close(done)
	buf := make([]byte, 32*1024)
	idle := false
	for {
		n, err := src.Read(buf)
		if n > 0 {
			idle = false
			_, _ = dst.Write(buf[:n])
		}
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded) && !idle:
			idle = true
			_ = src.SetReadDeadline(time.Now().Add(pipeGrace))
		default:
			return
		}
	}
}

// kill ends the command line and what it started, if it still runs.
func (p *process) kill() {
	select {
	case <-p.exited:
	default:
		_ = killGroup(p.cmd)
	}
}

// code is its exit status, or -1 if a signal ended it. Only after done.
func (p *process) code() int { return p.cmd.ProcessState.ExitCode() }

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// startError is a command line that could not be started.
func startError(path string, args []string, err error) *runtime.Error {
	e := &runtime.Error{Kind: runtime.ErrUnavailable, Runtime: Key, Message: path + " can't be run", Err: err}
	switch {
	case isTooLong(err):
		e.Kind = runtime.ErrInvalidSpec
		e.Message = fmt.Sprintf("arguments and environment are too long for a command line (%d bytes of arguments); hand large data over on stdin",
			len(strings.Join(args, " ")))
	case errors.Is(err, syscall.EINVAL):
		e.Kind, e.Message = runtime.ErrInvalidSpec, "a value that goes on the command line holds a NUL byte"
	}
	return e
}
