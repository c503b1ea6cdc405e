package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
	"github.com/AltairaLabs/dockerrun/factory"
	"github.com/AltairaLabs/dockerrun/runtime"
)

// singleCases are each flag and each key.
func singleCases() []inspectCase { return slices.Concat(flagCases(), keyCases()) }

// inspectCases are the cases of a run: a third of the single ones, all of them in a soak,
// and the combinations.
func inspectCases() []inspectCase {
	var out []inspectCase
	for i, c := range singleCases() {
		if oneIn(3, i) {
			out = append(out, c)
		}
	}
	return append(out, combinationCases()...)
}

// flagCases have each flag of `docker run` once, beside those that it can't be without.
func flagCases() []inspectCase {
	var out []inspectCase
	add := func(c inspectCase, flags ...string) {
		c.flags = flags
		c.name = "flag " + strings.TrimPrefix(flags[0], "--")
		out = append(out, c)
	}
	for _, flag := range []string{
		"--add-host=db:10.0.0.5",
		"--cap-add=SYS_CHROOT",
		"--cap-drop=CHOWN",
		"--cgroup-parent=/dockerrun-e2e",
		"--cgroupns=private",
		"--cpu-period=50000",
		"--cpu-quota=25000",
		"--cpu-shares=512",
		"--cpus=0.25",
		"--cpuset-cpus=0",
		"--cpuset-mems=0",
		"--device=/dev/null:/dev/nothing:r",
		"--env=NAME=value=with=more",
		"--env-file={dir}/env",
		"--group-add=4321",
		"--hostname=box",
		"--init",
		"--ipc=host",
		"--label=team=safety",
		"--log-driver=none",
		"--memory=64m",
		"--memory-reservation=32m",
		"--mount=type=bind,source={dir},target=/mnt",
		"--no-healthcheck",
		"--oom-score-adj=100",
		"--pid=host",
		"--pids-limit=50",
		"--platform=linux/amd64",
		"--pull=never",
		"--read-only",
		"--runtime=runc",
		"--security-opt=no-new-privileges",
		"--shm-size=32m",
		"--stop-signal=SIGINT",
		"--sysctl=net.core.somaxconn=64",
		"--tmpfs=/scratch",
		"--user=app",
		"--userns=host",
		"--uts=host",
		"--volume={dir}:/mnt",
		"--workdir=/data",
		"--network=host",
	} {
		add(inspectCase{}, flag)
	}
	add(inspectCase{mayFail: true}, "--privileged")
	add(inspectCase{mayFail: true}, "--memory-swappiness=10", "--memory=64m")
	add(inspectCase{mayFail: true}, "--oom-kill-disable", "--memory=64m")
	// Podman 4 takes --gpus and does nothing about it; ours don't.
	add(inspectCase{only: engines.Docker, mayFail: true}, "--gpus=all")
	// nproc too, as Podman's defaults for the others go, and may be more than is allowed.
	add(inspectCase{}, "--ulimit=nofile=100:200", "--ulimit=nproc=512")
	add(inspectCase{}, "--memory-swap=128m", "--memory=64m")
	add(inspectCase{}, "--dns=192.0.2.53", "--network=bridge")
	add(inspectCase{}, "--dns-option=ndots:2", "--network=bridge")
	add(inspectCase{only: engines.Docker}, "--dns-opt=ndots:2", "--network=bridge")
	add(inspectCase{}, "--dns-search=example.com", "--network=bridge")
	add(inspectCase{only: engines.Docker}, "--log-opt=max-size=1m", "--log-driver=json-file")
	add(inspectCase{only: engines.Podman}, "--log-opt=max-size=2m", "--log-driver=k8s-file")
	add(inspectCase{req: sandbox.Request{Command: "block"}}, "--entrypoint="+image.Probe)
	return out
}

// keyCases have each key of the configuration once, with values as a YAML decoder
// makes them.
func keyCases() []inspectCase {
	var out []inspectCase
	add := func(key string, value any, flags ...string) {
		c := inspectCase{name: "key " + key, config: map[string]any{key: value}, flags: flags}
		switch key {
		case "entrypoint":
			c.req.Command = "block"
		case "gpus":
			c.only, c.mayFail = engines.Docker, true
		case "memory_swap":
			c.config["memory"] = "64m"
		case "dns":
			c.config["network"] = "bridge"
		}
		out = append(out, c)
	}
	add("oci_runtime", "runc", "--runtime=runc")
	add("network", "bridge", "--network=bridge")
	add("mounts", []any{"{dir}:/mnt:ro", "{volume}:/vol"}, "--volume={dir}:/mnt:ro", "--volume={volume}:/vol")
	add("memory", 64<<20, "--memory=64m")
	add("memory_swap", -1, "--memory-swap=-1", "--memory=64m")
	add("cpus", 1.5, "--cpus=1.5")
	add("pids_limit", 64, "--pids-limit=64")
	add("ulimits", []any{"nofile=64:128", "core=0", "nproc=64"}, "--ulimit=nofile=64:128", "--ulimit=core=0", "--ulimit=nproc=64")
	add("shm_size", "16m", "--shm-size=16m")
	add("read_only", true, "--read-only")
	add("tmpfs", []any{"/scratch:size=1m,mode=1777", "/more"}, "--tmpfs=/scratch:size=1m,mode=1777", "--tmpfs=/more")
	add("user", 1234, "--user=1234")
	add("group_add", []any{"extra", 2000}, "--group-add=extra", "--group-add=2000")
	add("cap_add", []any{"NET_BIND_SERVICE"}, "--cap-add=NET_BIND_SERVICE")
	add("cap_drop", []any{"ALL"}, "--cap-drop=ALL")
	add("security_opt", []any{"seccomp=unconfined"}, "--security-opt=seccomp=unconfined")
	add("userns", "host", "--userns=host")
	add("log_driver", "none", "--log-driver=none")
	add("devices", []any{"/dev/null:/dev/nothing", "/dev/zero:r"}, "--device=/dev/null:/dev/nothing", "--device=/dev/zero:r")
	add("gpus", "all", "--gpus=all")
	add("workdir", "/data", "--workdir=/data")
	add("entrypoint", image.Probe, "--entrypoint="+image.Probe)
	add("env", map[string]any{"A": "1", "B": "x=y"}, "--env=A=1", "--env=B=x=y")
	add("init", true, "--init")
	add("hostname", "box", "--hostname=box")
	add("add_host", []any{"db:10.0.0.5"}, "--add-host=db:10.0.0.5")
	add("dns", []any{"192.0.2.53"}, "--dns=192.0.2.53", "--network=bridge")
	add("labels", map[string]any{"team": "safety", "level": 2}, "--label=team=safety", "--label=level=2")
	add("platform", "linux/amd64", "--platform=linux/amd64")
	add("pull", "never", "--pull=never")
	add("extra_args", []string{"-e", "A=1", "--hostname", "box"}, "--env=A=1", "--hostname=box")
	return out
}

// No flag and no key without a case.
func TestInspectCasesAreComplete(t *testing.T) {
	t.Parallel()
	flags, keys, names := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, c := range append(singleCases(), combinationCases()...) {
		assert.False(t, names[c.name], "%s is there twice", c.name)
		names[c.name] = true
		if c.config == nil {
			for _, f := range c.flags {
				name, _, _ := strings.Cut(strings.TrimPrefix(f, "--"), "=")
				flags[name] = true
			}
		}
		for key := range c.config {
			keys[key] = true
		}
	}
	var spec runtime.Spec
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	runtime.AddFlags(fs, &spec)
	fs.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			assert.True(t, flags[f.Name], "flag --%s has no case", f.Name)
		}
	})
	for _, key := range factory.Keys() {
		if key.Flag != "" {
			assert.True(t, keys[key.Name], "key %s has no case", key.Name)
		}
	}
}
