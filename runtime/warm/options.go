package warm

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"
)

// Start says how far a warm container is when its call comes.
type Start string

// The ways to start.
const (
	// Gate starts nothing of the command before the call. The zero value is Gate.
	Gate Start = "gate"
	// Eager starts the command before the call, up to its first read of stdin. The
	// containers are for calls with the same command and environment only. In an image
	// without /bin/sh the command is started directly, and its exit is the engine's to
	// tell.
	Eager Start = "eager"
)

// ParseStart reads the name of a way to start; empty is [Gate].
func ParseStart(s string) (Start, error) {
	switch start := Start(s); start {
	case "":
		return Gate, nil
	case Gate, Eager:
		return start, nil
	}
	return "", fmt.Errorf("%q is no way to start a warm container: it takes gate or eager", s)
}

// Defaults of [Options].
const (
	DefaultSize    = 4
	DefaultIdleTTL = 5 * time.Minute
	DefaultMaxAge  = 10 * time.Minute
	DefaultRefill  = 2
)

// callTime is how much longer than its MaxAge the engine lets a warm container live at
// first. A pool that gets longer calls makes it more.
const callTime = time.Minute

// Options of a [Pool]. The zero value is the defaults. Zero or less means the default
// of a number.
type Options struct {
	Size    int           // containers that are kept ready for each Spec; default 4
	Start   Start         // default Gate
	IdleTTL time.Duration // without a call for that long, a Spec's containers go; default 5m
	MaxAge  time.Duration // a container that was not used by then is replaced; default 10m
	Refill  int           // containers that are started ahead at once; default 2

	// RuntimeKey is what errors of the pool's own, such as a timeout, have as
	// Error.Runtime.
	RuntimeKey string
	// Logger gets why calls start cold, once for each text. Nil: slog.Default().
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Size <= 0 {
		o.Size = DefaultSize
	}
	if o.IdleTTL <= 0 {
		o.IdleTTL = DefaultIdleTTL
	}
	if o.MaxAge <= 0 {
		o.MaxAge = DefaultMaxAge
	}
	if o.Refill <= 0 {
		o.Refill = DefaultRefill
	}
	o.Start = cmp.Or(o.Start, Gate)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	return o
}
