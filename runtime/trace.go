package runtime

import (
	"context"
)

// Trace has functions that Run calls as a container lives. Any of them may be nil.
// They are called from Run's goroutine or one of its own, Removed perhaps after Run
// returned; they must be quick and safe for concurrent use. What net/http/httptrace
// is to requests.
type Trace struct {
	Created func(id string)     // the engine has made the container; id or name
	Started func()              // its process runs, as far as the engine says
	Exited  func(Status)        // its process ended
	Removed func(err error)     // it is gone; err: it could not be removed
	Warning func(text string)   // the engine warned; one line
	Pulling func(ref string)    // a pull began (Launcher)
	Pulled  func(string, error) // a pull ended (Launcher)
	Warm    func(Warmth)        // a pool makes the call so; the last one holds
	// PullProgress says how far a pull has come, as often as the engine does.
	PullProgress func(PullProgress)
}

// PullProgress is what an engine says of one layer of an image that it pulls.
type PullProgress struct {
	Ref   string // of the image
	Layer string // the engine's short name for it; it may come up again later
	// Status is the engine's word for what it does, such as "Downloading".
	Status string
	// Current of Total bytes of that are done; 0 where the engine does not say.
	Current, Total int64
}

// Warmth is how a pool of warm containers makes a call.
type Warmth string

// The ways to make a call.
const (
	WarmHit  Warmth = "hit"  // on a container that was ready
	WarmMiss Warmth = "miss" // on one that it had to wait for
	WarmCold Warmth = "cold" // as without a pool
)

type traceKey struct{}

// WithTrace returns a context whose calls report to t, and to a Trace that ctx
// already had, which comes first.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	if old, ok := ctx.Value(traceKey{}).(*Trace); ok {
		t = joinTrace(old, t)
	}
	return context.WithValue(ctx, traceKey{}, t)
}

// ContextTrace returns the Trace of ctx with every function set, so that a Runtime
// can call them without a check.
func ContextTrace(ctx context.Context) *Trace {
	t, _ := ctx.Value(traceKey{}).(*Trace)
	return joinTrace(&Trace{}, t)
}

func joinTrace(a, b *Trace) *Trace {
	if b == nil {
		b = &Trace{}
	}
	return &Trace{
		Created: join1(a.Created, b.Created),
		Started: func() {
			if a.Started != nil {
				a.Started()
			}
			if b.Started != nil {
				b.Started()
			}
		},
		Exited:  join1(a.Exited, b.Exited),
		Removed: join1(a.Removed, b.Removed),
		Warning: join1(a.Warning, b.Warning),
		Pulling: join1(a.Pulling, b.Pulling),
		Pulled: func(ref string, err error) {
			if a.Pulled != nil {
				a.Pulled(ref, err)
			}
			if b.Pulled != nil {
				b.Pulled(ref, err)
			}
		},
		Warm:         join1(a.Warm, b.Warm),
		PullProgress: join1(a.PullProgress, b.PullProgress),
	}
}

func join1[T any](a, b func(T)) func(T) {
	return func(v T) {
		if a != nil {
			a(v)
		}
		if b != nil {
			b(v)
		}
	}
}
