package runtime

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestSweepClock(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var c sweepClock
	// at is what the clock says, from begin, that much later by each of the two clocks.
	at := func(wall, elapsed time.Duration) time.Duration { return c.now(begin.Add(wall), elapsed).Sub(begin) }

	assert.Equal(t, time.Second, at(time.Second, time.Second))
	assert.Equal(t, time.Minute+time.Second, at(time.Minute+time.Second, time.Minute), "it takes time to read clocks")
	assert.Equal(t, 2*time.Minute+time.Second, at(2*time.Minute+time.Second, 2*time.Minute))

	const night = 8 * time.Hour
	after := 3 * time.Minute
	assert.Equal(t, after+time.Second, at(night+after+time.Second, after), "a suspend")
	after += jumpMemory / 2
	assert.Equal(t, after+time.Second, at(night+after+time.Second, after), "what began before goes on")
	after += jumpMemory
	assert.Equal(t, night+after, at(night+after, after), "nothing is left that began before")
	after += time.Minute
	assert.Equal(t, night+after, at(night+after, after))

	assert.Equal(t, after, at(after, after), "set back: deadlines are later than they were meant, and no harm")
	assert.Equal(t, after+time.Minute, at(after+time.Minute, after+time.Minute))
}

// Two jumps add up, the later one is remembered no longer than the first.
func TestSweepClockTwoJumps(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var c sweepClock
	c.now(begin, 0)
	assert.Equal(t, begin.Add(time.Minute), c.now(begin.Add(time.Minute+time.Hour), time.Minute))
	assert.Equal(t, begin.Add(2*time.Minute), c.now(begin.Add(2*time.Minute+3*time.Hour), 2*time.Minute))
}
