package runtime

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/docker/cli/opts"
)

// Labels that every container of ours carries, so that a sweep finds it and touches
// nobody else's.
const (
	// LabelOwner holds the host and process that launched the container, "host/pid".
	LabelOwner = "com.altairalabs.dockerrun.owner"
	// LabelName holds the container's own name: labels are inherited by way of images that
	// are made from containers, and names are not.
	LabelName = "com.altairalabs.dockerrun.name"
	// LabelDeadline holds [Spec.Deadline] in RFC 3339, UTC, rounded up to a second; "none"
	// without one.
	LabelDeadline = "com.altairalabs.dockerrun.deadline"
	// LabelCall holds what tells a container whose caller chose its name from another one's
	// of that name: only such containers carry it. A clean-up that knows no ID goes by it.
	LabelCall = "com.altairalabs.dockerrun.call"
)

// noDeadline is in [LabelDeadline] when there is none.
const noDeadline = "none"

// NamePrefix begins the name of every container that [Spec.Resolve] names.
const NamePrefix = "dockerrun-"

// Resolve is what a Runtime does first in Run: it validates spec and returns a copy
// with everything decided that can be decided without the engine: a random name, our
// labels, env values of this process filled in and repeated names dropped. A spec
// without a deadline gets that of ctx. The copy
// shares nothing with spec that Resolve changed. Errors are of kind
// [ErrInvalidSpec], or those of [ContextError] when ctx has ended already.
func (s Spec) Resolve(ctx context.Context, runtimeKey string) (Spec, error) {
	if err := ContextError(ctx, runtimeKey, false); err != nil {
		return Spec{}, err
	}
	if err := s.Validate(); err != nil {
		return Spec{}, err
	}
	env, err := resolveEnv(s.EnvFiles, s.Env)
	if err != nil {
		return Spec{}, err
	}
	s.Env, s.EnvFiles = env, nil
	labels := make(map[string]string, len(s.Labels)+4)
	maps.Copy(labels, s.Labels)
	delete(labels, LabelCall)
	if s.Name == "" {
		s.Name = NewName()
	} else {
		labels[LabelCall] = NewName()
	}
	labels[LabelOwner], labels[LabelName] = owner(), s.Name
	labels[LabelDeadline] = noDeadline // said, or an image's would hold
	if end, ok := ctx.Deadline(); ok && s.Deadline.IsZero() {
		s.Deadline = end
	}
	if !s.Deadline.IsZero() {
		// Up: a container must not be taken for left while its call may still use it.
		labels[LabelDeadline] = s.Deadline.Add(time.Second - 1).Truncate(time.Second).UTC().Format(time.RFC3339)
	}
	s.Labels = labels
	return s, nil
}

// NewName makes a random container name.
func NewName() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return NamePrefix + hex.EncodeToString(b[:])
}

func owner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d", host, os.Getpid())
}

// resolveEnv reads files, fills bare names in from this process, and keeps the last
// entry for each name, in the order of first mention.
func resolveEnv(files, entries []string) ([]string, error) {
	if len(files) > 0 {
		// The reader of docker's own --env-file: what it takes, we take.
		all, err := opts.ReadKVEnvStrings(files, nil)
		if err != nil {
			return nil, invalid("env-file", strings.Join(files, ", "), envFileFault(files, err))
		}
		entries = append(all, entries...)
	}
	out := make([]string, 0, len(entries))
	at := make(map[string]int, len(entries))
	for _, entry := range entries {
		name, _, ok := strings.Cut(entry, "=")
		if !ok {
			if value, set := os.LookupEnv(name); set {
				entry = name + "=" + value
			}
			if !utf8.ValidString(entry) {
				return nil, invalid("env", name, saysUTF8)
			}
		}
		if i, seen := at[name]; seen {
			out[i] = entry
			continue
		}
		at[name] = len(out)
		out = append(out, entry)
	}
	return out, nil
}

// envFileFault says what is wrong with a file of variables, without any of what is in it:
// it may be secrets, and docker's reader quotes it.
func envFileFault(files []string, err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Error()
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err.Error()
		}
		n := 0
		for line := range strings.Lines(strings.TrimPrefix(string(data), "\uFEFF")) {
			n++
			line = strings.TrimSpace(line)
			name, _, _ := strings.Cut(line, "=")
			if bad := name == "" || strings.ContainsAny(name, " \t") || !utf8.ValidString(line); line != "" && line[0] != '#' && bad {
				return fmt.Sprintf("line %d of %s: takes NAME=value, NAME or # and a comment, in UTF-8", n, file)
			}
		}
	}
	return "can't be read"
}
