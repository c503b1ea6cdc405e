package runtime

import (
	"errors"
	"strings"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// kindNames are what the kinds of failure are called in logs, traces and metrics.
var kindNames = map[error]string{
	ErrInvalidSpec:     "invalid_spec",
	ErrUnsupported:     "unsupported",
	ErrUnavailable:     "unavailable",
	ErrImageMissing:    "image_missing",
	ErrPullFailed:      "pull_failed",
	ErrCommandNotFound: "command_not_found",
	ErrNotExecutable:   "not_executable",
	ErrTimeout:         "timeout",
	ErrCanceled:        "canceled",
	ErrOutputLimit:     "output_limit",
	ErrOutOfMemory:     "out_of_memory",
	ErrEngine:          "engine",
	ErrClosed:          "closed",
}

// Outcome is one word for how a call ended, which logs, traces and metrics have: ok, exit
// for another exit status than 0, out_of_memory, or the name of the error's kind, such as
// timeout or image_missing; _OTHER for an error that is none of this package's.
func Outcome(status Status, err error) string {
	if exit, ok := errors.AsType[*ExitError](err); ok {
		status, err = exit.Status, nil
	}
	switch {
	case err != nil:
		if e, ok := errors.AsType[*Error](err); ok {
			if name, ok := kindNames[e.Kind]; ok {
				return name
			}
		}
		return semconv.ErrorTypeOther.Value.AsString()
	case status.OOMKilled:
		return kindNames[ErrOutOfMemory]
	case status.Code != 0:
		return "exit"
	}
	return outcomeOK
}

const outcomeOK = "ok"

// setOutcome says on a span how what it stands for ended. Errors hold no values of the
// environment and nothing of what a command reads or writes.
func setOutcome(span trace.Span, outcome string, status Status, err error) {
	if outcome == outcomeOK {
		return
	}
	if err == nil {
		err = &ExitError{Status: status}
	}
	const most = 500
	text := err.Error()
	if len(text) > most {
		text = text[:most] + "..."
	}
	// An exporter refuses what is not UTF-8, and all that goes with it.
	span.SetStatus(codes.Error, strings.ToValidUTF8(text, "?"))
	span.SetAttributes(semconv.ErrorTypeKey.String(outcome))
}
