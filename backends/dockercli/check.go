package dockercli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// check says what this command line can't do for spec, and refuses flags that would
// break a call.
func (cl *client) check(spec runtime.Spec) error {
	if err := checkPassthrough(spec.Passthrough); err != nil {
		return err
	}
	if cl.podman && len(spec.GPUs) > 0 && !cl.atLeast(5, 0) {
		// It takes the flag and does nothing about it.
		return unsupported("--gpus: %s ignores it; podman 5.0 or newer is needed, or --device with a CDI name", cl)
	}
	_, err := cl.splitEnv(spec.Env, cl.remote(os.LookupEnv), os.LookupEnv)
	return err
}

// checkPassthrough holds Passthrough to what it promises: single words that are flags,
// and none that a Spec has a field for or that would break the call.
func checkPassthrough(flags []string) error {
	var spec runtime.Spec
	known := pflag.NewFlagSet("", pflag.ContinueOnError)
	runtime.AddFlags(known, &spec)
	for _, flag := range flags {
		name, _, ok := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		switch {
		case !ok || name == "" || !strings.HasPrefix(flag, "--") || strings.HasPrefix(name, "-"):
			return invalid("%q is not in the form --flag=value", flag)
		case strings.ContainsRune(flag, 0):
			return invalid("--%s can't hold a NUL byte", name)
		case name == "replace" || name == "rmi":
			return invalid("--%s would remove what is not the call's", name)
		case known.Lookup(name) != nil:
			return invalid("--%s has a field of its own in the spec, or would break the call", name)
		}
	}
	return nil
}

func invalid(format string, args ...any) *runtime.Error {
	return &runtime.Error{Kind: runtime.ErrInvalidSpec, Runtime: Key, Message: "passthrough: " + fmt.Sprintf(format, args...)}
}
