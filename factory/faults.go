package factory

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// faults are all that is wrong with one sandbox's configuration.
type faults struct {
	sandbox string
	list    []error
}

func (f *faults) len() int { return len(f.list) }

// add records what is wrong with a key.
func (f *faults) add(key, text string) {
	f.list = append(f.list, &fault{sandbox: f.sandbox, key: key, text: key + ": " + text, err: runtime.ErrInvalidSpec})
}

// has reports whether there is a fault of the key.
func (f *faults) has(key string) bool {
	return slices.ContainsFunc(f.list, func(err error) bool {
		one, ok := err.(*fault)
		return ok && one.key == key
	})
}

// addError records an error that names the key, or none, itself.
func (f *faults) addError(err error) {
	f.list = append(f.list, &fault{sandbox: f.sandbox, text: errorText(err), err: err})
}

// err is one line for each fault, or nil.
func (f *faults) err() error { return errors.Join(f.list...) }

// fault is one of them. It wraps what came of it below, or the kind.
type fault struct {
	sandbox, key, text string
	err                error
}

func (f *fault) Error() string { return fmt.Sprintf("sandbox %q: %s", f.sandbox, f.text) }
func (f *fault) Unwrap() error { return f.err }

// errorText leaves the kind out where it says no more than that the configuration is
// wrong.
func errorText(err error) string {
	e, ok := errors.AsType[*runtime.Error](err)
	if !ok || !errors.Is(e.Kind, runtime.ErrInvalidSpec) || e.Runtime != "" || e.Err != nil || e.Message == "" {
		return err.Error()
	}
	// Messages about a field begin with docker's name for it.
	field, rest, _ := strings.Cut(e.Message, ":")
	for i := range keyTable {
		if keyTable[i].Flag == field {
			return keyTable[i].Name + ":" + rest
		}
	}
	return e.Message
}
