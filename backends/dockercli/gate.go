package dockercli

import (
	"context"
	"encoding/json"
	"sync/atomic"

	"github.com/docker/docker/api/types/versions"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
)

// places bounds the calls on an engine that can't bear any number of them; see
// [call.OldDockerCalls]. Which one it is takes a question of its own, so that is asked
// once, when as many calls are under way.
type places struct {
	gate    call.Gate
	asking  call.Gate // one asks, the others wait
	bounded atomic.Pointer[bool]
}

func newPlaces() places {
	return places{gate: make(call.Gate, call.OldDockerCalls), asking: make(call.Gate, 1)}
}

// admit waits for a place if there has to be one, which leave gives back.
func (r *run) admit() error {
	entered, err := r.rt.places.enter(r.call.Ctx, r.cl)
	if err != nil {
		return r.call.Err(false)
	}
	if entered {
		r.call.Place.Take(r.rt.places.gate, func(ctx context.Context) bool {
			bounded, err := r.rt.places.isBounded(ctx, r.cl)
			return bounded || err != nil
		})
	}
	return nil
}

// enter takes a place, for which it waits until ctx ends, unless there need be none.
func (p *places) enter(ctx context.Context, cl *client) (entered bool, err error) {
	if known := p.bounded.Load(); cl.podman || known != nil && !*known {
		return false, nil
	}
	select {
	case p.gate <- struct{}{}:
		return true, nil
	default:
	}
	bounded, err := p.isBounded(ctx, cl)
	if err != nil || !bounded {
		return false, err
	}
	err = p.gate.Enter(ctx)
	return err == nil, err
}

// isBounded asks the engine, unless that has been done; it fails when ctx ends. An
// engine that does not answer is left to the call itself to report.
func (p *places) isBounded(ctx context.Context, cl *client) (bool, error) {
	if err := p.asking.Enter(ctx); err != nil {
		return false, err
	}
	defer p.asking.Leave()
	if known := p.bounded.Load(); known != nil {
		return *known, nil
	}
	out, err := cl.output(ctx, versionLimit, cl.args("version", "--format={{json .}}")...)
	if err != nil {
		return false, nil
	}
	bounded := isOldDocker(out)
	p.bounded.Store(&bounded)
	return bounded, nil
}

// isOldDocker reads `docker version`. Podman answers it, too, with an old version of
// Docker's API.
func isOldDocker(out string) bool {
	var version versionRecord
	if json.Unmarshal([]byte(out), &version) != nil || version.engine() != "docker" {
		return false
	}
	api := version.Server.APIVersion
	return api != "" && versions.LessThan(api, call.OldDockerAPI)
}
