package runtime

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// imageAge is how old what is known of an image may be. A container whose image was
	// given another user meanwhile still runs as the one that was looked up.
	imageAge = 10 * time.Second
	// infoAge is how old what is known of the engine may be, as long as it answers.
	infoAge = time.Hour
	// mostImages bounds what is kept.
	mostImages = 1000
)

// Isolate gives spec as the Launcher would run it under opts.Isolation, and what strict
// isolation made of it. It looks at mounts, asks the engine what it is and, as
// spec.Pull says, makes the image present.
func (l *Launcher) Isolate(ctx context.Context, spec Spec, opts Options) (Spec, []Setting, error) {
	settings, err := l.prepare(ctx, &spec, opts.withDefaults())
	return spec, settings, err
}

// check says what can be said against spec without an engine.
func (i Isolation) check(spec Spec) error {
	if err := i.checkAllow(); err != nil {
		return err
	}
	_, _, err := i.Apply(spec, Surroundings{})
	return err
}

// isolate makes spec strict.
func (l *Launcher) isolate(ctx context.Context, spec *Spec, opts Options) ([]Setting, error) {
	around, err := l.surroundings(ctx, *spec, opts)
	if err != nil {
		return nil, err
	}
	strict, settings, err := opts.Isolation.Apply(*spec, around)
	if err != nil {
		return nil, err
	}
	if err := opts.Isolation.checkEnvFiles(strict.EnvFiles); err != nil {
		return nil, err
	}
	if !opts.SkipMountCheck && !IsRemote(l.rt) {
		if strict.Mounts, err = opts.Isolation.CheckStrictMounts(strict.Mounts, around.Info.Endpoint); err != nil {
			return nil, err
		}
		if err = opts.Isolation.checkTargets(strict, around.Image); err != nil {
			return nil, err
		}
	}
	*spec = strict
	return settings, nil
}

// surroundings asks for what strict isolation depends on, where that is not known.
func (l *Launcher) surroundings(ctx context.Context, spec Spec, opts Options) (Surroundings, error) {
	info, err := l.known.info.get(ctx, infoAge, l.rt.Info)
	if err != nil {
		return Surroundings{}, err
	}
	around := Surroundings{Info: &info}
	req := ImageRequest{Ref: spec.Image, Platform: spec.Platform, Pull: PullNever}
	age := imageAge
	if spec.Pull == PullAlways {
		age = 0
	}
	img, err := l.known.image(req).get(ctx, age, func(ctx context.Context) (Image, error) {
		img, err := GetImage(ctx, l.rt, req)
		if !errors.Is(err, ErrImageMissing) || spec.Pull == PullNever {
			return img, err
		}
		if err := l.pull(ctx, spec, opts); err != nil {
			return img, err
		}
		return GetImage(ctx, l.rt, req)
	})
	switch {
	case err == nil:
		around.Image = &img
	case !errors.Is(err, ErrUnsupported): // a runtime without images: its users are unknown
		return Surroundings{}, err
	}
	return around, nil
}

// known is what an engine has said of itself and of images.
type known struct {
	info   *answer[Info]
	mu     sync.Mutex
	images map[ImageRequest]*answer[Image]
}

func newKnown() *known {
	return &known{info: newAnswer[Info](), images: map[ImageRequest]*answer[Image]{}}
}

func (k *known) image(req ImageRequest) *answer[Image] {
	k.mu.Lock()
	defer k.mu.Unlock()
	a, ok := k.images[req]
	if !ok {
		if len(k.images) >= mostImages {
			clear(k.images)
		}
		a = newAnswer[Image]()
		k.images[req] = a
	}
	return a
}

// heed forgets what a call's failure puts in doubt: an engine that comes back may be
// another one.
func (k *known) heed(err error) {
	if errors.Is(err, ErrUnavailable) {
		k.info.forget()
	}
}

// answer is one that is good for a while. One asks, the others wait.
type answer[T any] struct {
	asking chan struct{} // holds a value while one asks

	mu    sync.Mutex
	value T
	at    time.Time // zero: there is none
}

func newAnswer[T any]() *answer[T] { return &answer[T]{asking: make(chan struct{}, 1)} }

// get gives the answer, which was asked for at most maxAge ago.
func (a *answer[T]) get(ctx context.Context, maxAge time.Duration, ask func(context.Context) (T, error)) (T, error) {
	if value, ok := a.fresh(maxAge); ok {
		return value, nil
	}
	select {
	case a.asking <- struct{}{}:
		defer func() { <-a.asking }()
	case <-ctx.Done():
		var none T
		return none, ContextError(ctx, "", false)
	}
	if value, ok := a.fresh(maxAge); ok {
		return value, nil
	}
	began := time.Now()
	value, err := ask(ctx)
	if err != nil {
		return value, err
	}
	a.mu.Lock()
	a.value, a.at = value, began
	a.mu.Unlock()
	return value, nil
}

func (a *answer[T]) fresh(maxAge time.Duration) (T, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.value, !a.at.IsZero() && time.Since(a.at) < maxAge
}

func (a *answer[T]) forget() {
	a.mu.Lock()
	a.at = time.Time{}
	a.mu.Unlock()
}
