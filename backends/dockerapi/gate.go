package dockerapi

import (
	"context"

	"github.com/docker/docker/api/types/versions"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
)

// admit agrees on an API version with the engine, and waits for a place on one that
// can't bear any number of calls; see [call.OldDockerCalls].
func (p *process) admit() error {
	if err := p.negotiate(p.call.Ctx); err != nil {
		return p.ended(err, "")
	}
	if !versions.LessThan(p.cli.ClientVersion(), call.OldDockerAPI) {
		return nil
	}
	if err := p.places.Enter(p.call.Ctx); err != nil {
		return p.call.Err(false)
	}
	p.call.Place.Take(p.places, nil)
	return nil
}

// leave gives the place back when Run returns, or else when the clean-up is done.
func (p *process) leave() {
	if !p.cleaning {
		p.call.Place.Leave()
	}
}

// cleanUp runs clean in the background, at most once for a process.
func (p *process) cleanUp(ctx context.Context, clean func(context.Context)) {
	p.cleaning = true
	p.removals.Go(ctx, removalLimit, func(ctx context.Context) {
		defer p.call.Place.Leave()
		p.call.Place.RegainToRemove(ctx)
		clean(ctx)
	})
}
