package podman

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/AltairaLabs/dockerrun/backends/internal/call"
	"github.com/AltairaLabs/dockerrun/runtime"
)

const (
	removePause     = 20 * time.Millisecond // before the first retry; then twice as long
	removePauseMost = time.Second
	// Looks at a container that the engine is to remove.
	leavePause     = 150 * time.Millisecond
	leavePauseMost = 1200 * time.Millisecond // the last; two seconds in all
	// missingPause is between the two looks after a create that nothing is known of.
	missingPause = 2 * time.Second
)

// remove kills the container and removes it with its anonymous volumes. Podman can
// refuse while a container is ending ("container state improper"), so it goes on
// trying.
func (c *conn) remove(ctx context.Context, id string) error {
	return call.Retry(ctx, removePause, removePauseMost, func(ctx context.Context) error {
		return c.removeOnce(ctx, id)
	}, isGone)
}

// isLeft waits for the engine to remove a container that has ended, and reports
// whether it did. That is less work for the service than a removal beside its own.
func (c *conn) isLeft(ctx context.Context, id string) bool {
	for pause := leavePause; pause <= leavePauseMost; pause *= 2 {
		if sleep(ctx, pause) != nil {
			return false
		}
		if err := c.call(ctx, http.MethodGet, containerPath(id, "/exists"), nil, nil, nil); isGone(err) {
			return true
		}
	}
	return false
}

// removeOnce succeeds too when the container is gone.
func (c *conn) removeOnce(ctx context.Context, id string) error {
	err := c.delete(ctx, id)
	if isGone(err) {
		return nil
	}
	return err
}

func (c *conn) delete(ctx context.Context, id string) error {
	query := url.Values{"force": {"true"}, "timeout": {"0"}, "volumes": {"true"}}
	var reports []struct{ Err any }
	err := c.call(ctx, http.MethodDelete, containerPath(id, ""), query, nil, &reports)
	if err != nil {
		return err
	}
	for _, report := range reports {
		if report.Err != nil {
			return fmt.Errorf("removing the container: %v", report.Err)
		}
	}
	return nil
}

// removeUnknown removes the container of a create that was sent and not answered, as
// when the service died meanwhile: what is missing now may yet come.
func (c *conn) removeUnknown(ctx context.Context, spec runtime.Spec) error {
	missing := 0
	again := errors.New("not missing long enough")
	return call.Retry(ctx, missingPause, missingPause, func(ctx context.Context) error {
		switch ref, err := c.unknown(ctx, spec); {
		case err != nil:
			return errors.Join(err, again)
		case ref != "":
			if err := c.delete(ctx, ref); !isGone(err) {
				return errors.Join(err, again)
			}
		}
		if missing++; missing < 2 {
			return again
		}
		return nil
	}, func(error) bool { return false })
}

// unknown finds what a create left by its name, which is nobody else's; one that the caller
// chose can be, so then the call's label tells. Empty: there is none.
func (c *conn) unknown(ctx context.Context, spec runtime.Spec) (string, error) {
	label, named := spec.Labels[runtime.LabelCall]
	if !named {
		return spec.Name, nil
	}
	list, err := c.list(ctx, runtime.LabelCall+"="+label)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0].ID, nil
}
