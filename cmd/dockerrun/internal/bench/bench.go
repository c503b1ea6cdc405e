// Package bench measures ways to make the same call against each other.
package bench

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"
)

// Starts of a [Way].
const (
	Engine = "engine" // the engine's own command line, which the others are compared with
	Cold   = "cold"
	Gate   = "gate"
	Eager  = "eager"
)

// Way is one way to make the call.
type Way struct {
	Name    string // unique
	Runtime string // key; empty for Engine
	Start   string
	Against string // name of the Engine way that it is compared with; may be empty
	// Call makes one call.
	Call func(context.Context) error
	// Ready returns when the next call finds all that is kept for it, and the engine at
	// rest. Nil: it always does.
	Ready func(context.Context) error

	Took []time.Duration // of the calls that were counted
	Err  error           // why it is not measured, or no more
}

// Measure makes a call in each way a round, in an order of chance, so that whatever else
// the machine does meets all of them alike. The first call of each is not counted: what is
// done once is done by it. A way that fails is left out from then on, with its error.
// told is called before each counted round.
func Measure(ctx context.Context, ways []*Way, rounds int, told func(round int)) error {
	for _, w := range ways {
		if w.Err == nil {
			_, w.Err = w.once(ctx)
		}
	}
	for round := range rounds {
		told(round)
		for _, i := range rand.Perm(len(ways)) {
			w := ways[i]
			if w.Err != nil {
				continue
			}
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			took, err := w.once(ctx)
			if w.Err = err; err == nil {
				w.Took = append(w.Took, took)
			}
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// once makes one call, with the engine at rest before and after it.
func (w *Way) once(ctx context.Context) (time.Duration, error) {
	if err := w.ready(ctx); err != nil {
		return 0, err
	}
	began := time.Now()
	err := w.Call(ctx)
	took := time.Since(began)
	return took, errors.Join(err, w.ready(ctx))
}

func (w *Way) ready(ctx context.Context) error {
	if w.Ready == nil {
		return nil
	}
	return w.Ready(ctx)
}

// Measured reports whether there are figures.
func (w *Way) Measured() bool { return len(w.Took) > 0 }

// Quantile is that of the calls, from 0 to 1; zero without any.
func (w *Way) Quantile(q float64) time.Duration {
	if len(w.Took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(w.Took))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}
