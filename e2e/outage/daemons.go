package outage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
)

// Docker starts a Docker engine, with a containerd of its own, in a new directory. Its
// containers are for the networks none and host. disk is the size of its disk in bytes; 0:
// the machine's own. Close it.
func Docker(ctx context.Context, disk int64) (*Engine, error) { return docker(ctx, disk, "{}\n") }

// docker does, with a daemon.json.
func docker(ctx context.Context, disk int64, daemon string) (*Engine, error) {
	e, err := newEngine("docker.sock", disk)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(e.dir, "daemon.json")
	e.argv = []string{
		"dockerd", "--config-file=" + config, "--host=" + e.Host,
		"--data-root=" + e.Data(), "--exec-root=" + filepath.Join(e.dir, "exec"), "--pidfile=" + filepath.Join(e.dir, "pid"),
		// It must not touch the firewall of the machine's own engine. The bridge docker0 is
		// both's: --bridge=none would remove it (removeDefaultBridgeInterface in dockerd).
		"--iptables=false", "--ip-masq=false", "--ip-forward=false",
		"--shutdown-timeout=2",
	}
	e.ready = func() error {
		return errors.Join(
			endContainerd(ctx, filepath.Join(e.dir, "exec", "containerd", "containerd.pid")),
			forget(filepath.Join(e.dir, "pid")),
			os.WriteFile(config, []byte(daemon), 0o600),
		)
	}
	cli := []string{"docker", "--host", e.Host}
	for _, key := range []string{"docker-cli", "docker-api"} {
		e.Variants = append(e.Variants, engines.Variant{Name: key, Engine: engines.Docker, Key: key, Host: e.Host, CLI: cli})
	}
	return e, e.begin(ctx)
}

// Podman starts a service of this user's Podman, with a storage of its own, in a new
// directory; disk as for [Docker]. Close it.
func Podman(ctx context.Context, disk int64) (*Engine, error) { return podman(ctx, disk) }

// podman does, with more global flags.
func podman(ctx context.Context, disk int64, flags ...string) (*Engine, error) {
	e, err := newEngine("podman.sock", disk)
	if err != nil {
		return nil, err
	}
	e.argv = []string{"podman", "--root=" + e.Data(), "--runroot=" + filepath.Join(e.dir, "run"), "--tmpdir=" + filepath.Join(e.dir, "tmp")}
	e.argv = append(append(e.argv, flags...), "system", "service", "--time=0", e.Host)
	e.ready = func() error { return forget(e.socket) }
	e.Variants = []engines.Variant{{Name: "podman", Engine: engines.Podman, Key: "podman", Host: e.Host, CLI: []string{"podman", "--url", e.Host}}}
	return e, e.begin(ctx)
}

// PodmanRootless starts a service of [engines.RootlessUser]'s Podman, as [Podman] does
// this user's. It needs engines.sh, which knows what such a service takes on this machine,
// in the current directory.
func PodmanRootless(ctx context.Context, disk int64) (*Engine, error) {
	script, err := filepath.Abs("engines.sh")
	if err != nil {
		return nil, err
	}
	u, err := user.Lookup(engines.RootlessUser)
	if err != nil {
		return nil, err
	}
	e, err := newEngine("run/podman.sock", disk)
	if err != nil {
		return nil, err
	}
	run := filepath.Dir(e.socket)
	e.argv = []string{"unshare", "--mount", script, "rootless-service", u.Username, u.HomeDir, run, "--root=" + e.Data()}
	e.ready = func() error { return forget(e.socket) }
	e.Variants = []engines.Variant{{
		Name: "podman-rootless", Engine: engines.PodmanRootless, Key: "podman", Host: e.Host, CLI: []string{"podman", "--url", e.Host},
	}}
	if err := errors.Join(give(u, e.dir, e.Data()), os.Mkdir(run, 0o700), give(u, run)); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, e.begin(ctx)
}

// give makes the user the owner.
func give(u *user.User, paths ...string) error {
	uid, uidErr := strconv.Atoi(u.Uid)
	gid, gidErr := strconv.Atoi(u.Gid)
	errs := []error{uidErr, gidErr}
	for _, path := range paths {
		errs = append(errs, os.Chown(path, uid, gid))
	}
	return errors.Join(errs...)
}

// newEngine makes the directory. Its path is short, as that of a socket must be.
func newEngine(socket string, disk int64) (*Engine, error) {
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", dirPrefix, os.Getpid()))
	if err != nil {
		return nil, err
	}
	e := &Engine{dir: dir, socket: filepath.Join(dir, socket)}
	e.Host = "unix://" + e.socket
	if err = os.Mkdir(e.Data(), 0o700); err == nil {
		err = e.limitDisk(disk)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return e, nil
}

// begin is the first start, which leaves nothing when it fails.
func (e *Engine) begin(ctx context.Context) error {
	err := e.Start(ctx)
	if err != nil {
		err = errors.Join(err, e.Close())
	}
	return err
}

// Data is the directory of images and containers. Before the first start, it is empty.
func (e *Engine) Data() string { return filepath.Join(e.dir, "data") }

// endContainerd ends the containerd of a dockerd that was killed. It goes by itself,
// but the next dockerd would rely on one that is just about to.
func endContainerd(ctx context.Context, pidFile string) error {
	text, err := os.ReadFile(pidFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	for runs(pid, filepath.Dir(pidFile)) {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return forget(pidFile)
}

// runs reports whether the process is there and its arguments name the directory.
func runs(pid int, dir string) bool {
	args, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	return err == nil && strings.Contains(string(args), dir)
}

func forget(file string) error {
	if err := os.Remove(file); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
