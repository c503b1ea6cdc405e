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
	p := &r.rt.places
	if known := p.bounded.Load(); r.cl.podman || known != nil && !*known {
		return nil
	}
	select {
	case p.gate <- struct{}{}:
	default:
		bounded, err := r.isBounded(r.call.Ctx)
		if err == nil && !bounded {
			return nil
		}
		if err == nil {
			err = p.gate.Enter(r.call.Ctx)
		}
		if err != nil {
			return r.call.Err(false)
		}
	}
	r.call.Place.Take(p.gate, func(ctx context.Context) bool {
		bounded, err := r.isBounded(ctx)
		return bounded || err != nil
	})
	return nil
}

// isBounded asks the engine, unless that has been done; it fails when ctx ends. An
// engine that does not answer is left to the call itself to report.
func (r *run) isBounded(ctx context.Context) (bool, error) {
	p := &r.rt.places
	if err := p.asking.Enter(ctx); err != nil {
		return false, err
	}
	defer p.asking.Leave()
	if known := p.bounded.Load(); known != nil {
		return *known, nil
	}
	out, err := r.cl.output(ctx, versionLimit, r.cl.args("version", "--format={{json .}}")...)
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
