package runtime

import (
	"cmp"
	"log/slog"
	"time"
)

// Defaults of [Options].
const (
	DefaultTimeout     = 10 * time.Second
	DefaultMaxOutput   = 16 << 20 // bytes
	DefaultPullTimeout = 10 * time.Minute
	// KeptStderr is how much of stderr a [Result] holds at most, in bytes: when there
	// is more, the middle is left out, with a line that says so.
	KeptStderr = 64 << 10
)

// Options bound a call. The zero value is the defaults.
type Options struct {
	// Timeout of the whole call, with a pull that it has to wait for. Zero or less:
	// DefaultTimeout. A context that ends earlier ends the call earlier.
	Timeout time.Duration
	// MaxOutput is how many bytes each of stdout and stderr may have. One more, and the
	// container is killed and the call fails with ErrOutputLimit. Zero or less:
	// DefaultMaxOutput.
	MaxOutput int64
	// PullTimeout bounds a pull, which goes on when the call that began it gives up.
	// Zero or less: DefaultPullTimeout.
	PullTimeout time.Duration
	// SkipMountCheck leaves out the look at mount sources on this host, which is for
	// engines that see another filesystem (always left out when [IsRemote]).
	SkipMountCheck bool
	// Isolation is how far a container is shut off, whatever its Spec leaves open.
	Isolation Isolation
	// Logger gets what a user must know and no error can tell, once for each text. Nil:
	// slog.Default(). At the level of debug it gets a line for each call.
	Logger *slog.Logger
	// Name says in logs and traces whose call it is, such as a sandbox's name. May be empty.
	Name string
	// Began is when the call began for whoever made it, if it had to wait before Launch, as
	// logs, traces and metrics are to show it. It moves no deadline. Zero: now.
	Began time.Time
}

func (o Options) withDefaults() Options {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxOutput <= 0 {
		o.MaxOutput = DefaultMaxOutput
	}
	if o.PullTimeout <= 0 {
		o.PullTimeout = DefaultPullTimeout
	}
	o.Logger = cmp.Or(o.Logger, slog.Default())
	return o
}

// Result is what a call gave.
type Result struct {
	Stdout []byte // all of it, byte-exact
	Stderr []byte // at most KeptStderr bytes
	Status Status // of a command that ended; else zero
}
