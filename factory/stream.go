package factory

import (
	"context"
	"fmt"
	"io"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Request is PromptKit's, for programs that use nothing else of it.
type Request = sandbox.Request

// Stream is Spawn for who has streams: it makes the same call, with stdio in place of
// req.Stdin, which it does not look at, and passes output on as it comes. A non-zero exit
// is a Status and no error. The image is there before the input is touched.
func (s *Sandbox) Stream(ctx context.Context, req sandbox.Request, stdio runtime.Stdio) (runtime.Status, error) {
	status, err := s.stream(ctx, &req, stdio)
	return status, s.named(err)
}

func (s *Sandbox) stream(ctx context.Context, req *sandbox.Request, stdio runtime.Stdio) (runtime.Status, error) {
	began := false
	defer func() {
		if !began && stdio.Stdin != nil {
			_ = stdio.Stdin.Close()
		}
	}()
	ctx, spec, opts, done, err := s.begin(ctx, req)
	if err != nil {
		return runtime.Status{}, err
	}
	defer done()
	c, release, err := s.engine.first(ctx)
	if err != nil {
		runtime.Refused(ctx, s.engine.key(), spec, err, opts)
		return runtime.Status{}, err
	}
	defer release()
	limit := opts.MaxOutput
	if limit <= 0 {
		limit = runtime.DefaultMaxOutput
	}
	stdio.Stdout = &limitWriter{to: stdio.Stdout, name: "stdout", left: limit, limit: limit}
	stdio.Stderr = &limitWriter{to: stdio.Stderr, name: "stderr", left: limit, limit: limit}
	began = true
	return c.launcher.Stream(ctx, spec, stdio, opts)
}

// Image makes the sandbox's image present on its engine, as policy asks and whatever the
// configuration says about pulls, and describes it. Only ctx and `pull_timeout` bound it.
func (s *Sandbox) Image(ctx context.Context, policy runtime.PullPolicy) (runtime.Image, error) {
	img, err := s.image(ctx, policy)
	return img, s.named(err)
}

func (s *Sandbox) image(ctx context.Context, policy runtime.PullPolicy) (runtime.Image, error) {
	switch {
	case s.err != nil:
		return runtime.Image{}, s.err
	case s.plan == nil:
		return runtime.Image{}, errNotMade
	}
	limit := s.plan.options.PullTimeout
	if limit <= 0 {
		limit = runtime.DefaultPullTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		fmt.Errorf("the pull took longer than %s (pull_timeout): %w", limit, context.DeadlineExceeded))
	defer cancel()
	c, release, err := s.engine.first(ctx)
	if err != nil {
		return runtime.Image{}, err
	}
	defer release()
	return runtime.GetImage(ctx, c.launcher.Runtime(), runtime.ImageRequest{
		Ref: s.plan.spec.Image, Platform: s.plan.spec.Platform, Pull: policy,
	})
}

// first claims the client, or with RuntimeAuto the first that answers.
func (e *engine) first(ctx context.Context) (*client, func(), error) {
	held, broken, done := e.use()
	c, err := e.pick(ctx, held, broken)
	if err != nil {
		done()
		return nil, nil, err
	}
	return c, done, nil
}

// limitWriter fails the write that goes over its limit, after what the limit allows of it.
type limitWriter struct {
	to          io.Writer // nil: discard
	name        string
	left, limit int64
}

func (l *limitWriter) Write(p []byte) (int, error) {
	n := int(min(int64(len(p)), l.left))
	l.left -= int64(n)
	if l.to != nil {
		if n, err := l.to.Write(p[:n]); err != nil {
			return n, err
		}
	}
	if n < len(p) {
		return n, &runtime.Error{Kind: runtime.ErrOutputLimit, Started: true,
			Message: fmt.Sprintf("%s is over the limit of %d bytes (max_output)", l.name, l.limit)}
	}
	return n, nil
}
