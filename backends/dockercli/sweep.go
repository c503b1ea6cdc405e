package dockercli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// Launched implements [runtime.Sweeper].
func (r *Runtime) Launched(ctx context.Context) ([]runtime.Container, error) {
	if err := r.removals.Enter(Key); err != nil {
		return nil, err
	}
	defer r.removals.Done()
	cl, err := r.find(ctx)
	if err != nil {
		return nil, err
	}
	out, err := cl.output(ctx, 0, cl.launchedArgs()...)
	if err != nil {
		return nil, engineError(ctx, err, runtime.ErrEngine)
	}
	parse := parseDockerList
	if cl.podman {
		parse = parsePodmanList
	}
	all, err := parse(out)
	if err != nil {
		return nil, &runtime.Error{Kind: runtime.ErrEngine, Runtime: Key, Message: "reading what " + cl.path + " ps says", Err: err}
	}
	return all, nil
}

// launchedArgs lists what carries our label. Docker's own JSON has all labels in one text
// that can't be taken apart again, so each field is asked for.
func (cl *client) launchedArgs() []string {
	format := "--format=json"
	if !cl.podman {
		var fields []string
		for _, f := range []string{".ID", ".Names", ".Image", ".State", ".CreatedAt",
			label(runtime.LabelOwner), label(runtime.LabelName), label(runtime.LabelDeadline)} {
			fields = append(fields, "{{json "+f+"}}")
		}
		format = "--format=[" + strings.Join(fields, ",") + "]"
	}
	return cl.args("ps", "--all", "--no-trunc", "--filter=label="+runtime.LabelOwner, format)
}

func label(name string) string { return fmt.Sprintf("(.Label %q)", name) }

// createdLayout is how docker writes a time, in this machine's zone.
const createdLayout = "2006-01-02 15:04:05 -0700 MST"

func parseDockerList(out string) ([]runtime.Container, error) {
	var all []runtime.Container
	for line := range strings.Lines(out) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		var f [8]string
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			return nil, err
		}
		c := runtime.NewContainer(map[string]string{runtime.LabelOwner: f[5], runtime.LabelName: f[6], runtime.LabelDeadline: f[7]})
		c.ID, c.Name, c.Image, c.State = f[0], runtime.ContainerName(f[1]), f[2], strings.ToLower(f[3])
		c.Created, _ = time.Parse(createdLayout, f[4]) // for people only
		all = append(all, c)
	}
	return all, nil
}

func parsePodmanList(out string) ([]runtime.Container, error) {
	var list []struct {
		ID      string `json:"Id"`
		Names   []string
		Image   string
		State   string
		Created int64
		Labels  map[string]string
	}
	if strings.TrimSpace(out) == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return nil, err
	}
	all := make([]runtime.Container, 0, len(list))
	for _, l := range list {
		c := runtime.NewContainer(l.Labels)
		c.ID, c.Name, c.Image, c.State = l.ID, runtime.ContainerName(l.Names...), l.Image, strings.ToLower(l.State)
		c.Created = time.Unix(l.Created, 0)
		all = append(all, c)
	}
	return all, nil
}

// Discard implements [runtime.Sweeper]. It has a call's place on an engine that can't bear
// any number of them; see [call.OldDockerCalls].
func (r *Runtime) Discard(ctx context.Context, id string) error {
	if err := r.removals.Enter(Key); err != nil {
		return err
	}
	defer r.removals.Done()
	ctx, cancel := context.WithTimeout(ctx, removeLimit)
	defer cancel()
	cl, err := r.find(ctx)
	if err != nil {
		return err
	}
	entered, err := r.places.enter(ctx, cl)
	if err != nil {
		return discardError(id, err)
	}
	if entered {
		defer r.places.gate.Leave()
	}
	var refusal error
	err = call.Retry(ctx, 50*time.Millisecond, time.Second, func(ctx context.Context) error {
		_, err := cl.remove(ctx, id)
		if ctx.Err() == nil {
			refusal = err // says more than that the last try was cut short
		}
		return err
	}, isUnavailable)
	if err != nil {
		return discardError(id, cmp.Or(refusal, err))
	}
	return nil
}

func discardError(id string, err error) error {
	kind := runtime.ErrEngine
	if isUnavailable(err) {
		kind = runtime.ErrUnavailable
	}
	return &runtime.Error{Kind: kind, Runtime: Key, Started: true, Message: "container " + id + " could not be removed", Err: err}
}

// isUnavailable reports that a command line failed for want of an engine.
func isUnavailable(err error) bool {
	failed, ok := errors.AsType[*commandError](err)
	return ok && classify(failed.text).kind == runtime.ErrUnavailable
}
