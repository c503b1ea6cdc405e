package runtime

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/AltairaLabs/dockerrun/runtime/internal/telemetry"
)

// alive counts the container of one Run, from the beginning of Run until it is removed:
// not every runtime tells when it is made. Guarded by observed.mu; nil counts nothing.
type alive struct {
	count func(int64) // nil: it counts no more
	made  bool
}

// newAlive counts one more, if there is a meter. One that is set later must not hear of
// the end of what it heard no beginning of.
func newAlive(o *observed) *alive {
	if !o.tel.Containers.Enabled(o.ctx) {
		return nil
	}
	with := metric.WithAttributeSet(attribute.NewSet(o.key, telemetry.KeyState.String(telemetry.StateUsed)))
	ctx := context.WithoutCancel(o.ctx)
	a := &alive{count: func(n int64) { o.tel.Containers.Add(ctx, n, with) }}
	a.count(1)
	return a
}

// exists says that the runtime will tell of the removal.
func (a *alive) exists() {
	if a != nil {
		a.made = true
	}
}

func (a *alive) gone() {
	if a != nil && a.count != nil {
		a.count(-1)
		a.count = nil
	}
}

// returned is the end of Run, which is that of a container that was not made.
func (a *alive) returned() {
	if a != nil && !a.made {
		a.gone()
	}
}
