package runtime

import (
	"context"
	"errors"
	"time"
)

// Pinger is implemented by a [Runtime] that can ask its engine for a sign of life. A
// [Launcher] uses it to tell a slow command from an engine that hangs.
type Pinger interface {
	// Ping returns nil when the engine answers, whatever it says, and else why it does
	// not. It returns when ctx ends. Safe for concurrent use.
	Ping(ctx context.Context) error
}

// pingLimit is how long before a call's deadline its engine is asked for a sign of
// life. An engine that works answers in milliseconds.
const pingLimit = time.Second

// watch looks at the engine in the last second of a call, beside it, so that the call
// ends at its deadline all the same. done ends the watch and turns the call's timeout
// into ErrUnavailable when the engine did not answer. A call that had less than that
// second is not watched: a busy engine may need as long.
func (l *Launcher) watch(ctx context.Context) (done func(error) error) {
	deadline, bounded := ctx.Deadline()
	pinger, able := find[Pinger](l.rt)
	if !able || !bounded || time.Until(deadline) < pingLimit {
		return func(err error) error { return err }
	}
	asking, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	answer := make(chan error, 1)
	timer := time.AfterFunc(time.Until(deadline)-pingLimit, func() { answer <- pinger.Ping(asking) })
	return func(err error) error {
		defer cancel()
		if timer.Stop() || !errors.Is(err, ErrTimeout) || ctx.Err() == nil {
			return err
		}
		select {
		case silent := <-answer:
			return unanswered(err, silent)
		default:
			return unanswered(err, context.DeadlineExceeded)
		}
	}
}

// unanswered is the error of a call that timed out beside a ping that ended with silent.
func unanswered(err, silent error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || silent == nil || errors.Is(silent, ErrClosed) {
		return err
	}
	why := *e
	why.Kind = ErrUnavailable
	why.Message = "the engine did not answer a ping at the end of the call"
	if e.Message != "" {
		why.Message += ": " + e.Message
	}
	return &why
}
