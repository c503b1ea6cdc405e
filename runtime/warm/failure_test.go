package warm_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/internal/gate"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
	"github.com/AltairaLabs/dockerrun/runtime/warm"
)

func TestDeadContainersAreReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{}, warm.Options{Size: 3})
		require.NoError(t, b.pool.Prepare(t.Context(), spec("echo")))
		time.Sleep(time.Minute)
		dead := b.fake.Containers()
		for _, name := range dead {
			b.fake.Kill(name)
		}
		b.settle()
		assert.Equal(t, warm.Stats{Idle: 3, Died: 3}, b.pool.Stats())
		for _, name := range dead {
			assert.NotContains(t, b.fake.Containers(), name)
		}
		b.echo("as if nothing had been")
		assert.EqualValues(t, 1, b.pool.Stats().Hits)
	})
}

// badShell is a /bin/sh that says that it is up, and then does what it is told to with
// the header and the rest of its input.
func badShell(then func(p *runtimetest.Process, token string, in *bufio.Reader) int) *runtimetest.Fake {
	return &runtimetest.Fake{Programs: map[string]runtimetest.Program{
		"/probe": runtimetest.Probe,
		"/bin/sh": func(_ context.Context, p *runtimetest.Process) int {
			if _, err := io.WriteString(p.Stdout, gate.Ready); err != nil {
				return 1
			}
			in := bufio.NewReader(p.Stdin)
			line, err := in.ReadString('\n')
			if err != nil {
				return 0
			}
			token, _, _, err := gate.Parse(line)
			if err != nil {
				return 1
			}
			return then(p, token, in)
		},
	}}
}

// A container that is killed before its command has started costs nothing of the input.
func TestDeadAtHandOver(t *testing.T) {
	long := strings.Repeat("0123456789", 100_000) // more than is kept
	for name, read := range map[string]int64{"before the input": 0, "in the middle of it": 5_000, "after what is kept": 256 << 10} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := onFake(t, badShell(func(_ *runtimetest.Process, _ string, in *bufio.Reader) int {
					_, _ = io.CopyN(io.Discard, in, read)
					return 137
				}), warm.Options{Size: 1})
				require.NoError(t, b.pool.Prepare(t.Context(), spec("echo")))
				b.echo(long)
				assert.EqualValues(t, 1, b.pool.Stats().Cold)
				assert.EqualValues(t, 1, b.pool.Stats().Hits)
			})
		})
	}
}

// forgetful is an engine that has removed a killed container before it says how it ended.
type forgetful struct{ *runtimetest.Fake }

func (f forgetful) Run(ctx context.Context, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
	status, err := f.Fake.Run(ctx, spec, stdio)
	if err == nil && status.Code == 137 {
		err = &runtime.Error{Kind: runtime.ErrEngine, Started: true, Err: runtime.ErrStatusLost}
	}
	return status, err
}

// Nobody knows whether the command has run then, so it is not run again.
func TestDeadAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, badShell(func(_ *runtimetest.Process, _ string, _ *bufio.Reader) int { return 137 }), warm.Options{Size: 1})
		pool := warm.New(forgetful{b.fake}, warm.Options{Size: 1, Logger: slog.New(slog.DiscardHandler)})
		defer func() { require.NoError(t, pool.Close()) }()
		require.NoError(t, pool.Prepare(t.Context(), spec("echo")))
		_, err := pool.Run(t.Context(), spec("echo"), runtime.Stdio{Stdin: io.NopCloser(strings.NewReader("in"))})
		require.ErrorIs(t, err, runtime.ErrStatusLost)
		assert.Zero(t, pool.Stats().Cold)
	})
}

// What a dead container's Read still gets from the caller belongs to the next one.
func TestDeadWhileReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, badShell(func(_ *runtimetest.Process, _ string, in *bufio.Reader) int {
			_, _ = io.CopyN(io.Discard, in, 5)
			time.Sleep(time.Second)
			return 137
		}), warm.Options{Size: 1})
		require.NoError(t, b.pool.Prepare(t.Context(), spec("echo")))
		r, w := io.Pipe()
		go func() {
			for _, part := range []string{"first ", "second ", "third ", "fourth"} {
				_, _ = io.WriteString(w, part)
				time.Sleep(700 * time.Millisecond)
			}
			_ = w.Close()
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var out bytes.Buffer
		_, err := b.pool.Run(ctx, spec("echo"), runtime.Stdio{Stdin: r, Stdout: &out})
		require.NoError(t, err)
		assert.Equal(t, "first second third fourth", out.String())
		assert.EqualValues(t, 1, b.pool.Stats().Cold)
	})
}

// More input than is kept waits until the command has started.
func TestInputWaitsForTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := strings.Repeat("0123456789", 100_000)
		b := onFake(t, badShell(func(p *runtimetest.Process, token string, in *bufio.Reader) int {
			time.Sleep(time.Second) // where a shell looks for the command
			_, _ = io.WriteString(p.Stdout, token+"\n")
			_, _ = io.Copy(p.Stdout, in)
			_, _ = fmt.Fprintf(p.Stdout, "%s 0\n", token)
			_, _ = fmt.Fprintf(p.Stderr, "%s 0\n", token)
			return 0
		}), warm.Options{Size: 1})
		require.NoError(t, b.pool.Prepare(t.Context(), spec("echo")))
		b.echo(long)
		assert.Zero(t, b.pool.Stats().Cold)
	})
}

func TestWhatTheShellSays(t *testing.T) {
	for name, tt := range map[string]struct {
		stderr string // % is how the shell's own messages begin
		code   int
		kind   error
	}{
		"not found":         {stderr: "%: 26: exec: /x: not found\n", code: 127, kind: runtime.ErrCommandNotFound},
		"not executable":    {stderr: "%: line 26: /x: Permission denied\n", code: 126, kind: runtime.ErrNotExecutable},
		"two lines":         {stderr: "%: line 26: /x: Is a directory\n%: line 26: exec: /x: cannot execute\n", code: 126, kind: runtime.ErrNotExecutable},
		"another status":    {stderr: "%: 26: exec: /x: not found\n", code: 1},
		"the command's own": {stderr: "x: not found\n", code: 127},
		"and some more":     {stderr: "%: 26: exec: /x: not found\nmine\n", code: 127},
		"without an end":    {stderr: "%: 26", code: 127},
		"nothing":           {code: 127},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var text string
				b := onFake(t, badShell(func(p *runtimetest.Process, token string, _ *bufio.Reader) int {
					text = strings.ReplaceAll(tt.stderr, "%", p.Args[3])
					_, _ = io.WriteString(p.Stdout, token+"\n")
					for i := range len(text) { // in the smallest pieces
						_, _ = io.WriteString(p.Stderr, text[i:i+1])
					}
					_, _ = fmt.Fprintf(p.Stdout, "%s %d\n", token, tt.code)
					_, _ = fmt.Fprintf(p.Stderr, "%s %d\n", token, tt.code)
					return tt.code
				}), warm.Options{Size: 1})
				require.NoError(t, b.pool.Prepare(t.Context(), spec("echo")))
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				var stderr bytes.Buffer
				status, err := b.pool.Run(ctx, spec("echo"), runtime.Stdio{Stderr: &stderr})
				if tt.kind != nil {
					require.ErrorIs(t, err, tt.kind)
					assert.ErrorContains(t, err, "/probe")
					assert.False(t, runtime.Started(err))
					assert.Empty(t, stderr.String())
					return
				}
				require.NoError(t, err)
				assert.Equal(t, tt.code, status.Code)
				assert.Equal(t, text, stderr.String())
			})
		})
	}
}

func TestGateThatIsNone(t *testing.T) {
	for name, says := range map[string]string{"another program": "usage: sh\n", "no end": strings.Repeat("x", 10_000)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := &runtimetest.Fake{Programs: map[string]runtimetest.Program{
					"/probe": runtimetest.Probe,
					"/bin/sh": func(ctx context.Context, p *runtimetest.Process) int {
						_, _ = io.WriteString(p.Stdout, says)
						<-ctx.Done()
						return 0
					},
				}}
				b := onFake(t, fake, warm.Options{})
				b.echo("cold then")
				assert.Contains(t, b.logged(), "does not run the gate")
			})
		})
	}
}

// An engine that ends the output in good order, but too soon, is not believed, and the
// command is not run again.
func TestOutputWithoutItsEnd(t *testing.T) {
	for name, says := range map[string]string{"before the start": "", "before the end": "%\nhalf", "in the trailer": "%\nwhole% "} {
		for _, code := range []int{0, 3} {
			t.Run(fmt.Sprint(name, " ", code), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := onFake(t, badShell(func(p *runtimetest.Process, token string, _ *bufio.Reader) int {
						_, _ = io.WriteString(p.Stdout, strings.ReplaceAll(says, "%", token))
						return code
					}), warm.Options{Size: 1})
					require.NoError(t, b.pool.Prepare(t.Context(), spec("echo")))
					_, err := b.run(t.Context(), spec("echo"), "")
					require.ErrorIs(t, err, runtime.ErrUnavailable)
					assert.True(t, runtime.Started(err))
					assert.Zero(t, b.pool.Stats().Cold)
				})
			})
		}
	}
}

func TestBrokenTrailer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, badShell(func(p *runtimetest.Process, token string, _ *bufio.Reader) int {
			_, _ = fmt.Fprintf(p.Stdout, "%s\noutput%s what\n", token, token)
			return 0
		}), warm.Options{Size: 1})
		require.NoError(t, b.pool.Prepare(t.Context(), spec("echo")))
		_, err := b.run(t.Context(), spec("echo"), "")
		require.ErrorIs(t, err, runtime.ErrEngine)
		assert.True(t, runtime.Started(err))
		assert.ErrorContains(t, err, "trailer")
	})
}

func TestEngineThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		fake := &runtimetest.Fake{Before: func(context.Context, runtime.Spec) error {
			if down.Load() {
				return &runtime.Error{Kind: runtime.ErrUnavailable, Message: "nobody listens"}
			}
			return nil
		}}
		b := onFake(t, fake, warm.Options{Size: 2})
		require.NoError(t, b.pool.Prepare(t.Context(), spec("echo")))
		time.Sleep(time.Minute)
		down.Store(true)
		for _, name := range fake.Containers() {
			fake.Kill(name)
		}
		b.settle()
		for range 5 {
			_, err := b.run(t.Context(), spec("echo"), "")
			require.ErrorIs(t, err, runtime.ErrUnavailable)
			time.Sleep(5 * time.Second)
		}
		down.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, 2, b.pool.Stats().Idle, "it fills itself, without a call")
		b.echo("back")
	})
}

func TestOutputLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{}, warm.Options{Size: 1})
		l := runtime.NewLauncher(b.pool)
		require.NoError(t, b.pool.Prepare(t.Context(), spec("flood")))
		result, err := l.Launch(t.Context(), spec("flood"), nil, runtime.Options{MaxOutput: 1000})
		require.ErrorIs(t, err, runtime.ErrOutputLimit)
		assert.Len(t, result.Stdout, 1000)
		b.settle()
		assert.Len(t, b.fake.Containers(), 1, "its container was killed; the next one waits")
	})
}

func TestInputThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onFake(t, &runtimetest.Fake{}, warm.Options{Size: 1})
		require.NoError(t, b.pool.Prepare(t.Context(), spec("echo")))
		broken := errors.New("the line is dead")
		r, w := io.Pipe()
		go func() {
			_, _ = io.WriteString(w, "half of it")
			_ = w.CloseWithError(broken)
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := b.pool.Run(ctx, spec("echo"), runtime.Stdio{Stdin: r})
		require.ErrorIs(t, err, broken)
	})
}
