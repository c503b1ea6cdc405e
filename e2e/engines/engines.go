// Package engines finds the container engines of this machine that the end-to-end
// tests, the benchmarks and the demonstration run on. It starts nothing; that is for
// e2e/engines.sh.
package engines

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// RootlessUser is whose Podman service e2e/engines.sh starts.
const RootlessUser = "dockerrun-e2e"

// The names that E2E_REQUIRE takes, and without the last E2E_ENGINES.
const (
	Docker         = "docker"
	Podman         = "podman"
	PodmanRootless = "podman-rootless"
	PodmanCLI      = "podman-cli"
	GVisor         = "gvisor" // an OCI runtime, for engines that tests start themselves
)

// Variant is one way to run containers: a runtime's key with its configuration, and
// the engine behind it.
type Variant struct {
	Name       string // unique: docker-api, docker-cli-20.10, podman-rootless, ...
	Engine     string // Docker, Podman, PodmanRootless or PodmanCLI
	Key        string // of the runtime
	Host       string // the key `host`; empty: none
	DockerPath string // the key `docker_path`; empty: none

	// CLI is a command line of the same engine for setting up and looking after:
	// what stands before "ps". It never goes through the code under test.
	CLI []string
	// Again says that other variants cover the engine and the runtime, and only the
	// client differs: what is a matter of load is tried less on it.
	Again bool
	// Err says why the engine can't be used; nil when it can.
	Err error
}

// Config is what selects the variant in the configuration of a sandbox.
func (v Variant) Config() map[string]any {
	cfg := map[string]any{"runtime": v.Key}
	if v.Host != "" {
		cfg["host"] = v.Host
	}
	if v.DockerPath != "" {
		cfg["docker_path"] = v.DockerPath
	}
	return cfg
}

// IsPodman tells Podman's engines from Docker's.
func (v Variant) IsPodman() bool { return v.Engine != Docker }

// Rootless reports whether the engine runs as an ordinary user.
func (v Variant) Rootless() bool { return v.Engine == PodmanRootless }

// Find returns every variant that this machine could have, also those that it has
// not. The environment (see "e2e/engines.sh env") says where an engine is when that
// is not the usual place.
func Find(ctx context.Context) []Variant {
	dockerHost := env("E2E_DOCKER_HOST", "unix:///var/run/docker.sock")
	podmanHost := env("E2E_PODMAN_HOST", "unix:///run/podman/podman.sock")
	rootlessHost := env("E2E_PODMAN_ROOTLESS_HOST", rootlessSocket())

	docker := []string{"docker", "--host", dockerHost}
	dockerErr := answers(ctx, docker)
	variants := []Variant{
		{Name: "docker-cli", Engine: Docker, Key: "docker-cli", Host: dockerHost, CLI: docker, Err: dockerErr},
		{Name: "docker-api", Engine: Docker, Key: "docker-api", Host: dockerHost, CLI: docker, Err: dockerErr},
	}
	if path, version, ok := otherClient(ctx); ok {
		variants = append(variants, Variant{
			Name: "docker-cli-" + version, Engine: Docker, Key: "docker-cli", Host: dockerHost, DockerPath: path,
			CLI: docker, Err: dockerErr, Again: true,
		})
	}
	podman := []string{"podman", "--url", podmanHost}
	rootless := []string{"podman", "--url", rootlessHost}
	local := []string{"podman"}
	return append(variants,
		Variant{Name: "podman", Engine: Podman, Key: "podman", Host: podmanHost, CLI: podman, Err: answers(ctx, podman)},
		Variant{Name: "podman-rootless", Engine: PodmanRootless, Key: "podman", Host: rootlessHost, CLI: rootless, Err: answers(ctx, rootless)},
		Variant{Name: "podman-cli", Engine: PodmanCLI, Key: "docker-cli", DockerPath: "podman", CLI: local, Err: answers(ctx, local), Again: true},
	)
}

// Required reads E2E_REQUIRE: the engines, and GVisor, that have to be there.
func Required() ([]string, error) { return list("E2E_REQUIRE", GVisor) }

// Selected reads E2E_ENGINES: the engines to use of those that are there. Empty is all.
func Selected() ([]string, error) { return list("E2E_ENGINES") }

func list(variable string, more ...string) ([]string, error) {
	names := strings.FieldsFunc(os.Getenv(variable), func(r rune) bool { return r == ' ' || r == ',' })
	known := append([]string{Docker, Podman, PodmanRootless, PodmanCLI}, more...)
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("%s: %q is no engine; it takes %s", variable, name, strings.Join(known, ", "))
		}
	}
	return names, nil
}

// Containers lists the containers, running or not, that the process with the given
// number launched on the engine and that are still there. 0 is any process.
func (v Variant) Containers(ctx context.Context, pid int) ([]string, error) {
	filter := "label=" + runtime.LabelOwner
	if pid != 0 {
		host, err := os.Hostname()
		if err != nil {
			return nil, err
		}
		filter += fmt.Sprintf("=%s/%d", host, pid)
	}
	out, err := v.Output(ctx, "ps", "--all", "--no-trunc", "--filter", filter, "--format", "{{.Names}}")
	return strings.Fields(out), err
}

// Output runs a command of the engine's own command line and gives its stdout. An
// engine that does not answer within a minute is an error.
func (v Variant) Output(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return output(ctx, append(slices.Clone(v.CLI), args...))
}

func output(ctx context.Context, argv []string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.String(), nil
}

// answers says why the engine of a command line can't be used.
func answers(ctx context.Context, cli []string) error {
	if slices.Contains(cli, "") {
		return fmt.Errorf("there is no user %s, whose engine it would be", RootlessUser)
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	version := "{{.Server.Version}}"
	if len(cli) == 1 {
		version = "{{.Client.Version}}" // of a Podman without a service there is only one
	}
	out, err := output(ctx, append(slices.Clone(cli), "version", "--format", version))
	if err == nil && strings.TrimSpace(out) == "" {
		err = errors.New(strings.Join(cli, " ") + ": no answer")
	}
	return err
}

// otherClient is the distribution's docker client, where the one in PATH is of
// another version.
func otherClient(ctx context.Context) (path, minor string, ok bool) {
	const debian = "/usr/bin/docker"
	version := func(path string) string {
		out, err := output(ctx, []string{path, "--version"}) // Docker version 20.10.24+dfsg1, build ...
		words := strings.Fields(out)
		if err != nil || len(words) < 3 {
			return ""
		}
		parts := strings.SplitN(words[2], ".", 3)
		return strings.Join(parts[:min(2, len(parts))], ".")
	}
	other := version(debian)
	return debian, other, other != "" && other != version("docker")
}

func rootlessSocket() string {
	u, err := user.Lookup(RootlessUser)
	if err != nil {
		return ""
	}
	return "unix:///run/user/" + u.Uid + "/podman.sock"
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}
