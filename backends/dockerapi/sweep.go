package dockerapi

import (
	"context"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/versions"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// Launched implements [runtime.Sweeper].
func (r *Runtime) Launched(ctx context.Context) ([]runtime.Container, error) {
	if err := r.removals.Enter(Key); err != nil {
		return nil, err
	}
	defer r.removals.Done()
	list, err := r.list(ctx, runtime.LabelOwner)
	if err != nil {
		if ended := runtime.ContextError(ctx, Key, false); ended != nil {
			return nil, ended
		}
		return nil, r.failure(err, false, "")
	}
	all := make([]runtime.Container, 0, len(list))
	for _, s := range list {
		c := runtime.NewContainer(s.Labels)
		c.ID, c.Name, c.Image = s.ID, runtime.ContainerName(s.Names...), s.Image
		c.State, c.Created = s.State, time.Unix(s.Created, 0)
		all = append(all, c)
	}
	return all, nil
}

// list gives the containers with a label, in whatever state.
func (r *Runtime) list(ctx context.Context, label string) ([]container.Summary, error) {
	if err := r.negotiate(ctx); err != nil {
		return nil, err
	}
	return r.cli.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", label))})
}

// Discard implements [runtime.Sweeper]. It has the place of a call on an engine that
// can't bear any number of them; see [call.OldDockerCalls].
func (r *Runtime) Discard(ctx context.Context, id string) error {
	if err := r.removals.Enter(Key); err != nil {
		return err
	}
	defer r.removals.Done()
	ctx, cancel := context.WithTimeout(ctx, removalLimit)
	defer cancel()
	err := r.negotiate(ctx)
	if err == nil && versions.LessThan(r.cli.ClientVersion(), call.OldDockerAPI) {
		if err = r.places.Enter(ctx); err == nil {
			defer r.places.Leave()
		}
	}
	if err != nil {
		return r.failure(err, true, "")
	}
	return r.forceRemove(ctx, id)
}
