package dockerapi

import (
	"context"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

const (
	oomLimit = time.Second           // for the whole question
	oomLate  = 50 * time.Millisecond // for an oom event that comes after the exit
)

// oomKilled asks the engine whether the kernel killed something in the container for
// want of memory. It is asked only of a command that ended with 137. The record is
// often gone by then, as the engine removes the container at once, but the engine's
// history of events still has it: the last 256 of all containers.
func (p *process) oomKilled(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, oomLimit)
	defer cancel()
	if info, err := p.cli.ContainerInspect(ctx, p.id); err == nil && info.State != nil && info.State.OOMKilled {
		return true
	}
	messages, errs := p.cli.Events(ctx, events.ListOptions{
		Since: "1", // all that it remembers, by the engine's own clock
		Filters: filters.NewArgs(
			filters.Arg("container", p.id),
			filters.Arg("event", string(events.ActionOOM)),
			filters.Arg("event", string(events.ActionDie)),
		),
	})
	var late <-chan time.Time
	for {
		select {
		case m := <-messages:
			if m.Action == events.ActionOOM {
				return true
			}
			if late == nil {
				t := time.NewTimer(oomLate)
				defer t.Stop()
				late = t.C
			}
		case <-late:
			return false
		case <-errs: // ctx ended, or the engine did
			return false
		}
	}
}
