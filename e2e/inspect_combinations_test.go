package e2e

import (
	"github.com/AltairaLabs/PromptKit/runtime/hooks/sandbox"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
	"github.com/AltairaLabs/dockerrun/e2e/image"
)

// inspectEnv is a variable that this process has when the cases are run.
const inspectEnv = "DOCKERRUN_E2E_INSPECT"

// combinationCases are containers as somebody would configure them, and what is hard
// to say right.
func combinationCases() []inspectCase {
	return []inspectCase{
		{name: "the seed's defaults", old: true, flags: []string{"--network=bridge"}},
		{name: "image by ID", image: "{image}"},
		{name: "image by digest", image: "{digest}", only: engines.Podman}, // Docker has digests from registries only
		{name: "binds", old: true, flags: []string{
			"--volume={dir}:/ro:ro", "--volume={dir}:/rw:rw", "--volume={dir}/sub:/private:ro,private", "--volume={dir}/sub:/rprivate:rprivate",
			"--volume={dir}/env:/file:ro",
		}},
		// Only where the host's own mount is shared.
		{name: "binds that see later mounts", mayFail: true, flags: []string{"--volume={dir}:/slave:rslave", "--volume={dir}/sub:/shared:ro,rshared"}},
		{name: "binds with SELinux labels", flags: []string{"--volume={dir}:/z:z", "--volume={dir}/sub:/Z:ro,Z"}},
		{name: "bind, consistency", flags: []string{"--volume={dir}:/mnt:ro,cached", "--volume={dir}:/other:delegated"}},
		{name: "bind, consistent", only: engines.Docker, flags: []string{"--volume={dir}:/mnt:consistent"}},
		// Docker's command line takes it as it is written; ours is clean on every engine.
		{name: "bind, unclean source", only: engines.Podman, flags: []string{"--volume={dir}/sub/..//sub/:/mnt"}},
		{name: "volumes", old: true, flags: []string{"--volume={volume}:/one:ro", "--volume={volume}:/two:nocopy", "--volume=/anonymous"}},
		{name: "long binds", flags: []string{
			"--mount=type=bind,source={dir},target=/ro,readonly", "--mount=type=bind,src={dir}/sub,dst=/private,bind-propagation=private",
		}},
		{name: "long bind, not recursive", only: engines.Docker, flags: []string{"--mount=type=bind,source={dir},target=/flat,bind-nonrecursive"}},
		{name: "long volumes", old: true, flags: []string{
			"--mount=type=volume,source={volume},target=/named,ro", "--mount=type=volume,target=/anonymous",
		}},
		{name: "long volumes, as only docker takes them", only: engines.Docker, flags: []string{
			"--mount=source={volume},target=/default,readonly",
			"--mount=type=volume,target=/labelled,volume-label=a=b,volume-nocopy", "--mount=type=volume,target=/driven,volume-driver=local,volume-opt=type=tmpfs,volume-opt=device=tmpfs",
		}},
		{name: "long tmpfs", old: true, flags: []string{"--mount=type=tmpfs,target=/scratch,tmpfs-size=1m,tmpfs-mode=1770", "--mount=type=tmpfs,target=/plain"}},
		{name: "tmpfs, repeated", only: engines.Docker, flags: []string{"--tmpfs=/scratch:size=1m", "--tmpfs=/scratch:size=2m,noexec", "--tmpfs=/run"}},
		{name: "read-only with scratch space", flags: []string{"--read-only", "--tmpfs=/tmp:size=4m", "--volume={volume}:/run"}},
		{name: "user, directory and entrypoint", req: sandbox.Request{Command: "-c", Args: []string{"sleep 60", "two words", ""}},
			config: map[string]any{"user": "app:extra", "workdir": "/data", "entrypoint": "/bin/sh"},
			flags:  []string{"--user=app:extra", "--workdir=/data", "--entrypoint=/bin/sh"}},
		{name: "a directory that the image has not", only: engines.Docker, // Podman refuses
			config: map[string]any{"workdir": "/new/directory"}, flags: []string{"--workdir=/new/directory"}},
		{name: "the image's entrypoint, cleared", old: true, image: image.VariantRef,
			config: map[string]any{"entrypoint": ""}, flags: []string{"--entrypoint="}},
		{name: "the image's entrypoint, replaced", image: image.VariantRef, req: sandbox.Request{Command: "60"},
			config: map[string]any{"entrypoint": "/bin/sleep"}, flags: []string{"--entrypoint=/bin/sleep"}},
		{name: "the image's settings, overridden", image: image.VariantRef,
			flags: []string{"--entrypoint=", "--user=0", "--workdir=/", "--label=from-image=no", "--env=FROM_IMAGE=no"}},
		{name: "environment, the last word", old: true, req: sandbox.Request{Env: []string{"BOTH=call", "CALL=1"}},
			config: map[string]any{"env": []any{"BOTH=config", "CONFIG=1"}, "extra_args": []string{"--env=BOTH=flag", "--env-file={dir}/env", "--env=TWICE=flag"}},
			flags:  []string{"--env=BOTH=config", "--env=CONFIG=1", "--env=BOTH=flag", "--env-file={dir}/env", "--env=TWICE=flag"}},
		{name: "environment, bare names", old: true, image: image.VariantRef,
			flags: []string{"--entrypoint=", "--env=" + inspectEnv, "--env=INSPECT_UNSET", "--env=INSPECT_EMPTY="}},
		// Podman's command line leaves it as it is; ours means what Docker's does.
		{name: "environment, a bare name that removes", image: image.VariantRef, only: engines.Docker,
			flags: []string{"--entrypoint=", "--env=REMOVE_ME"}},
		{name: "environment that steers a command line", old: true, flags: []string{
			"--env=AFTER=1", "--env=DOCKER_HOST=tcp://elsewhere", "--env=PATH=/bin:/sbin", "--env=HOME=/data", "--env=HTTP_PROXY=http://proxy", "--env=ZZ=2"}},
		{name: "limits", old: true, config: map[string]any{"memory": "128m", "memory_swap": "256m", "cpus": "0.5", "pids_limit": -1, "shm_size": 1 << 24,
			"ulimits": []any{"nproc=512", "nofile=256:512"}, "extra_args": []string{"--memory-reservation=64m", "--cpuset-cpus=0-1", "--oom-score-adj=500"}},
			flags: []string{"--memory=128m", "--memory-swap=256m", "--cpus=0.5", "--pids-limit=-1", "--shm-size=16m", "--ulimit=nproc=512",
				"--ulimit=nofile=256:512", "--memory-reservation=64m", "--cpuset-cpus=0-1", "--oom-score-adj=500"}},
		{name: "a locked-down hook", old: true, config: map[string]any{"read_only": true, "cap_drop": []any{"all"}, "cap_add": []any{"CAP_CHOWN", "setuid"},
			"security_opt": []any{"no-new-privileges:true"}, "user": "65534:65534", "pids_limit": 100, "memory": "64m", "memory_swap": "64m", "init": true},
			flags: []string{"--read-only", "--cap-drop=all", "--cap-add=CAP_CHOWN", "--cap-add=setuid", "--security-opt=no-new-privileges:true",
				"--user=65534:65534", "--pids-limit=100", "--memory=64m", "--memory-swap=64m", "--init"}},
		{name: "security options", old: true, flags: []string{"--security-opt=label=disable", "--security-opt=seccomp={dir}/seccomp.json", "--security-opt=apparmor=unconfined"}},
		{name: "SELinux label", flags: []string{"--security-opt=label=user:u", "--security-opt=label=type:t"}},
		{name: "all paths of the system", only: engines.Docker, flags: []string{"--security-opt=systempaths=unconfined"}},
		{name: "privileged, with devices", mayFail: true, flags: []string{"--privileged", "--device=/dev/null:/dev/nothing", "--cap-add=SYS_ADMIN"}},
		{name: "a network of one's own", old: true, flags: []string{"--network={net}", "--hostname=box", "--dns=192.0.2.53", "--dns-search=a.example",
			"--dns-search=b.example", "--dns-option=ndots:1", "--add-host=one:10.0.0.1", "--add-host=two:10.0.0.2"}},
		{name: "a network, in docker's long form", only: engines.Docker, flags: []string{"--network=name={net},alias=hook,alias=other"}},
		{name: "a network, in podman's long form", only: engines.Podman, flags: []string{"--network={net}:alias=hook,alias=other"}},
		{name: "another's network", flags: []string{"--network=container:{container}"}},
		{name: "others' namespaces", flags: []string{"--ipc=container:{container}", "--pid=container:{container}"}},
		{name: "namespaces of its own", flags: []string{"--ipc=private", "--cgroupns=host"}},
		{name: "all of the host's", flags: []string{"--network=host", "--pid=host", "--ipc=host", "--uts=host", "--userns=host", "--cgroupns=host"}},
		{name: "user namespace, keep-id", only: engines.Podman, mayFail: true, flags: []string{"--userns=keep-id"}},
		{name: "user namespace, keep-id with numbers", only: engines.Podman, mayFail: true, flags: []string{"--userns=keep-id:uid=1000,gid=1000"}},
		{name: "user namespace, nomap", only: engines.Podman, mayFail: true, flags: []string{"--userns=nomap"}},
		{name: "user namespace, auto", only: engines.Podman, mayFail: true, flags: []string{"--userns=auto"}},
		{name: "init off, healthcheck off", config: map[string]any{"init": false, "extra_args": []string{"--no-healthcheck"}},
			flags: []string{"--init=false", "--no-healthcheck"}},
		{name: "log driver", only: engines.Docker, flags: []string{"--log-driver=local", "--log-opt=max-size=1m", "--log-opt=max-file=2"}},
		{name: "sysctls and labels, by the dozen", flags: []string{"--sysctl=net.core.somaxconn=32", "--sysctl=net.ipv4.ip_forward=1",
			"--label=b=2", "--label=a=1", "--label=empty", "--label=a=last"}},
		{name: "swappiness and the OOM killer", mayFail: true, flags: []string{"--memory=64m", "--memory-swappiness=0", "--oom-kill-disable"}},
		{name: "GPU by number", only: engines.Docker, mayFail: true, flags: []string{`--gpus="device=0,1"`}},
		{name: "device of CDI", mayFail: true, flags: []string{"--device=vendor.example/class=name"}},
		{name: "flags that only the command line takes", only: engines.Docker, cliOnly: true, flags: []string{"--domainname=example.com", "--expose=80"}},
	}
}
