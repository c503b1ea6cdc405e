package warm

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
	"github.com/AltairaLabs/dockerrun/runtime/internal/gate"
)

const (
	// fewShelves for a command of their own may be kept full from their first call on.
	fewShelves = 4
	// mostShelves is how many Specs a pool has containers for. The one that was not used
	// for longest makes room for another.
	mostShelves = 16
)

// unsuitable says why calls with spec start cold, or nil.
func unsuitable(spec, resolved runtime.Spec) error {
	switch {
	case spec.Name != "":
		return errors.New("a container with a name of its own can't be started ahead")
	case spec.PidsLimit == 1:
		return errors.New("with a limit of one process there is no place for a gate")
	}
	return gate.CheckEnv(resolved.Env)
}

// restockAll gives every shelf what it lacks. mu is held.
func (p *Pool) restockAll() {
	for _, s := range p.shelves {
		s.restock()
	}
}

// key tells which calls can share containers.
type key [sha256.Size]byte

// shelf is the one for calls with spec.
func (p *Pool) shelf(spec runtime.Spec) *shelf {
	spec.Name, spec.Deadline, spec.Pull = "", time.Time{}, ""
	delete(spec.Labels, runtime.LabelDeadline) // Resolve has made the map
	delete(spec.Labels, runtime.LabelOwner)
	delete(spec.Labels, runtime.LabelName)
	if p.opts.Start != Eager {
		spec.Args, spec.Env = nil, nil
	}
	text, err := json.Marshal(spec)
	// A copy: what the caller's slices hold is the caller's again after the call.
	var own runtime.Spec
	if err != nil || json.Unmarshal(text, &own) != nil { // a Spec has nothing that JSON can't hold
		text, own = fmt.Append(nil, spec), spec
	}
	k := key(sha256.Sum256(text))
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.shelves[k]; s != nil {
		return s
	}
	s := &shelf{pool: p, key: k, spec: own, used: time.Now(), reserve: callTime,
		starting: map[*unit]struct{}{}, changed: make(chan struct{}), image: imageCache{looking: make(chan struct{}, 1)}}
	s.timer = time.AfterFunc(p.opts.IdleTTL, s.tick)
	return p.keep(s)
}

// keep puts s among the shelves again, should it have left them, and returns the one
// that is there in its place. mu is held.
func (p *Pool) keep(s *shelf) *shelf {
	if other := p.shelves[s.key]; other != nil {
		return other
	}
	p.makeRoom()
	p.shelves[s.key] = s
	return s
}

// makeRoom gives up the shelf that was not used for longest when there are too many.
func (p *Pool) makeRoom() {
	if len(p.shelves) < mostShelves {
		return
	}
	var oldest *shelf
	for _, s := range p.shelves {
		if len(s.starting) == 0 && len(s.waiters) == 0 && (oldest == nil || s.used.Before(oldest.used)) {
			oldest = s
		}
	}
	if oldest != nil {
		oldest.close()
		delete(p.shelves, oldest.key)
	}
}
