package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
)

// stage is when a launcher is killed.
type stage string

const (
	creating stage = "creating"  // at any moment up to when its container runs
	running  stage = "running"   // while its command does
	warmIdle stage = "warm idle" // while warm containers wait for a call
)

// callTime is the timeout of the calls whose launchers are killed.
const callTime = 6 * time.Second

// killed is a launcher in a process of its own.
type killed struct {
	v      engines.Variant
	stage  stage
	pid    int
	at     time.Time
	states []string      // of its containers, shortly after
	took   time.Duration // until nothing was left; only of a warm one
}

// killAll kills launchers one after the other: n for each variant and stage.
func killAll(t *testing.T, bin string, variants []engines.Variant, n int) []*killed {
	t.Helper()
	var all []*killed
	for range n {
		for _, v := range variants {
			for _, s := range []stage{warmIdle, creating, running} {
				all = append(all, killOne(t, bin, v, s))
			}
		}
	}
	return all
}

// killOne starts a launcher and kills it. On a busy machine a call may reach its deadline
// before its command runs: then it is made again.
func killOne(t *testing.T, bin string, v engines.Variant, s stage) *killed {
	t.Helper()
	for range 4 {
		if x := tryKill(t, bin, v, s); x != nil {
			return x
		}
	}
	t.Fatalf("%s: no call was %s in time", v.Name, s)
	return nil
}

func tryKill(t *testing.T, bin string, v engines.Variant, s stage) *killed {
	t.Helper()
	args := append([]string{"run"}, flags(v)...)
	args = append(args, "--network=none", "--pull=never", "--timeout="+callTime.String())
	command := []string{image.Ref, image.Probe, "block"}
	if s == warmIdle {
		args = append(args, "--each-line", "--warm=1", "--timeout=1m")
		command = []string{image.Ref, image.Probe, "echo"}
	}
	cmd := exec.CommandContext(t.Context(), bin, append(args, command...)...)
	stdin, err := cmd.StdinPipe() // nobody writes to it
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	x := &killed{v: v, stage: s, pid: cmd.Process.Pid}
	up := x.wait(t, stdout)
	x.at = time.Now()
	_ = cmd.Process.Kill() // it may have ended
	_ = stdin.Close()
	_ = cmd.Wait()
	if !up {
		return nil
	}
	if s == warmIdle { // which goes by itself
		limit := 30 * time.Second // for a busy machine; a quiet one takes half a second
		if soaking() {
			limit = 5 * time.Second
		}
		x.took = x.gone(t, x.at.Add(limit)).Sub(x.at)
	}
	return x
}

// wait waits until the launcher is where it is to be killed, and reports whether it got
// there.
func (x *killed) wait(t *testing.T, stdout io.Reader) bool {
	t.Helper()
	switch x.stage {
	case creating:
		time.Sleep(rand.N(600 * time.Millisecond)) // any moment will do
		return true
	case running:
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		return line == "ready\n"
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if slices.Equal(x.look(t), []string{"up"}) {
			return true
		}
	}
	return false
}

// look is what state the launcher's containers are in.
func (x *killed) look(t *testing.T) []string {
	t.Helper()
	host, err := os.Hostname()
	require.NoError(t, err)
	out, err := x.v.Output(t.Context(), "ps", "--all", "--format", "{{.Status}}",
		"--filter", fmt.Sprintf("label=com.altairalabs.dockerrun.owner=%s/%d", host, x.pid))
	require.NoError(t, err)
	states := []string{}
	for line := range strings.Lines(out) { // "Up 2 seconds", "Exited (137) ...", "Created"
		if words := strings.Fields(strings.ToLower(line)); len(words) > 0 {
			states = append(states, words[0])
		}
	}
	return states
}

// gone waits until nothing of the launcher is left on the engine and this machine, and
// says when that was.
func (x *killed) gone(t *testing.T, until time.Time) time.Time {
	t.Helper()
	for {
		left := append(x.look(t), x.processes(t)...)
		if len(left) == 0 {
			return time.Now()
		}
		if time.Now().After(until) {
			require.Failf(t, "something is left", "%s, killed %s at %s: %q", x.v.Name, x.stage, x.at, left)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// processes are command lines that the launcher had started.
func (x *killed) processes(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var found []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(data), "dockerrun.owner=") && strings.Contains(string(data), "/"+strconv.Itoa(x.pid)+"\x00") {
			found = append(found, strings.ReplaceAll(string(data), "\x00", " "))
		}
	}
	return found
}

// sweptBy is how what is left is swept.
type sweptBy string

const (
	byNext    sweptBy = "the next launcher"
	byLiving  sweptBy = "a living launcher"
	byCommand sweptBy = "dockerrun sweep"
)

// stores are the engines that share nothing, each with its variants.
func stores() [][]engines.Variant {
	by := map[string][]engines.Variant{}
	for _, v := range machine.variants {
		if v.Err != nil || v.Again && v.Engine == engines.Docker && !soaking() {
			continue
		}
		engine := v.Engine
		if engine == engines.PodmanCLI {
			engine = engines.Podman // the same containers
		}
		by[engine] = append(by[engine], v)
	}
	var all [][]engines.Variant
	for _, engine := range []string{engines.Docker, engines.Podman, engines.PodmanRootless} {
		if by[engine] != nil {
			all = append(all, by[engine])
		}
	}
	return all
}

// TestKilledLaunchers kills launchers that can't clean up any more, and looks for what
// they left. A soak makes more than a hundred tries, with each way to sweep on each engine.
func TestKilledLaunchers(t *testing.T) {
	bin := buildDockerrun(t)
	all := stores()
	if len(all) == 0 {
		t.Skip("there is no engine; e2e/engines.sh up sets them up")
	}
	var variants []engines.Variant
	for _, store := range all {
		for _, v := range store {
			require.NoError(t, machine.loaded[v.Engine]())
			variants = append(variants, v)
		}
	}
	rounds, tries := 1, 1
	if soaking() {
		rounds, tries = 3, 3
	}
	ways := []sweptBy{byLiving, byNext, byCommand}
	for round := range rounds {
		t.Run(fmt.Sprintf("round %d", round+1), func(t *testing.T) {
			victims := killAll(t, bin, variants, tries)
			report := &killReport{}
			for i, store := range all {
				if ways[(round+i)%len(ways)] == byLiving {
					v := store[round%len(store)]
					sb := newSandbox(t, config(v, nil))
					require.NoError(t, spawn(t, sb, probe("exit", "0")).Err, v.Name)
				}
			}
			deadline := lastKill(victims).Add(callTime)
			time.Sleep(time.Until(lastKill(victims).Add(2 * time.Second))) // creates settle
			for _, x := range victims {
				x.states = x.look(t)
				report.state(x)
			}
			checkTimeouts(t, victims, deadline, report)
			for i, store := range all {
				sweepStore(t, bin, ways[(round+i)%len(ways)], store, victims, deadline, report)
			}
			t.Log(report)
		})
	}
}

func lastKill(victims []*killed) (last time.Time) {
	for _, x := range victims {
		if x.at.After(last) {
			last = x.at
		}
	}
	return last
}

// checkTimeouts: Podman itself stops what runs, a little after the deadline.
func checkTimeouts(t *testing.T, victims []*killed, deadline time.Time, report *killReport) {
	t.Helper()
	for _, x := range victims {
		if !x.v.IsPodman() {
			continue
		}
		for slices.Contains(x.look(t), "up") {
			if time.Since(deadline) > 15*time.Second {
				assert.Failf(t, "it was not stopped", "%s, killed %s", x.v.Name, x.stage)
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		report.stopped = max(report.stopped, time.Since(deadline))
	}
}

func output(t *testing.T, ctx context.Context, bin string, args ...string) string {
	t.Helper()
	stdout, stderr, status := dockerrun(t, exec.CommandContext(ctx, bin, args...))
	require.Zero(t, status, "dockerrun %q: %s%s", args, stdout, stderr)
	return stdout
}
