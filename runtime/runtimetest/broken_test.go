package runtimetest

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// broken is a runtime with one fault: run stands between the suite and a Fake.
type broken struct {
	*Fake
	setup func(*Fake)
	run   func(ctx context.Context, fake *Fake, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error)
	info  func(runtime.Info) runtime.Info
	close func(*Fake) error
}

func (b *broken) Run(ctx context.Context, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
	if b.run == nil {
		return b.Fake.Run(ctx, spec, stdio)
	}
	return b.run(ctx, b.Fake, spec, stdio)
}

func (b *broken) Info(ctx context.Context) (runtime.Info, error) {
	info, err := b.Fake.Info(ctx)
	if b.info != nil {
		info = b.info(info)
	}
	return info, err
}

func (b *broken) Close() error {
	if b.close == nil {
		return b.Fake.Close()
	}
	return b.close(b.Fake)
}

// runs makes a fault of what is changed before the Fake runs.
func runs(change func(ctx *context.Context, spec *runtime.Spec, stdio *runtime.Stdio)) func(*testing.T) *broken {
	return func(*testing.T) *broken {
		return &broken{run: func(ctx context.Context, fake *Fake, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
			change(&ctx, &spec, &stdio)
			return fake.Run(ctx, spec, stdio)
		}}
	}
}

// ends makes a fault of what is changed after it.
func ends(change func(spec *runtime.Spec, stdio *runtime.Stdio, status *runtime.Status, err *error)) func(*testing.T) *broken {
	return func(*testing.T) *broken {
		return &broken{run: func(ctx context.Context, fake *Fake, spec runtime.Spec, stdio runtime.Stdio) (runtime.Status, error) {
			status, err := fake.Run(ctx, spec, stdio)
			change(&spec, &stdio, &status, &err)
			return status, err
		}}
	}
}

// discards makes a fault of a Discard that fails.
func discards(on func(context.Context, string) error) func(*testing.T) *broken {
	return func(*testing.T) *broken { return &broken{setup: func(fake *Fake) { fake.OnDiscard = on }} }
}

// faults has, by case, the fakes that the case must find out, each with a part of what
// it then says.
func faults() []struct {
	name, in, says string
	broken         func(*testing.T) *broken
} {
	type (
		sp = *runtime.Spec
		io = *runtime.Stdio
		cx = *context.Context
		st = *runtime.Status
		er = *error
	)
	return []struct {
		name, in, says string
		broken         func(*testing.T) *broken
	}{
		{"merges stderr into stdout", "streams/both past 64 KiB", "stdout has 500000 bytes", runs(func(_ cx, _ sp, stdio io) { stdio.Stderr = stdio.Stdout })},
		{"drops stderr", "streams/output only to stderr", "stderr has 0 bytes", runs(func(_ cx, _ sp, stdio io) { stdio.Stderr = nil })},
		{"cuts output", "streams/both past 64 KiB", "stdout has 65536 bytes", runs(cutOutput)},
		{"changes line ends", "streams/echo 1 MiB", "differs from byte", runs(terminal)},
		{"cuts stdin at detach keys", "streams/echo detach keys", "stdout has 0 bytes", runs(detach)},
		{"never half-closes", "streams/end of stdin", "timeout", runs(neverEOF)},
		{"buffers stdin", "streams/stdin while output", "timeout", runs(bufferStdin)},
		{"filters stderr", "streams/engine's words are the command's too", "stderr has", runs(filterStderr)},
		{"reads on", "streams/endless stdin", "after Run had returned", readsAfterwards},
		{"forgets stdin on success", "stdin/closed when the command ends", "without closing stdin", runs(neverClose)},
		{"forgets stdin on errors", "stdin/closed when no such command", "without closing stdin", runs(neverClose)},
		{"waits for a blocked Read", "stdin/closed when the command ends", "did not return", waitsForStdin},
		{"reads stdin too early", "stdin/closed when no such image", "stdin was read 1 times", readsEarly},
		{"splits arguments", "process/arguments", "the command got", runs(func(_ cx, spec sp, _ io) { spec.Args = strings.Fields(strings.Join(spec.Args, " ")) })},
		{"loses env", "process/environment", "lacks \"EMPTY=\"", runs(func(_ cx, spec sp, _ io) { spec.Env = nil })},
		{"keeps the first of a name", "process/environment", "lacks \"EMPTY=\"", runs(func(_ cx, spec sp, _ io) { slices.Reverse(spec.Env) })},
		{"gives the host's environment away", "process/environment by name", "SUITE_HIDDEN", runs(func(_ cx, spec sp, _ io) { spec.Env = append(os.Environ(), spec.Env...) })},
		{"looks no names up", "process/environment by name", "lacks \"SUITE_SET", runs(bareAsEmpty)},
		{"steered by env", "process/environment that steers a client", "DOCKER_HOST", runs(loseDocker)},
		{"forgets env files", "process/environment files", "lacks \"A=of the file\"", runs(func(_ cx, spec sp, _ io) { spec.EnvFiles = nil })},
		{"tells secrets", "process/environment stays secret", "the error holds", ends(tellEnv)},
		{"loses the status", "process/exit statuses", "status is {Code:0", ends(func(_ sp, _ io, s st, _ er) { s.Code = 0 })},
		{"takes a status for its own", "process/exit statuses", "Run failed", ends(ownStatus)},
		{"hides signals", "process/killed by a signal", "status is {Code:1 ", ends(hideSignal)},
		{"loses the user", "process/identity", "UID:0", runs(func(_ cx, spec sp, _ io) { spec.User = "" })},
		{"loses the hostname", "process/identity", "Hostname:dockerrun-", runs(func(_ cx, spec sp, _ io) { spec.Hostname = "" })},
		{"has a network", "process/no network", "eth0", runs(func(_ cx, spec sp, _ io) { spec.Network = "" })},
		{"loses the deadline label", "process/labels and name", "deadline", runs(func(_ cx, spec sp, _ io) { spec.Deadline = time.Time{} })},
		{"names as it likes", "process/labels and name", "is called", runs(func(_ cx, spec sp, _ io) { spec.Name = cmp.Or(spec.Name, "any") })},
		{"ignores entrypoints", "image/entrypoint replaced", "stdout has", runs(func(_ cx, spec sp, _ io) { spec.Entrypoint = nil })},
		{"ignores a cleared entrypoint", "image/entrypoint cleared", "stdout has", runs(func(_ cx, spec sp, _ io) { spec.Entrypoint = nil })},
		{"ignores arguments", "image/arguments for the entrypoint", "from-cmd", runs(func(_ cx, spec sp, _ io) { spec.Args = nil })},
		{"keeps what env removes", "image/environment, user and directory", "REMOVE_ME", runs(removeNothing)},
		{"ignores mounts", "files/mount", "does not exist", runs(func(_ cx, spec sp, _ io) { spec.Mounts = nil })},
		{"ignores ro", "files/read-only mount", "status is {Code:0", runs(func(_ cx, spec sp, _ io) { spec.Mounts = writable(spec.Mounts) })},
		{"ignores read-only", "files/read-only root", "status is {Code:0", runs(func(_ cx, spec sp, _ io) { spec.ReadOnly = false })},
		{"ignores tmpfs", "files/tmpfs", "read-only", runs(func(_ cx, spec sp, _ io) { spec.Tmpfs = nil })},
		{"ignores limits", "limits/out of memory", "want {Code:137", runs(func(_ cx, spec sp, _ io) { spec.Memory = 0; spec.MemorySwap = 0 })},
		{"misses an OOM", "limits/out of memory", "OOMKilled:false", ends(func(_ sp, _ io, s st, _ er) { s.OOMKilled = false })},
		{"takes every 137 for OOM", "limits/own exit with 137", "OOMKilled:true", ends(func(_ sp, _ io, s st, _ er) { s.OOMKilled = s.Code == 137 })},
		{"pulls", "failure/image missing", "want [image missing]", runs(func(_ cx, spec sp, _ io) { spec.Image = "probe" })},
		{"noise on stderr", "failure/command not found", "there is output", ends(noise)},
		{"wrong kind", "failure/not executable", "not executable", ends(func(_ sp, _ io, _ st, err er) { change(err, func(e *runtime.Error) { e.Kind = runtime.ErrEngine }) })},
		{"plain error", "failure/not executable", "want an *runtime.Error", ends(func(_ sp, _ io, _ st, err er) {
			*err = fmt.Errorf("%w", runtime.ErrNotExecutable)
		})},
		{"nobody's error", "failure/image missing", "Error.Runtime is", ends(func(_ sp, _ io, _ st, err er) { change(err, func(e *runtime.Error) { e.Runtime = "" }) })},
		{"takes anything", "failure/invalid spec", "invalid container spec", runs(func(_ cx, spec sp, _ io) { spec.Dir = "" })},
		{"kills a namesake", "failure/name in use", "gone", killsNamesake},
		{"silent trace", "failure/trace", "the trace of a call is []", runs(func(ctx cx, _ sp, _ io) { *ctx = silent{*ctx} })},
		{"boasts of limits", "failure/info", "LimitsEnforced is false", func(*testing.T) *broken {
			return &broken{info: func(i runtime.Info) runtime.Info { i.LimitsEnforced = false; return i }}
		}},
		{"ignores ctx", "cancel/in mid-run", "did not return", ignoresContext},
		{"ignores deadlines", "cancel/timeout", "did not return", ignoresContext},
		{"returns without a kill", "cancel/in mid-run", "still there", returnsAtOnce},
		{"returns without a kill on time-out", "cancel/timeout", "still there", returnsAtOnce},
		{"starts what was canceled", "cancel/before the call", "a container was made", ignoresContext},
		{"loses the cause", "cancel/cause", "a cause of the caller's", ends(loseCause)},
		{"says it had not started", "cancel/in mid-run", "Started is false", ends(func(_ sp, _ io, _ st, err er) { change(err, func(e *runtime.Error) { e.Started = false }) })},
		{"writes afterwards", "cancel/in a flood of output", "Writes after", writesAfterwards},
		{"reads afterwards", "cancel/in mid-run", "Reads after", readsAfterwards},
		{"takes a broken input for a whole one", "cancel/read of stdin fails", "want [the input broke off]", runs(breakOff)},
		{"calls a failed write a cancellation", "cancel/write to stdout fails", "nobody has ended the context", ends(func(_ sp, _ io, _ st, err er) {
			change(err, func(e *runtime.Error) { e.Err = fmt.Errorf("%w: %w", context.Canceled, e.Err) })
		})},
		{"ignores failing writes", "cancel/write to stdout fails", "no space left", runs(func(_ cx, _ sp, stdio io) { stdio.Stdout = swallow(stdio.Stdout) })},
		{"runs after Close", "close/run afterwards", "want [runtime is closed]", func(*testing.T) *broken { return &broken{close: func(*Fake) error { return nil }} }},
		{"fails the second Close", "close/twice", "closed twice", closesOnce},
		{"does not wait for removals", "close/waits for removals", "containers are left", removesLate},
		{"has a deadline of its own", "sweep/finds and removes", "counts as left", runs(func(_ cx, spec sp, _ io) { spec.Deadline = time.Now().Add(-time.Hour) })},
		{"can't discard", "sweep/finds and removes", "Discard: ", discards(func(context.Context, string) error { return os.ErrPermission })},
		{"misses what is gone", "sweep/again", "Discard of no container", discards(func(context.Context, string) error { return os.ErrNotExist })},
		{"leaks a container", "streams/nil stdin", "containers are left", leaksContainers},
		{"leaks goroutines", "load/calls at once", "goroutine", leaksGoroutines},
		{"leaks files", "load/calls at once", "/dev/null", leaksFiles},
		{"mixes calls up", "load/calls at once", "bytes that are not", mixesCalls},
	}
}

func TestBrokenRuntimesAreFoundOut(t *testing.T) {
	byName := map[string]testCase{}
	for _, c := range cases() {
		byName[c.name] = c
	}
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			// Some count what the process holds, or set its environment.
			if !strings.HasPrefix(f.in, "load/") && !strings.HasPrefix(f.in, "process/env") {
				t.Parallel()
			}
			c, ok := byName[f.in]
			require.True(t, ok, "there is no case %q", f.in)
			rec := checkBroken(t, c, f.broken, nil)
			said := rec.said()
			require.True(t, rec.Failed(), "the case passed")
			assert.Contains(t, said, f.says)
			assert.Contains(t, said, "the contract says: "+c.says)
		})
	}
}

// An engine that lacks something is held to what the contract asks for instead.
func TestLacks(t *testing.T) {
	t.Parallel()
	refuse := func(kind error, when func(runtime.Spec) bool) func(*testing.T) *broken {
		return func(*testing.T) *broken {
			return &broken{
				setup: func(fake *Fake) {
					fake.Before = func(_ context.Context, spec runtime.Spec) error {
						if when(spec) {
							return &runtime.Error{Kind: kind, Runtime: "fake"}
						}
						return nil
					}
				},
				info: func(i runtime.Info) runtime.Info { i.LimitsEnforced = false; return i },
			}
		}
	}
	for _, tc := range []struct {
		lack   Lack
		in     string
		broken func(*testing.T) *broken
	}{
		{LacksLimits, "limits/out of memory", refuse(runtime.ErrUnsupported, func(spec runtime.Spec) bool { return spec.Memory > 0 })},
		{LacksLimits, "limits/own exit with 137", refuse(runtime.ErrUnsupported, func(spec runtime.Spec) bool { return spec.Memory > 0 })},
		{LacksLimits, "failure/info", refuse(nil, func(runtime.Spec) bool { return false })},
		{LacksOOM, "limits/out of memory", ends(func(_ *runtime.Spec, _ *runtime.Stdio, s *runtime.Status, _ *error) { s.OOMKilled = false })},
		{LacksLateStdin, "stdin/closed when no such image", readsEarly},
		{LacksEnvNewlines, "process/environment that steers a client", refuse(runtime.ErrInvalidSpec, func(spec runtime.Spec) bool {
			return slices.Contains(spec.Env, "DOCKER_HOST=two\nlines")
		})},
		{LacksStartCause, "failure/command not found", refuse(runtime.ErrEngine, func(runtime.Spec) bool { return true })},
		{LacksStartCause, "failure/not executable", refuse(runtime.ErrEngine, func(runtime.Spec) bool { return true })},
		{LacksPhases, "failure/trace", runs(onlyEnds)},
		{LacksPhases, "cancel/when created", runs(onlyEnds)},
		{LacksPhases, "cancel/when started", runs(onlyEnds)},
	} {
		t.Run(string(tc.lack)+" in "+tc.in, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(cases(), func(c testCase) bool { return c.name == tc.in })
			require.GreaterOrEqual(t, i, 0)
			rec := checkBroken(t, cases()[i], tc.broken, map[Lack]string{tc.lack: "it is made so"})
			assert.False(t, rec.Failed(), rec.said())
			// Undeclared, the same is a fault. Cancellation alone takes no note of phases.
			if tc.lack != LacksPhases || tc.in == "failure/trace" {
				rec = checkBroken(t, cases()[i], tc.broken, nil)
				assert.True(t, rec.Failed(), "undeclared, it passes")
			}
		})
	}
}

func checkBroken(t *testing.T, c testCase, make func(*testing.T) *broken, lacks map[Lack]string) *recorder {
	t.Helper()
	var e testEngine
	rec := &recorder{TB: t}
	rec.run(func() {
		c.check(rec, Config{
			New: func(testing.TB) runtime.Runtime {
				b := make(t)
				b.Fake = e.fake()
				if b.setup != nil {
					b.setup(b.Fake)
				}
				return b
			},
			Image: "probe", Variant: "variant", Containers: e.containers, Lacks: lacks,
			Tries: 2, Parallel: 8, Patience: time.Second,
		})
	})
	return rec
}
