package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// The kinds of failure. Every [*Error] is one of them, to errors.Is.
var (
	ErrInvalidSpec     = errors.New("invalid container spec")
	ErrUnsupported     = errors.New("not supported by this runtime")
	ErrUnavailable     = errors.New("container engine unavailable")
	ErrImageMissing    = errors.New("image missing")
	ErrPullFailed      = errors.New("image pull failed")
	ErrCommandNotFound = errors.New("command not found in the image")
	ErrNotExecutable   = errors.New("command not executable")
	ErrTimeout         = errors.New("timeout")  // wraps context.DeadlineExceeded
	ErrCanceled        = errors.New("canceled") // wraps context.Canceled
	ErrOutputLimit     = errors.New("output limit exceeded")
	ErrOutOfMemory     = errors.New("out of memory") // an ExitError that was OOMKilled
	ErrEngine          = errors.New("container engine error")
	ErrClosed          = errors.New("runtime is closed")
)

// ErrStatusLost says that a container has ended, and that the engine has nothing that says how:
// nothing is left of one with [Spec.AutoRemove], or what watches it for the engine died. It is
// wrapped by an [*Error] of kind [ErrEngine].
var ErrStatusLost = errors.New("the container has ended, and its exit status is lost")

// Error is a call that did not get as far as an exit status.
type Error struct {
	Kind    error  // one of the Err values
	Runtime string // key of the runtime: docker-api, ...; empty: none was involved
	Started bool   // the command had started; if not, it saw nothing of stdin
	Message string // what happened and what to do; never holds env values
	Err     error  // cause; may be nil
}

// Error gives "runtime: kind: message: cause".
func (e *Error) Error() string {
	parts := make([]string, 0, 4)
	if e.Runtime != "" {
		parts = append(parts, e.Runtime)
	}
	if e.Kind != nil {
		parts = append(parts, e.Kind.Error())
	}
	if e.Message != "" {
		parts = append(parts, e.Message)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap makes both the kind and the cause visible to errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	out := make([]error, 0, 2)
	for _, err := range []error{e.Kind, e.Err} {
		if err != nil {
			out = append(out, err)
		}
	}
	return out
}

// Started reports whether err says that the command had started. An error that is
// no [*Error] counts as started: nothing may be repeated on its account.
func Started(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Started
	}
	return err != nil
}

// ContextError is the error of a call that its context ended, or nil if ctx has
// not ended. It wraps ctx.Err() and context.Cause(ctx); its kind is [ErrTimeout] or
// [ErrCanceled], or that of the cause when the cause is an [*Error].
func ContextError(ctx context.Context, runtimeKey string, started bool) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	kind := ErrCanceled
	if errors.Is(err, context.DeadlineExceeded) {
		kind = ErrTimeout
	}
	cause := context.Cause(ctx)
	if e, ok := errors.AsType[*Error](cause); ok {
		kind = e.Kind
	}
	if !errors.Is(cause, err) {
		err = &causeError{cause: cause, err: err}
	} else {
		err = cause
	}
	return &Error{Kind: kind, Runtime: runtimeKey, Started: started, Err: err}
}

// BrokenOff is the error of a call that had to end because of cause, such as a Write of
// its Stdio that failed, while its context had not ended. Its kind is that of the cause
// when the cause is an [*Error], else [ErrCanceled]; it wraps the cause.
func BrokenOff(cause error, runtimeKey string, started bool) error {
	kind := ErrCanceled
	if e, ok := errors.AsType[*Error](cause); ok {
		kind = e.Kind
	}
	return &Error{Kind: kind, Runtime: runtimeKey, Started: started, Err: cause}
}

// causeError reads as the cause and unwraps to both.
type causeError struct{ cause, err error }

func (e *causeError) Error() string   { return e.cause.Error() }
func (e *causeError) Unwrap() []error { return []error{e.cause, e.err} }

// ExitError is a command that ended with another status than 0. [Launcher] returns
// it as an error; a [Runtime] never does.
type ExitError struct {
	Status Status
}

// Error says how the command ended.
func (e *ExitError) Error() string {
	switch sig := e.Status.Signal(); {
	case e.Status.OOMKilled:
		return fmt.Sprintf("out of memory: the container went over its memory limit and was killed (exit status %d)", e.Status.Code)
	case sig != 0:
		return fmt.Sprintf("exit status %d (killed by signal %d, or its own)", e.Status.Code, sig)
	}
	return fmt.Sprintf("exit status %d", e.Status.Code)
}

// ExitCode is the command's exit status, as that of os/exec's ExitError.
func (e *ExitError) ExitCode() int { return e.Status.Code }

// Is makes an out-of-memory kill an [ErrOutOfMemory].
func (e *ExitError) Is(target error) bool {
	return target == ErrOutOfMemory && e.Status.OOMKilled
}
