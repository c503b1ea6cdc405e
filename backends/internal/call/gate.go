package call

import "context"

// OldDockerCalls is how many calls at once a Docker engine before version 23 gets from
// a Runtime, and OldDockerAPI the first API version that is not one of those.
//
// Such an engine (Debian 12 has one) can deadlock for good when two containers end at
// the same moment: libnetwork takes two locks in one order when an endpoint leaves, and
// in the other when one is deleted (moby#42545, moby#46661). The chance grows with the
// square of what is under way: with 64 calls at once it took 600 calls on two cores.
// Such an engine does not run more than this many faster, either.
const (
	OldDockerCalls = 4
	OldDockerAPI   = "1.42"
)

// Gate lets a bounded number of calls in; nil lets in any number.
type Gate chan struct{}

// Enter waits for a place, which Leave gives back, until ctx ends.
func (g Gate) Enter(ctx context.Context) error {
	if g == nil {
		return nil
	}
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Leave gives a place back.
func (g Gate) Leave() {
	if g != nil {
		<-g
	}
}
