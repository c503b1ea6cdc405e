package factory

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/runtimetest"
)

func streamed(fake runtime.Runtime, more map[string]any) *Sandbox {
	cfg := map[string]any{"image": "there", "runtime": "fake"}
	for k, v := range more {
		cfg[k] = v
	}
	sb, err := NewFactory(WithRuntime("fake", fake))("box", cfg)
	if err != nil {
		panic(err) // of a test
	}
	return sb.(*Sandbox)
}

func probes() *runtimetest.Fake {
	return &runtimetest.Fake{
		Programs: map[string]runtimetest.Program{"/probe": runtimetest.Probe},
		Images:   map[string]runtime.Image{"there": {ID: "sha256:1"}},
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	s := streamed(probes(), nil)
	in := bytes.Repeat([]byte("\x00\xff\n"), 100_000)
	var out bytes.Buffer
	status, err := s.Stream(t.Context(), sandbox.Request{Command: "/probe", Args: []string{"echo"}},
		runtime.Stdio{Stdin: io.NopCloser(bytes.NewReader(in)), Stdout: &out})
	require.NoError(t, err)
	assert.Zero(t, status.Code)
	assert.True(t, bytes.Equal(in, out.Bytes()))

	status, err = s.Stream(t.Context(), sandbox.Request{Command: "/probe", Args: []string{"exit", "3"}}, runtime.Stdio{})
	require.NoError(t, err, "a non-zero exit is a Status")
	assert.Equal(t, 3, status.Code)
}

func TestStreamEnds(t *testing.T) {
	t.Parallel()
	fake := probes()
	s := streamed(fake, map[string]any{"max_output": "1k", "timeout": "100ms"})

	var out bytes.Buffer
	_, err := s.Stream(t.Context(), sandbox.Request{Command: "/probe", Args: []string{"both", "5000", "0"}, Timeout: time.Minute},
		runtime.Stdio{Stdout: &out})
	require.ErrorIs(t, err, runtime.ErrOutputLimit)
	assert.ErrorContains(t, err, `sandbox "box": `)
	assert.ErrorContains(t, err, "stdout is over the limit of 1024 bytes (max_output)")
	assert.Equal(t, 1024, out.Len(), "what the limit allows was passed on")

	_, err = s.Stream(t.Context(), sandbox.Request{Command: "/probe", Args: []string{"sleep", "1m"}}, runtime.Stdio{})
	require.ErrorIs(t, err, runtime.ErrTimeout, "the sandbox's own timeout")
	assert.ErrorContains(t, err, "100ms")
	require.NoError(t, fake.Close())
	assert.Empty(t, fake.Containers())
}

// closing tells whether it was closed.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

func TestStreamAlwaysClosesStdin(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*Sandbox{
		"not made":     {},
		"wrong":        New(Config{}),
		"no such":      streamed(probes(), map[string]any{"image": "absent", "pull": "never"}),
		"never starts": streamed(&runtimetest.Fake{Before: func(context.Context, runtime.Spec) error { return &runtime.Error{Kind: runtime.ErrUnavailable} }}, nil),
		"ends":         streamed(probes(), nil),
	} {
		in := &closing{Reader: strings.NewReader("in")}
		_, err := s.Stream(t.Context(), sandbox.Request{Command: "/probe", Args: []string{"exit", "0"}}, runtime.Stdio{Stdin: in})
		assert.Equal(t, name == "ends", err == nil, "%s: %v", name, err)
		assert.True(t, in.closed, name)
	}
}

func TestSpec(t *testing.T) {
	t.Parallel()
	s := streamed(probes(), map[string]any{"memory": "64m", "env": []string{"A=1"}})
	spec, err := s.Spec(sandbox.Request{Command: "/hook", Args: []string{"x"}, Env: []string{"B=2"}})
	require.NoError(t, err)
	assert.Equal(t, []string{"/hook", "x"}, spec.Args)
	assert.Equal(t, []string{"A=1", "B=2"}, spec.Env)
	assert.EqualValues(t, 64<<20, spec.Memory)

	_, err = (&Sandbox{}).Spec(sandbox.Request{Command: "/hook"})
	require.ErrorIs(t, err, errNotMade)
	_, err = New(Config{}).Spec(sandbox.Request{Command: "/hook"})
	require.ErrorIs(t, err, runtime.ErrInvalidSpec)
}

func TestImage(t *testing.T) {
	t.Parallel()
	fake := probes()
	var asked []runtime.ImageRequest
	fake.Pull = func(_ context.Context, req runtime.ImageRequest) (runtime.Image, error) {
		asked = append(asked, req)
		return runtime.Image{ID: "sha256:2"}, nil
	}
	img, err := streamed(fake, nil).Image(t.Context(), runtime.PullMissing)
	require.NoError(t, err)
	assert.Equal(t, "sha256:1", img.ID)
	assert.Empty(t, asked, "it was there")

	// What calls may not pull, this may.
	absent := streamed(fake, map[string]any{"image": "absent", "pull": "never", "platform": "linux/arm64"})
	_, err = absent.Image(t.Context(), runtime.PullNever)
	require.ErrorIs(t, err, runtime.ErrImageMissing)
	img, err = absent.Image(t.Context(), runtime.PullMissing)
	require.NoError(t, err)
	assert.Equal(t, "sha256:2", img.ID)
	require.Len(t, asked, 1)
	assert.Equal(t, "linux/arm64", asked[0].Platform)
}
