package dockercli

import (
	"encoding/json"

	"github.com/docker/docker/api/types/versions"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
)

// places bounds the calls on an engine that can't bear any number of them; see
// [call.OldDockerCalls]. Which one it is takes a question of its own, so that is asked
// once, when as many calls are under way.
type places struct {
	gate    call.Gate
	asking  call.Gate // one asks, the others wait
	known   bool
	bounded bool
}

func newPlaces() places {
	return places{gate: make(call.Gate, call.OldDockerCalls), asking: make(call.Gate, 1)}
}

// admit waits for a place if there has to be one, which leave gives back.
func (r *run) admit() error {
	if r.cl.podman {
		return nil
	}
	p := &r.rt.places
	select {
	case p.gate <- struct{}{}:
		r.call.Place.Take(p.gate)
		return nil
	default:
	}
	if err := p.asking.Enter(r.call.Ctx); err != nil {
		return r.call.Err(false)
	}
	if !p.known {
		// An engine that does not answer is left to the call itself to report.
		out, err := r.cl.output(r.call.Ctx, versionLimit, r.cl.args("version", "--format={{json .}}")...)
		if err == nil {
			p.known, p.bounded = true, isOldDocker(out)
		}
	}
	bounded := p.bounded
	p.asking.Leave()
	if !bounded {
		return nil
	}
	if err := p.gate.Enter(r.call.Ctx); err != nil {
		return r.call.Err(false)
	}
	r.call.Place.Take(p.gate)
	return nil
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
