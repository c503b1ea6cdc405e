package podman

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

const (
	doingList    = "listing the containers"
	doingDiscard = "removing a container that was left"
)

// listed is the part of GET /containers/json that we read.
type listed struct {
	ID      string `json:"Id"`
	Names   []string
	Image   string
	State   string
	Created time.Time
	Labels  map[string]string
}

// Launched implements [runtime.Sweeper].
func (r *Runtime) Launched(ctx context.Context) ([]runtime.Container, error) {
	if err := r.removals.Enter(Key); err != nil {
		return nil, err
	}
	defer r.removals.Done()
	c, err := r.connect(ctx)
	if err != nil {
		return nil, err
	}
	list, err := c.list(ctx, runtime.LabelOwner)
	if err != nil {
		return nil, r.failure(ctx, c, err, doingList, false)
	}
	all := make([]runtime.Container, 0, len(list))
	for _, l := range list {
		found := runtime.NewContainer(l.Labels)
		found.ID, found.Name, found.Image = l.ID, runtime.ContainerName(l.Names...), l.Image
		found.State, found.Created = strings.ToLower(l.State), l.Created
		all = append(all, found)
	}
	return all, nil
}

// list gives the containers with a label, in whatever state.
func (c *conn) list(ctx context.Context, label string) ([]listed, error) {
	filters, err := json.Marshal(map[string][]string{"label": {label}})
	if err != nil {
		return nil, err
	}
	var list []listed
	query := url.Values{"all": {"true"}, "filters": {string(filters)}}
	err = c.call(ctx, http.MethodGet, "/containers/json", query, nil, &list)
	return list, err
}

// Discard implements [runtime.Sweeper].
func (r *Runtime) Discard(ctx context.Context, id string) error {
	if err := r.removals.Enter(Key); err != nil {
		return err
	}
	defer r.removals.Done()
	ctx, cancel := context.WithTimeout(ctx, removeLimit)
	defer cancel()
	c, err := r.connect(ctx)
	if err != nil {
		return err
	}
	if err := c.remove(ctx, id); err != nil {
		return r.failure(ctx, c, err, doingDiscard, true)
	}
	return nil
}
