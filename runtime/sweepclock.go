package runtime

import "time"

const (
	// jumpLeast is less than a suspend or a clock that is set, and more than what it takes
	// to read two clocks.
	jumpLeast = 2 * time.Second
	// jumpMemory is how long a jump is taken into account: longer than calls and warm
	// containers go on that began before it.
	jumpMemory = time.Hour
)

// sweepClock gives the time by which deadlines are judged. They are of the host's clock,
// while calls end by one that stands still while the machine is suspended and that nobody
// sets: after a jump, a call may have a deadline that was over for long, and still go on.
type sweepClock struct {
	wall    time.Time     // at the last look without a jump; zero: there was none yet
	elapsed time.Duration // the same of the other clock
	jumped  time.Duration // what elapsed was when the jump was seen; 0: none was
}

// now is the time, less what the host's clock has jumped ahead in the last hour.
func (c *sweepClock) now(wall time.Time, elapsed time.Duration) time.Time {
	wall = wall.Round(0)
	jump := wall.Sub(c.wall) - (elapsed - c.elapsed)
	switch {
	case c.wall.IsZero() || jump < jumpLeast || c.jumped > 0 && elapsed-c.jumped > jumpMemory:
		*c = sweepClock{wall: wall, elapsed: elapsed}
		return wall
	case c.jumped == 0:
		c.jumped = elapsed
	}
	return wall.Add(-jump)
}
