package runtimetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// writerFunc and readCloser are streams made of their parts.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

type readCloser struct {
	read  func([]byte) (int, error)
	close func() error
}

func (r readCloser) Read(p []byte) (int, error) { return r.read(p) }
func (r readCloser) Close() error               { return r.close() }

func cutOutput(_ *context.Context, _ *runtime.Spec, stdio *runtime.Stdio) {
	to, left := stdio.Stdout, 64<<10
	stdio.Stdout = writerFunc(func(p []byte) (int, error) {
		n := min(len(p), left)
		left -= n
		_, err := to.Write(p[:n])
		return len(p), err
	})
}

func terminal(_ *context.Context, _ *runtime.Spec, stdio *runtime.Stdio) {
	to := stdio.Stdout
	stdio.Stdout = writerFunc(func(p []byte) (int, error) {
		_, err := to.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n")))
		return len(p), err
	})
}

func detach(_ *context.Context, _ *runtime.Spec, stdio *runtime.Stdio) {
	from := stdio.Stdin
	stdio.Stdin = readCloser{func(p []byte) (int, error) {
		n, err := from.Read(p)
		if at := bytes.Index(p[:n], []byte("\x10\x11")); at >= 0 {
			return at, io.EOF
		}
		return n, err
	}, from.Close}
}

func neverEOF(_ *context.Context, _ *runtime.Spec, stdio *runtime.Stdio) {
	from, closed := stdio.Stdin, make(chan struct{})
	stdio.Stdin = readCloser{func(p []byte) (int, error) {
		n, err := from.Read(p)
		if errors.Is(err, io.EOF) {
			<-closed
		}
		return n, err
	}, func() error {
		close(closed)
		return from.Close()
	}}
}

func breakOff(_ *context.Context, _ *runtime.Spec, stdio *runtime.Stdio) {
	from := stdio.Stdin
	stdio.Stdin = readCloser{func(p []byte) (int, error) {
		n, err := from.Read(p)
		if err != nil {
			err = io.EOF
		}
		return n, err
	}, from.Close}
}

func bufferStdin(_ *context.Context, _ *runtime.Spec, stdio *runtime.Stdio) {
	from := stdio.Stdin
	all := sync.OnceValue(func() io.Reader {
		data, _ := io.ReadAll(from)
		return bytes.NewReader(data)
	})
	stdio.Stdin = readCloser{func(p []byte) (int, error) { return all().Read(p) }, from.Close}
}

func filterStderr(_ *context.Context, _ *runtime.Spec, stdio *runtime.Stdio) {
	to := stdio.Stderr
	stdio.Stderr = writerFunc(func(p []byte) (int, error) {
		if !strings.HasPrefix(string(p), "docker: ") {
			_, _ = to.Write(p)
		}
		return len(p), nil
	})
}

func neverClose(_ *context.Context, _ *runtime.Spec, stdio *runtime.Stdio) {
	stdio.Stdin = io.NopCloser(stdio.Stdin)
}

func waitsForStdin(*testing.T) *broken {
	return &broken{run: func(ctx context.Context, fake *Fake, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
		status, err := fake.Run(ctx, spec, stdio)
		_, _ = io.Copy(io.Discard, stdio.Stdin)
		return status, err
	}}
}

func readsEarly(*testing.T) *broken {
	return &broken{run: func(ctx context.Context, fake *Fake, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
		go func() { _, _ = stdio.Stdin.Read(make([]byte, 1)) }()
		if in, ok := stdio.Stdin.(*stuckInput); ok {
			for in.reads.Load() == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		return fake.Run(ctx, spec, stdio)
	}}
}
