package dockercli

import (
	"strings"

	"github.com/docker/docker/api/types/versions"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
)

// places bounds the calls on an engine that can't bear any number of them; see
// [call.OldDockerCalls]. Which one it is takes a question of its own, asked before the
// first call and then never again.
type places struct {
	asking call.Gate // one asks, the others wait
	gate   call.Gate // nil: any number
	known  bool
}

// admit waits for a place, which r.gate.Leave gives back.
func (r *run) admit() error {
	p := &r.rt.places
	if r.cl.podman {
		return nil
	}
	if err := p.asking.Enter(r.call.Ctx); err != nil {
		return r.call.Err(false)
	}
	if !p.known {
		// An engine that does not answer is left to the call itself to report.
		out, err := r.cl.output(r.call.Ctx, versionLimit, r.cl.args("version", "--format={{.Server.APIVersion}}")...)
		if api := strings.TrimSpace(out); err == nil && api != "" {
			p.known = true
			if versions.LessThan(api, call.OldDockerAPI) {
				p.gate = make(call.Gate, call.OldDockerCalls)
			}
		}
	}
	gate := p.gate
	p.asking.Leave()
	if err := gate.Enter(r.call.Ctx); err != nil {
		return r.call.Err(false)
	}
	r.gate = gate
	return nil
}
