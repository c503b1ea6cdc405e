package factory

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// ConfigError is all that is wrong with one sandbox's configuration. errors.Is and
// errors.As see the error of each fault.
type ConfigError struct {
	Sandbox string
	Faults  []Fault
}

// Fault is one thing that is wrong.
type Fault struct {
	// Key is where, as far as that is known: "memory", "mounts[1]", "env.NAME". It can be
	// a key that the configuration lacks, or empty.
	Key string
	// Message is what is wrong. It begins with the key, where it is about one, and holds
	// no env values.
	Message string
	Err     error // what came of it below, or its kind
}

// Error has a line for each fault.
func (e *ConfigError) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = fmt.Sprintf("sandbox %q: %s", e.Sandbox, f.Message)
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the error of each fault.
func (e *ConfigError) Unwrap() []error {
	errs := make([]error, len(e.Faults))
	for i, f := range e.Faults {
		errs[i] = f.Err
	}
	return errs
}

// faults collects them.
type faults struct {
	sandbox string
	list    []Fault
}

func (f *faults) len() int { return len(f.list) }

// add records what is wrong with a key.
func (f *faults) add(key, text string) { f.addAt(key, key, text) }

// addAt is add for a place within what the message calls the key.
func (f *faults) addAt(at, key, text string) {
	f.list = append(f.list, Fault{Key: at, Message: key + ": " + text, Err: runtime.ErrInvalidSpec})
}

// has reports whether there is a fault of the key.
func (f *faults) has(key string) bool {
	return slices.ContainsFunc(f.list, func(one Fault) bool { return one.Key == key })
}

// addError records an error that names the key, or none, itself.
func (f *faults) addError(err error) {
	text := errorText(err)
	key := errorKey(err, text)
	if name, _, ok := strings.Cut(key, "["); ok && f.within(name) {
		key = name // entries with faults are left out, so that the index is another's
	}
	f.list = append(f.list, Fault{Key: key, Message: text, Err: err})
}

// within reports whether there is a fault of an entry of the key.
func (f *faults) within(key string) bool {
	return slices.ContainsFunc(f.list, func(one Fault) bool { return strings.HasPrefix(one.Key, key+"[") })
}

// err is a *ConfigError, or nil.
func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	return &ConfigError{Sandbox: f.sandbox, Faults: f.list}
}

// errorText leaves the kind out where it says no more than that the configuration is
// wrong.
func errorText(err error) string {
	e, ok := errors.AsType[*runtime.Error](err)
	if !ok || !errors.Is(e.Kind, runtime.ErrInvalidSpec) || e.Runtime != "" || e.Err != nil || e.Message == "" {
		return err.Error()
	}
	// Messages about a field begin with docker's name for it.
	field, rest, _ := strings.Cut(e.Message, ":")
	if key := keyOf(field); key != "" {
		return key + ":" + rest
	}
	return e.Message
}

// errorKey is the key that an error is about, or empty.
func errorKey(err error, text string) string {
	if e, ok := errors.AsType[*runtime.Error](err); ok && e.Message != "" {
		text = e.Message
	}
	field, _, _ := strings.Cut(text, ":")
	return keyOf(strings.TrimPrefix(field, "--"))
}

// keyOf is the key that a field of a Spec, or a flag, perhaps with an index, stands
// for; or empty.
func keyOf(field string) string {
	name, index, _ := strings.Cut(field, "[")
	if index != "" {
		index = "[" + index
	}
	for i := range keyTable {
		if keyTable[i].Flag == name {
			return keyTable[i].Name + index
		}
	}
	if findKey(name) != nil {
		return name + index
	}
	return ""
}
