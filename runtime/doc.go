// Package runtime is the contract of dockerrun and all that its container
// engines share: one command, in one fresh, disposable container, per call.
//
// A [Runtime] runs a [Spec] on one engine. It is to containers what
// http.RoundTripper is to requests: one call owns the whole life of what it
// makes. [Launcher] wraps any Runtime with what every caller needs: a deadline,
// bounded output, pulls that are shared, and a typed failure.
//
// The engines live in the packages below backends; this package imports none of
// them. A Spec says the same container to each of them; [SetFlags] fills one from
// the flags of `docker run`, and [ParseMount] reads its -v.
//
// # Errors
//
// A non-zero exit is data to a Runtime ([Status]) and an [ExitError] to a
// Launcher. Everything else that can go wrong is an [*Error] whose kind is one of
// the Err values of this package; test for it with errors.Is:
//
//	switch {
//	case errors.Is(err, runtime.ErrTimeout):     // also context.DeadlineExceeded
//	case errors.Is(err, runtime.ErrImageMissing): // pull it
//	case errors.Is(err, runtime.ErrUnavailable): // is the engine running?
//	}
//
// [Error.Started] tells whether the command had started. When it had not, it saw
// nothing of stdin, and the call can be made again.
package runtime
