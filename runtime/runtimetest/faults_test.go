package runtimetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func bareAsEmpty(_ *context.Context, spec *runtime.Spec, _ *runtime.Stdio) {
	spec.Env = slices.Clone(spec.Env)
	for i, entry := range spec.Env {
		if !strings.Contains(entry, "=") {
			spec.Env[i] = entry + "="
		}
	}
}

func loseDocker(_ *context.Context, spec *runtime.Spec, _ *runtime.Stdio) {
	spec.Env = slices.DeleteFunc(slices.Clone(spec.Env), func(e string) bool { return strings.HasPrefix(e, "DOCKER_") })
}

func removeNothing(_ *context.Context, spec *runtime.Spec, _ *runtime.Stdio) {
	spec.Env = slices.DeleteFunc(slices.Clone(spec.Env), func(e string) bool { return !strings.Contains(e, "=") })
}

func tellEnv(spec *runtime.Spec, _ *runtime.Stdio, _ *runtime.Status, err *error) {
	if *err != nil {
		*err = fmt.Errorf("%w: with %q", *err, spec.Env)
	}
}

func ownStatus(_ *runtime.Spec, _ *runtime.Stdio, status *runtime.Status, err *error) {
	if status.Code == 125 {
		*err = &runtime.Error{Kind: runtime.ErrEngine}
	}
}

func hideSignal(_ *runtime.Spec, _ *runtime.Stdio, status *runtime.Status, _ *error) {
	if status.Code > 128 {
		status.Code = 1
	}
}

func writable(mounts []runtime.Mount) []runtime.Mount {
	mounts = slices.Clone(mounts)
	for i := range mounts {
		mounts[i].Options = nil
	}
	return mounts
}

func noise(_ *runtime.Spec, stdio *runtime.Stdio, _ *runtime.Status, err *error) {
	if *err != nil {
		_, _ = io.WriteString(stdio.Stderr, "docker: "+(*err).Error())
	}
}

// change gives the caller another error than the Fake's.
func change(err *error, how func(*runtime.Error)) {
	if e, ok := errors.AsType[*runtime.Error](*err); ok {
		other := *e
		how(&other)
		*err = &other
	}
}

func loseCause(_ *runtime.Spec, _ *runtime.Stdio, _ *runtime.Status, err *error) {
	change(err, func(e *runtime.Error) { e.Err = context.Canceled })
}

// killsNamesake removes by name what it did not make.
func killsNamesake(*testing.T) *broken {
	var cancels sync.Map
	return &broken{run: func(ctx context.Context, fake *Fake, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		if first, taken := cancels.LoadOrStore(spec.Name, cancel); taken {
			first.(context.CancelFunc)()
			for slices.Contains(fake.Containers(), spec.Name) {
				time.Sleep(time.Millisecond)
			}
			return runtime.Status{}, &runtime.Error{Kind: runtime.ErrEngine}
		}
		return fake.Run(ctx, spec, stdio)
	}}
}

// silent is a context without values.
type silent struct{ context.Context }

func (silent) Value(any) any { return nil }

// onlyEnds tells a Trace of ends and removals only.
func onlyEnds(ctx *context.Context, _ *runtime.Spec, _ *runtime.Stdio) {
	t := runtime.ContextTrace(*ctx)
	*ctx = runtime.WithTrace(silent{*ctx}, &runtime.Trace{Exited: t.Exited, Removed: t.Removed})
}

// deaf is a context that ends with the test only.
func deaf(ctx context.Context, t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	t.Cleanup(cancel)
	return ctx
}

func ignoresContext(t *testing.T) *broken {
	return &broken{run: func(ctx context.Context, fake *Fake, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
		return fake.Run(deaf(ctx, t), spec, stdio)
	}}
}

func returnsAtOnce(t *testing.T) *broken {
	return &broken{
		run: func(ctx context.Context, fake *Fake, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
			var (
				status runtime.Status
				err    error
				done   = make(chan struct{})
			)
			go func() {
				defer close(done)
				status, err = fake.Run(deaf(ctx, t), spec, stdio)
			}()
			select {
			case <-done:
				return status, err
			case <-ctx.Done():
				return runtime.Status{}, runtime.ContextError(ctx, "fake", true)
			}
		},
		close: func(*Fake) error { return nil },
	}
}

func writesAfterwards(*testing.T) *broken {
	var late sync.WaitGroup
	return &broken{
		run: func(ctx context.Context, fake *Fake, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
			status, err := fake.Run(ctx, spec, stdio)
			late.Go(func() {
				time.Sleep(50 * time.Millisecond)
				_, _ = io.WriteString(stdio.Stdout, "late")
			})
			return status, err
		},
		close: func(fake *Fake) error {
			late.Wait()
			return fake.Close()
		},
	}
}

func readsAfterwards(*testing.T) *broken {
	var late sync.WaitGroup
	return &broken{
		run: func(ctx context.Context, fake *Fake, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
			status, err := fake.Run(ctx, spec, stdio)
			late.Go(func() {
				for range 5 {
					time.Sleep(10 * time.Millisecond)
					_, _ = stdio.Stdin.Read(make([]byte, 1))
				}
			})
			return status, err
		},
		close: func(fake *Fake) error {
			late.Wait()
			return fake.Close()
		},
	}
}

func swallow(to io.Writer) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		_, _ = to.Write(p)
		return len(p), nil
	})
}

func closesOnce(*testing.T) *broken {
	var closed atomic.Bool
	return &broken{close: func(fake *Fake) error {
		if closed.Swap(true) {
			return errors.New("closed twice")
		}
		return fake.Close()
	}}
}

func removesLate(t *testing.T) *broken {
	var closing sync.WaitGroup
	t.Cleanup(closing.Wait)
	return &broken{
		setup: func(fake *Fake) {
			fake.Programs["/probe"] = func(ctx context.Context, p *Process) int {
				defer time.Sleep(100 * time.Millisecond)
				return Probe(ctx, p)
			}
		},
		close: func(fake *Fake) error {
			closing.Go(func() { _ = fake.Close() })
			return nil
		},
	}
}

func leaksContainers(t *testing.T) *broken {
	return &broken{
		run: func(ctx context.Context, fake *Fake, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
			leak := spec
			leak.Args = []string{"/probe", "block"}
			up := newOutput()
			ctxLeak := deaf(ctx, t)
			go func() { _, _ = fake.Run(ctxLeak, leak, runtime.Stdio{Stdout: up}) }()
			<-up.ready
			return fake.Run(ctx, spec, stdio)
		},
		close: func(*Fake) error { return nil },
	}
}

func leaksGoroutines(t *testing.T) *broken {
	return &broken{run: func(ctx context.Context, fake *Fake, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
		end := deaf(ctx, t).Done()
		go func() { <-end }()
		return fake.Run(ctx, spec, stdio)
	}}
}

func leaksFiles(t *testing.T) *broken {
	return &broken{run: func(ctx context.Context, fake *Fake, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
		f, err := os.Open(os.DevNull)
		if err != nil {
			return runtime.Status{}, err
		}
		t.Cleanup(func() { assert.NoError(t, f.Close()) })
		return fake.Run(ctx, spec, stdio)
	}}
}

// mixesCalls gives some calls what is not theirs.
func mixesCalls(*testing.T) *broken {
	var calls atomic.Int32
	return &broken{run: func(ctx context.Context, fake *Fake, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
		if calls.Add(1) > 2 && stdio.Stdout != nil {
			_, _ = io.WriteString(stdio.Stdout, "of another call")
		}
		return fake.Run(ctx, spec, stdio)
	}}
}
