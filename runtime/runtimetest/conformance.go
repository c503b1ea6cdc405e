package runtimetest

import (
	"cmp"
	"context"
	"testing"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// Config tells the suite about the runtime that it is to check. New, Image, Variant
// and Containers are required.
type Config struct {
	// New makes the runtime, for one case. The suite closes it.
	New func(t testing.TB) runtime.Runtime

	// Image holds the probe (package runtime/runtimetest/probe) as /probe, a file
	// /etc/notexec that is not executable, and /data, where everybody may write. It
	// has no entrypoint, no command, and root for user.
	Image string
	// Variant holds the same files, and has: entrypoint ["/probe", "args"], command
	// ["from-cmd", "two words"], user 1234:1234, working directory /data, and
	// FROM_IMAGE=yes and REMOVE_ME=... in its environment.
	Variant string
	// Missing names an image that the engine does not have. Empty:
	// localhost/dockerrun/missing:none.
	Missing string

	// Containers lists, by name, the containers that the engine has in any state and
	// that carry the label, given as key=value. It asks the engine itself, not the
	// runtime.
	Containers func(ctx context.Context, label string) ([]string, error)

	// Lacks says what the engine can't do, and why. The suite then checks what the
	// contract asks for instead.
	Lacks map[Lack]string

	// Tries is how often each kind of cancellation is tried. Zero: 5.
	Tries int
	// Parallel is how many calls the load case makes at once. Zero: 64.
	Parallel int
	// Patience is how long a call may take before the suite gives up on it. Zero: one
	// minute.
	Patience time.Duration
}

// Lack is something that an engine can't do, through no fault of its runtime.
type Lack string

// What an engine may lack.
const (
	// LacksLimits: memory and the like can't be limited, as for rootless Podman on
	// cgroup v1. The runtime must refuse a spec that asks for it: ErrUnsupported.
	LacksLimits Lack = "limits"
	// LacksOOM: the engine doesn't record that memory ran out, as Podman 4.3. The
	// status must be 137 still; OOMKilled may be unknown.
	LacksOOM Lack = "oom"
	// LacksLateStdin: input has to be handed over before it is known whether the
	// command starts, as to a command line client. Stdin may have been read then.
	LacksLateStdin Lack = "late stdin"
	// LacksEnvNewlines: values with a newline can't reach the command under some names
	// that would steer a command line client. The runtime must refuse them:
	// ErrInvalidSpec or ErrUnsupported.
	LacksEnvNewlines Lack = "newlines in steering env"
	// LacksUnread: when a command leaves much of its input unread, some of its output can
	// get lost, as with Podman 4.3's command line (one call in a hundred). The suite tries
	// those cases three times.
	LacksUnread Lack = "output beside unread input"
	// LacksPhases: the runtime is not told of creation and start, as behind a command
	// line client. Trace's Created and Started may stay silent.
	LacksPhases Lack = "phases"
	// LacksStartCause: the engine does not tell why a command could not be started, as
	// Podman with gVisor. The failure must be ErrEngine then.
	LacksStartCause Lack = "cause of a failed start"
)

// Conformance checks a runtime on its real engine against every sentence of the
// contract in package runtime, each in a subtest of its own. A case that fails says
// which sentence was broken. No case leaves a container behind, unless the runtime
// does. It takes from one to three minutes on a common engine.
func Conformance(t *testing.T, cfg Config) {
	t.Helper()
	if cfg.New == nil || cfg.Image == "" || cfg.Variant == "" || cfg.Containers == nil {
		t.Fatal("runtimetest.Config needs New, Image, Variant and Containers")
	}
	for lack, why := range cfg.Lacks {
		if why == "" {
			t.Fatalf("runtimetest.Config.Lacks[%q] needs a reason", lack)
		}
		t.Logf("the engine lacks %q: %s", lack, why)
	}
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) { c.check(t, cfg) })
	}
}

// testCase is one way to break one sentence of the contract.
type testCase struct {
	name string
	says string // the sentence
	run  func(*suite)
}

func cases() []testCase {
	var all []testCase
	for _, part := range [][]testCase{
		streamCases(), stdinCases(), processCases(), imageCases(), fileCases(), limitCases(),
		failureCases(), cancelCases(), closeCases(), sweepCases(), loadCases(),
	} {
		all = append(all, part...)
	}
	return all
}

func (c testCase) check(t testing.TB, cfg Config) {
	cfg.Missing = cmp.Or(cfg.Missing, "localhost/dockerrun/missing:none")
	cfg.Tries = cmp.Or(cfg.Tries, 5)
	cfg.Parallel = cmp.Or(cfg.Parallel, 64)
	cfg.Patience = cmp.Or(cfg.Patience, time.Minute)
	defer func() {
		if t.Failed() {
			t.Logf("the contract says: %s", c.says)
		}
	}()
	s := newSuite(t, cfg)
	defer s.close()
	c.run(s)
}
