package runtime

import (
	"context"
	"io"
)

// Runtime launches disposable containers on one engine. All methods are safe for
// concurrent use.
type Runtime interface {
	// Run launches one fresh container for spec, feeds it stdio.Stdin and then
	// half-closes, copies its output, and returns how its process ended. A
	// non-zero exit is a Status and no error. Run never pulls: an image that the
	// engine does not have is [ErrImageMissing].
	//
	// When ctx ends, the container is killed, and the error wraps ctx.Err() and
	// context.Cause(ctx). A failing Write or Read of stdio kills it too, and the error
	// wraps what that returned: an input that breaks off is never passed off as one
	// that ended. No container outlives Run but for a removal that is still under way;
	// Close waits for those.
	//
	// An error whose [Error.Started] is false guarantees that the command saw none of
	// stdio.Stdin; it was not even read, unless the runtime's own docs say that it
	// has to hand its input over beforehand. After Run returned, stdio is not touched
	// any more, but for a Read of stdio.Stdin that was blocked when Run closed it.
	Run(ctx context.Context, spec Spec, stdio Stdio) (Status, error)

	// Info asks the engine what it is. An error says why it can't be used, and what
	// to do about that.
	Info(ctx context.Context) (Info, error)

	// Close waits for removals that are under way and gives up the connections.
	// Run fails with [ErrClosed] afterwards. A second Close does nothing.
	Close() error
}

// Stdio is what a container's process reads and writes. The zero value is empty
// input and discarded output.
type Stdio struct {
	// Stdin is closed by Run on every path, as http.Request.Body is, and Run
	// returns without waiting for a Read that is blocked. Nil means empty input.
	Stdin io.ReadCloser
	// Stdout and Stderr get the process's bytes, unaltered and apart from each
	// other, in order, each from one goroutine at a time. Nil discards.
	Stdout, Stderr io.Writer
}

// Status is how a container's process ended.
type Status struct {
	// Code is the exit status as the engine has it, 0 to 255. A process killed by
	// signal n has 128+n.
	Code int
	// OOMKilled says that the kernel killed the process for want of memory: the
	// engine recorded it and Code is 137. A child of the process that was killed
	// so, while the process went on, does not count.
	OOMKilled bool
}

// Signal is the number n of the signal that a Code of 128+n stands for, or 0. No
// engine tells a process that was killed by signal 9 from one that exits 137.
func (s Status) Signal() int {
	if s.Code > 128 && s.Code < 128+65 {
		return s.Code - 128
	}
	return 0
}
