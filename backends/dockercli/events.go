package dockercli

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// history is what the engine's event log knows of one container.
type history struct {
	created, started, ended, removed, oom bool
	code                                  int // exit status; only when ended
}

// event has the fields of both docker's and podman's.
type event struct {
	Action string // docker
	Status string // podman; also docker before 28
	Actor  struct {
		Attributes map[string]string
	}
	ContainerExitCode *int // podman
}

// history asks the engine what became of a container that may be gone already. An
// engine that can't be asked, or forgot, knows nothing.
func (cl *client) history(ctx context.Context, name string, began time.Time) history {
	// An hour for clocks that differ; only Podman reads it.
	out, err := cl.output(ctx, askLimit, cl.eventsArgs(name, began.Add(-time.Hour).Unix())...)
	if err != nil {
		return history{}
	}
	return parseHistory(out)
}

func parseHistory(out string) history {
	var h history
	for line := range strings.Lines(out) {
		var e event
		if json.Unmarshal([]byte(line), &e) != nil {
			continue
		}
		action := e.Action
		if action == "" {
			action = e.Status
		}
		switch action {
		case "create":
			h = history{created: true} // an earlier one had the same name
		case "start":
			h.started = true
		case "oom":
			h.oom = true
		case "die", "died":
			if code, ok := e.exitCode(); ok {
				h.ended, h.code = true, code
			}
		case "destroy", "remove":
			h.removed = true
		}
	}
	return h
}

func (e event) exitCode() (int, bool) {
	if e.ContainerExitCode != nil {
		return *e.ContainerExitCode, true
	}
	for _, key := range []string{"exitCode", "containerExitCode"} {
		if code, err := strconv.Atoi(e.Actor.Attributes[key]); err == nil {
			return code, true
		}
	}
	return 0, false
}
