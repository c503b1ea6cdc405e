// Package e2e runs the launcher on real engines: each test once for each runtime that
// this machine has. None of them is faked.
package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
	"github.com/AltairaLabs/dockerrun/e2e/outage"
	"github.com/AltairaLabs/dockerrun/factory"
)

// machine is what TestMain found out; nothing changes it afterwards.
var machine struct {
	variants []engines.Variant
	files    func() (image.Files, error) // built at the first use
	loaded   map[string]func() error     // by Engine: loads the images, once
	hostile  map[string]func() error     // the same for the image of the hostile tests
	// dockerrun is the command, built at the first use.
	dockerrun func() (string, error)
}

func TestMain(m *testing.M) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	machine.variants = engines.Find(ctx)
	cancel()
	if err := selectEngines(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	machine.files = sync.OnceValues(func() (image.Files, error) {
		return image.ReadFiles(context.Background(), "")
	})
	machine.loaded, machine.hostile = map[string]func() error{}, map[string]func() error{}
	hostile := sync.OnceValues(buildHostile)
	for _, v := range machine.variants {
		machine.loaded[v.Engine] = sync.OnceValue(func() error {
			files, err := machine.files()
			if err != nil {
				return err
			}
			return image.LoadAll(context.Background(), v.CLI, files)
		})
		machine.hostile[v.Engine] = sync.OnceValue(func() error {
			img, err := hostile()
			if err != nil {
				return err
			}
			return image.Load(context.Background(), v.CLI, map[string]v1.Image{image.HostileRef: img})
		})
	}
	if err := checkRequired(machine.variants); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := outage.EndStale(); err != nil {
		fmt.Println("e2e: of a run that was killed, this is left:", err)
	}
	bin, err := os.MkdirTemp("", "dockerrun-e2e-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	machine.dockerrun = sync.OnceValues(func() (string, error) { return buildCommand(bin) })
	status := m.Run()
	if err := errors.Join(leftBehind(machine.variants), os.RemoveAll(bin)); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		status = 1
	}
	os.Exit(status)
}

func buildHostile() (v1.Image, error) {
	files, err := machine.files()
	if err != nil {
		return nil, err
	}
	return image.BuildHostile(context.Background(), files)
}

// selectEngines leaves out what E2E_ENGINES does not name.
func selectEngines() error {
	selected, err := engines.Selected()
	if err != nil || len(selected) == 0 {
		return err
	}
	machine.variants = slices.DeleteFunc(machine.variants, func(v engines.Variant) bool {
		return !slices.Contains(selected, v.Engine)
	})
	return nil
}

// checkRequired says which engines there are, and fails when a required one is not.
func checkRequired(variants []engines.Variant) error {
	required, err := engines.Required()
	if err != nil {
		return err
	}
	var missing []error
	for _, v := range variants {
		if v.Err == nil {
			fmt.Printf("e2e: %s: found\n", v.Name)
			continue
		}
		fmt.Printf("e2e: %s: not here, its tests are skipped: %v\n", v.Name, v.Err)
		if slices.Contains(required, v.Engine) {
			missing = append(missing, fmt.Errorf("e2e: %s is required (E2E_REQUIRE) and not here: %w; e2e/engines.sh up sets it up", v.Name, v.Err))
		}
	}
	return errors.Join(missing...)
}

// leftBehind looks for containers and goroutines that outlived the tests.
func leftBehind(variants []engines.Variant) error {
	var errs []error
	for _, v := range variants {
		if v.Err == nil {
			errs = append(errs, noContainers(v, time.Minute))
		}
	}
	return errors.Join(append(errs, goleak.Find())...)
}

// slack is how much later than its end a call may return: a second, but where others keep
// the machine busy.
func slack() time.Duration {
	if soaking() {
		return time.Second
	}
	return 5 * time.Second
}

// alone keeps apart what the two processes of run.sh must not do at the same time.
func alone(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "dockerrun-e2e.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	require.NoError(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
}

// soaking is a run for which time is no object, with more of everything.
func soaking() bool { return os.Getenv("E2E_SOAK") != "" }

// part is the same for one run: E2E_PART, or chance.
var part = sync.OnceValue(func() int {
	n, err := strconv.Atoi(os.Getenv("E2E_PART"))
	if err != nil {
		n = rand.IntN(1000)
	}
	fmt.Printf("e2e: E2E_PART=%d\n", n)
	return n
})

// oneIn leaves one of n cases to a run, others to the next, and all to a soak.
func oneIn(n, i int) bool { return soaking() || (i+part())%n == 0 }

// each runs f on every runtime and engine of this machine, with the images loaded; on a
// second client of the same engine only in a soak.
func each(t *testing.T, f func(t *testing.T, v engines.Variant)) {
	eachOf(t, slices.DeleteFunc(slices.Clone(machine.variants), func(v engines.Variant) bool {
		return v.Again && v.Engine == engines.Docker && !soaking()
	}), f)
}

// eachClient is each for what clients of different versions can differ in: their words.
func eachClient(t *testing.T, f func(t *testing.T, v engines.Variant)) {
	eachOf(t, machine.variants, f)
}

func eachOf(t *testing.T, variants []engines.Variant, f func(t *testing.T, v engines.Variant)) {
	for _, v := range variants {
		t.Run(v.Name, func(t *testing.T) {
			if v.Err != nil {
				t.Skipf("%s is not here (%v); e2e/engines.sh up sets it up", v.Name, v.Err)
			}
			require.NoError(t, machine.loaded[v.Engine]())
			f(t, v)
		})
	}
}

// noContainers waits until nothing that this process launched is left on the engine.
func noContainers(v engines.Variant, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for {
		left, err := v.Containers(ctx, os.Getpid())
		switch {
		case err == nil && len(left) == 0:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%s: containers are left after %s: %s %w", v.Name, within, strings.Join(left, " "), err)
		}
		time.Sleep(100 * time.Millisecond) // between two looks at the engine
	}
}

// config is the configuration of a sandbox on v, with the plain image and no network
// unless more says otherwise.
func config(v engines.Variant, more map[string]any) map[string]any {
	cfg := v.Config()
	cfg["image"], cfg["network"], cfg["pull"] = image.Ref, "none", "never"
	for key, value := range more {
		cfg[key] = value
	}
	return cfg
}

// newSandbox makes a sandbox as PromptKit does, and closes it with the test.
func newSandbox(t *testing.T, cfg map[string]any) sandbox.Sandbox {
	t.Helper()
	sb, err := factory.Factory("box", cfg)
	require.NoError(t, err)
	closeSandbox(t, sb)
	return sb
}

func closeSandbox(t *testing.T, sb sandbox.Sandbox) {
	closer, ok := sb.(sandbox.Closer)
	require.True(t, ok, "a sandbox can be closed")
	t.Cleanup(func() { assert.NoError(t, closer.Close()) })
}

// probe is a call of the probe, with time enough for a busy machine.
func probe(args ...string) sandbox.Request {
	return sandbox.Request{Command: image.Probe, Args: args, Timeout: 30 * time.Second}
}

// spawn makes a call whose Spawn must not fail itself.
func spawn(t *testing.T, sb sandbox.Sandbox, req sandbox.Request) sandbox.Response {
	t.Helper()
	resp, err := sb.Spawn(t.Context(), req)
	require.NoError(t, err, "failures belong into Response.Err")
	return resp
}

// sharedDir is a directory that containers of every engine, also the rootless one, can
// reach and write to. t.TempDir is this user's only.
func sharedDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "dockerrun-e2e-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o777))
	return dir
}

// lines are those of a file that a container wrote into a sharedDir.
func lines(t *testing.T, dir, file string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, file))
	require.NoError(t, err)
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

// inspect is the engine's own record of a container.
func inspect(t *testing.T, v engines.Variant, name string) map[string]any {
	t.Helper()
	out, err := v.Output(t.Context(), "container", "inspect", name)
	require.NoError(t, err)
	var records []map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &records))
	require.Len(t, records, 1)
	return records[0]
}
