package factory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/warm"
)

// Warm says how many containers are kept started for calls to come, and how. Zero
// values of all but Size are the defaults.
type Warm struct {
	// Size is how many are kept ready for each configuration (with eager also: each
	// command and environment). 0: none, every call starts its own.
	Size int
	// Start is gate (default): nothing of the hook runs before its call; or eager: the
	// hook is started ahead, up to its first read of stdin.
	Start string
	// IdleTTL is how long without a call the containers are kept; default 5m.
	IdleTTL time.Duration
	// MaxAge is how old a container may get; default 10m.
	MaxAge time.Duration
	// Refill is how many are started ahead at once; default 2.
	Refill int
}

// warmFields are the keys of the long form of `warm`.
var warmFields = map[string]func(w *Warm, v reflect.Value) bool{
	"size":   func(w *Warm, v reflect.Value) bool { return readInt(&w.Size, v) },
	"refill": func(w *Warm, v reflect.Value) bool { return readInt(&w.Refill, v) && w.Refill > 0 },
	"start": func(w *Warm, v reflect.Value) bool {
		if v.Kind() != reflect.String {
			return false
		}
		_, err := warm.ParseStart(v.String())
		w.Start = v.String()
		return err == nil
	},
	"idle_ttl": func(w *Warm, v reflect.Value) bool { return readTime(&w.IdleTTL, v) },
	"max_age":  func(w *Warm, v reflect.Value) bool { return readTime(&w.MaxAge, v) },
}

func readInt(to *int, v reflect.Value) bool {
	s, ok := scalarText(v, false)
	if !ok {
		return false
	}
	n, err := strconv.Atoi(s)
	*to = n
	return err == nil && n >= 0
}

func readTime(to *time.Duration, v reflect.Value) bool {
	ok := true
	d, _ := readDuration(v, func(string, reflect.Value) { ok = false }).(time.Duration)
	*to = d
	return ok && d > 0
}

// readWarm takes a number or a map of warmFields, whose size may be left out.
func readWarm(v reflect.Value, fail failFunc) any {
	if v.Kind() != reflect.Map {
		var w Warm
		if !readInt(&w.Size, v) {
			fail("", v)
			return nil
		}
		return w
	}
	w := Warm{Size: warm.DefaultSize}
	readMap(v, fail, func(name string, value reflect.Value) bool {
		read := warmFields[name]
		return read != nil && read(&w, value)
	})
	return w
}

// warmOptions are those of the pool that c asks for, or nil.
func warmOptions(c *Config, faults *faults) *warm.Options {
	w := c.Warm
	if w.Size == 0 && w == (Warm{}) {
		return nil
	}
	start, err := warm.ParseStart(w.Start)
	if err != nil {
		faults.add("warm.start", err.Error())
	}
	for _, field := range []struct {
		name string
		n    int64
	}{{"size", int64(w.Size)}, {"refill", int64(w.Refill)}, {"idle_ttl", int64(w.IdleTTL)}, {"max_age", int64(w.MaxAge)}} {
		if field.n < 0 {
			faults.add("warm."+field.name, fmt.Sprintf("%d is negative", field.n))
		}
	}
	if w.Size == 0 {
		return nil
	}
	// With the defaults filled in, so that the same options share a pool however they
	// are spelled.
	return &warm.Options{
		Size: w.Size, Start: start, Logger: c.Logger, Refill: cmp.Or(w.Refill, warm.DefaultRefill),
		IdleTTL: cmp.Or(w.IdleTTL, warm.DefaultIdleTTL), MaxAge: cmp.Or(w.MaxAge, warm.DefaultMaxAge),
	}
}

// warmKey tells which sandboxes of one client share a pool. The first one's Logger is
// the pool's.
type warmKey struct {
	size, refill    int
	start           warm.Start
	idleTTL, maxAge time.Duration
}

func newWarmKey(o *warm.Options) warmKey {
	return warmKey{o.Size, o.Refill, o.Start, o.IdleTTL, o.MaxAge}
}

// warmed returns the client of a pool on base, which it makes if there is none, and
// which then has base's place: the caller's claim on base becomes one on it.
func (cs *clients) warmed(base *client, opts warm.Options) *client {
	key := newWarmKey(&opts)
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c, ok := base.pools[key]
	if !ok {
		opts.RuntimeKey = base.key.runtime
		pool := warm.New(base.launcher.Runtime(), opts)
		c = &client{key: base.key, launcher: base.launcher.Over(pool), base: base, warm: key}
		if base.pools == nil {
			base.pools = map[warmKey]*client{}
		}
		base.pools[key] = c
	} else {
		base.claims-- // c has one of its own
	}
	c.claims++
	return c
}

// Prepare gets ready for calls: it makes the image present, as `pull` says, and with
// `warm` starts containers and returns when as many as configured are up. Nobody needs
// it, as the first call does the same in the background. With `start: eager` the
// requests say for which commands, arguments and environments; what else they hold is not
// looked at. It fails when calls would fail, or would not be warm.
func (s *Sandbox) Prepare(ctx context.Context, reqs ...sandbox.Request) error {
	return s.named(s.prepare(ctx, reqs))
}

func (s *Sandbox) prepare(ctx context.Context, reqs []sandbox.Request) error {
	switch {
	case s.err != nil:
		return s.err
	case s.plan == nil:
		return errNotMade
	case len(reqs) == 0:
		if w := s.engine.warm; w != nil && w.Start == warm.Eager {
			return errors.New("with start: eager, Prepare needs the requests to prepare for")
		}
		reqs = []sandbox.Request{{Command: "command"}} // whichever: a gate's containers are for all
	}
	for _, req := range reqs {
		spec, err := s.plan.call(req.Command, req.Args, req.Env)
		if err == nil {
			err = s.engine.prepare(ctx, spec, s.plan.options)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prepare gets the client ready, or the first that answers.
func (e *engine) prepare(ctx context.Context, spec runtime.Spec, opts runtime.Options) error {
	held, broken, done := e.use()
	defer done()
	c, err := e.pick(ctx, held, broken)
	if err != nil {
		return err
	}
	return c.launcher.Prepare(ctx, spec, opts)
}
