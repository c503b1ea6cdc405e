package warm

import (
	"context"
	"slices"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// lookAgain is how old what is known of an image may be when a container is started
// ahead. The container is made of just that image, whatever its name has come to mean.
const lookAgain = 10 * time.Second

// imageCache is what is known of a shelf's image.
type imageCache struct {
	looking chan struct{} // holds a value while one asks and the others wait
	img     runtime.Image
	at      time.Time // zero: nothing is known
}

// changedSince reports whether the name stands for another image now. Pool.mu is held.
func (c *imageCache) changedSince(img runtime.Image) bool {
	return !c.at.IsZero() && c.img.ID != img.ID
}

// look describes the shelf's image as it was at most maxAge ago. Containers of an
// image that it no longer is are given up.
func (s *shelf) look(ctx context.Context, maxAge time.Duration) (runtime.Image, error) {
	p := s.pool
	select {
	case s.image.looking <- struct{}{}:
		defer func() { <-s.image.looking }()
	case <-ctx.Done():
		return runtime.Image{}, runtime.ContextError(ctx, p.opts.RuntimeKey, false)
	}
	p.mu.Lock()
	img, at := s.image.img, s.image.at
	p.mu.Unlock()
	if !at.IsZero() && time.Since(at) < maxAge {
		return img, nil
	}
	began := time.Now()
	img, err := runtime.GetImage(ctx, p.rt, runtime.ImageRequest{Ref: s.spec.Image, Platform: s.spec.Platform, Pull: runtime.PullNever})
	if err != nil {
		return img, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.image.changedSince(img) {
		s.direct = false // another image, perhaps with a shell
	}
	s.image.img, s.image.at = img, began
	s.idle = slices.DeleteFunc(s.idle, func(u *unit) bool {
		old := u.image.ID != img.ID
		if old {
			s.giveUp(u)
		}
		return old
	})
	return img, nil
}
