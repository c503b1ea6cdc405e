#!/usr/bin/env bash
# engines.sh - makes the container engines ready that the end-to-end tests run on.
#
#   engines.sh up      install and start what is missing; quick where all of it runs
#   engines.sh down    stop what "up" started, and nothing else
#   engines.sh status  say what answers, and where
#   engines.sh env     print the exports that tell the tests where the engines are
#
# "up" needs root, and a Debian 12 machine where packages have to be installed. It
# works in a container or VM without systemd, without CAP_SYS_RESOURCE and with
# hybrid cgroups.
set -euo pipefail

export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
self=$(realpath "${BASH_SOURCE[0]}")
user=dockerrun-e2e
state=/run/dockerrun-e2e # pid files and logs of what was started here

docker_host=${E2E_DOCKER_HOST:-unix:///var/run/docker.sock}
podman_host=${E2E_PODMAN_HOST:-unix:///run/podman/podman.sock}

say() { printf '%s\n' "engines: $*"; }
die() {
	printf '%s\n' "engines: $*" >&2
	exit 1
}

# --- What the machine is -----------------------------------------------------

has_systemd() { [ -d /run/systemd/system ]; }

# CAP_SYS_RESOURCE is bit 24. Without it no process can raise its limits, and Podman
# asks for more than a container in a container may have.
has_sys_resource() {
	local caps
	caps=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
	(((16#$caps >> 24) & 1))
}

# cgroup v1 with a v2 tree beside it. crun takes neither the one nor the other then.
has_hybrid_cgroups() { grep -q ' /sys/fs/cgroup/unified cgroup2 ' /proc/mounts; }

rootless_uid() { id -u "$user" 2>/dev/null; }

rootless_host() {
	if [ -n "${E2E_PODMAN_ROOTLESS_HOST:-}" ]; then
		printf '%s\n' "$E2E_PODMAN_ROOTLESS_HOST"
	elif rootless_uid >/dev/null; then
		printf 'unix:///run/user/%s/podman.sock\n' "$(rootless_uid)"
	fi
}

# --- What answers ------------------------------------------------------------

docker_answers() {
	command -v docker >/dev/null &&
		timeout 20 docker --host "$docker_host" version --format '{{.Server.Version}}' 2>/dev/null
}

podman_answers() { # HOST
	[ -n "$1" ] && command -v podman >/dev/null &&
		timeout 20 podman --url "$1" version --format '{{.Server.Version}}' 2>/dev/null
}

# wait_for LOG COMMAND... waits until COMMAND works.
wait_for() {
	local log=$1 tries=120
	shift
	until "$@" >/dev/null; do
		tries=$((tries - 1))
		if [ "$tries" -eq 0 ]; then
			[ -f "$log" ] && tail -n 30 "$log" >&2
			return 1
		fi
		sleep 0.5
	done
}

# --- Packages ----------------------------------------------------------------

apt() {
	local try
	for try in 1 2 3; do
		DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" && return
		say "apt-get $1 failed (try $try of 3)"
		sleep $((try * 5))
	done
	return 1
}

# The first word of a line is a file or command that shows that the rest is there,
# wherever it came from.
needed() {
	cat <<-'END'
		dockerd docker.io
		docker docker.io
		podman podman
		newuidmap uidmap
		slirp4netns slirp4netns
		crun crun
		runc runc
		/usr/lib/podman/netavark netavark
		/usr/lib/podman/aardvark-dns aardvark-dns
		iptables iptables
		fuse-overlayfs fuse-overlayfs
		catatonit catatonit
		runsc runsc
		/var/lib/dpkg/info/busybox-static.list busybox-static
		/etc/ssl/certs/ca-certificates.crt ca-certificates
		runuser util-linux
		useradd passwd
		make make
		git git
		gcc gcc libc6-dev
		/usr/bin/python3 python3
		curl curl
	END
}

install_missing() {
	local packages=() probe package
	while read -r probe package; do
		case $probe in
		/*) [ -e "$probe" ] && continue ;;
		*) command -v "$probe" >/dev/null && continue ;;
		esac
		# shellcheck disable=SC2206 # several packages on one line
		packages+=($package)
	done < <(needed)
	if [ ${#packages[@]} -eq 0 ]; then
		say "packages: all there"
		return
	fi
	command -v apt-get >/dev/null ||
		die "missing: ${packages[*]}; this script can install them on Debian only (no apt-get here)"
	say "packages: installing ${packages[*]}"
	apt update >/dev/null || die "apt-get update failed"
	apt install --no-install-recommends "${packages[@]}" >/dev/null || die "apt-get install failed"
}

# --- Daemons -----------------------------------------------------------------

# start NAME COMMAND... runs it as a daemon of ours: a session of its own, in a
# directory that stays, as conmon refuses to start in one that is gone.
start() {
	local name=$1
	shift
	mkdir -p "$state"
	(cd / && exec setsid "$@") >"$state/$name.log" 2>&1 </dev/null &
	printf '%s %s\n' $! "$(started_at $!)" >"$state/$name.pid"
}

# started_at PID tells a process from a later one with the same number.
started_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# stale_pid FILE PROGRAM removes a pid file that a crash left, and that would keep
# the program from starting: its process is gone, a zombie, or another program by now.
stale_pid() {
	[ -f "$1" ] || return 0
	case $(readlink "/proc/$(cat "$1")/exe" 2>/dev/null || true) in
	*/"$2"*) ;;
	*) rm -f "$1" ;;
	esac
}

up_docker() {
	local version
	if version=$(docker_answers); then
		say "docker $version: found at $docker_host"
		return
	fi
	[ -z "${E2E_DOCKER_HOST:-}" ] || die "docker: E2E_DOCKER_HOST is $E2E_DOCKER_HOST, but nothing answers there"
	if has_systemd; then
		systemctl start docker
	else
		stale_pid /var/run/docker.pid dockerd
		stale_pid /var/run/docker/containerd/containerd.pid containerd
		start dockerd dockerd
	fi
	wait_for "$state/dockerd.log" docker_answers || die "docker: dockerd did not come up; its log is above"
	say "docker $(docker_answers): started at $docker_host"
}

# podman_conf OCI_RUNTIME prints what containers.conf has to say on this machine;
# nothing where Podman's defaults do.
podman_conf() {
	has_sys_resource ||
		printf '[containers]\ndefault_ulimits = ["nofile=4096:4096","nproc=4096:4096"]\n'
	if ! has_systemd; then
		printf '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
		[ -z "$1" ] || printf 'runtime = "%s"\n' "$1"
	fi
}

up_podman() {
	local version runtime="" conf
	if version=$(podman_answers "$podman_host"); then
		say "podman $version: found at $podman_host"
		return
	fi
	[ -z "${E2E_PODMAN_HOST:-}" ] || die "podman: E2E_PODMAN_HOST is $E2E_PODMAN_HOST, but nothing answers there"
	has_hybrid_cgroups && runtime=runc
	conf=$(podman_conf "$runtime")
	if [ -n "$conf" ] && [ ! -e /etc/containers/containers.conf ]; then
		mkdir -p /etc/containers
		printf '%s\n' "$conf" >/etc/containers/containers.conf
		say "podman: wrote /etc/containers/containers.conf"
	fi
	mkdir -p /run/podman
	if has_systemd; then
		systemctl start podman.socket
	else
		start podman podman system service --time=0 "$podman_host"
	fi
	wait_for "$state/podman.log" podman_answers "$podman_host" ||
		die "podman: the service did not come up; its log is above"
	say "podman $(podman_answers "$podman_host"): started at $podman_host"
}

up_rootless() {
	local version uid home run
	if version=$(podman_answers "$(rootless_host)"); then
		say "podman $version, rootless: found at $(rootless_host)"
		return
	fi
	[ -z "${E2E_PODMAN_ROOTLESS_HOST:-}" ] ||
		die "podman rootless: E2E_PODMAN_ROOTLESS_HOST is $E2E_PODMAN_ROOTLESS_HOST, but nothing answers there"
	if ! rootless_uid >/dev/null; then
		useradd --create-home --shell /bin/bash "$user" # gives it subordinate ids, too
		say "podman rootless: made the user $user"
	fi
	uid=$(rootless_uid)
	home=$(getent passwd "$user" | cut -d: -f6)
	run=/run/user/$uid
	mkdir -p /run/user
	[ -d "$run" ] || install -d -m 0700 -o "$user" -g "$user" "$run"

	rootless_conf "$home/.config/containers" storage.conf '[storage]
driver = "overlay"'
	rootless_conf "$home/.config/containers" containers.conf "$(podman_conf crun)"

	start podman-rootless unshare --mount "$self" rootless-service "$user" "$home" "$run"
	wait_for "$state/podman-rootless.log" podman_answers "$(rootless_host)" ||
		die "podman rootless: the service did not come up; its log is above"
	say "podman $(podman_answers "$(rootless_host)"), rootless: started at $(rootless_host)"
}

# rootless_conf DIR FILE TEXT writes a file of the user's, once.
rootless_conf() {
	[ -n "$3" ] && [ ! -e "$1/$2" ] || return 0
	runuser -u "$user" -- mkdir -p "$1"
	printf '%s\n' "$3" >"$1/$2"
	chown "$user:$user" "$1/$2"
}

# rootless_service USER HOME RUN FLAG... becomes the rootless service, on a socket in RUN
# and with more global flags of Podman. It runs in a mount namespace of its own, in which
# /dev and the cgroups can be made to suit crun and slirp4netns; the first podman command
# of a user and RUN must be in it, as that one decides in which mount namespace all the
# later ones are. Tests use it for services of their own, too.
rootless_service() {
	local user=$1 home=$2 run=$3
	shift 3
	mount --make-rslave /
	if has_hybrid_cgroups; then
		umount /sys/fs/cgroup/unified
	fi
	if ! runuser -u "$user" -- test -r /dev/net/tun -a -w /dev/net/tun; then
		mkdir -p "$state/dev" /dev/net
		mount -t tmpfs -o mode=0755,dev,size=64k tmpfs "$state/dev"
		mknod -m 0666 "$state/dev/tun" c 10 200
		[ -e /dev/net/tun ] || touch /dev/net/tun
		mount --bind "$state/dev/tun" /dev/net/tun
	fi
	mount --make-rshared /
	cd "$home"
	# Not runuser, which stays, and stops and goes on by itself when a test stops the service.
	exec setpriv --reuid "$user" --regid "$user" --init-groups env -i HOME="$home" XDG_RUNTIME_DIR="$run" \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		podman "$@" system service --time=0 "unix://$run/podman.sock"
}

# --- Commands ----------------------------------------------------------------

up() {
	[ "$(id -u)" -eq 0 ] || die "up needs root: sudo $0 up"
	install_missing
	up_docker
	up_podman
	up_rootless
}

# stop NAME ends the session that start began.
stop() {
	local pid since file=$state/$1.pid tries=60
	[ -f "$file" ] || return 0
	read -r pid since <"$file"
	rm -f "$file"
	[ "$(started_at "$pid")" = "$since" ] || return 0
	kill -TERM -- "-$pid" 2>/dev/null || return 0
	while kill -0 -- "-$pid" 2>/dev/null; do
		tries=$((tries - 1))
		if [ "$tries" -eq 0 ]; then
			kill -KILL -- "-$pid" 2>/dev/null || true
			break
		fi
		sleep 0.5
	done
	say "$1: stopped"
}

down() {
	[ "$(id -u)" -eq 0 ] || die "down needs root: sudo $0 down"
	local pause
	if [ -f "$state/podman-rootless.pid" ]; then
		stop podman-rootless
		# It holds the user's namespaces for the next podman command, which would then
		# be in a mount namespace that a later "up" did not make.
		pause=/run/user/$(rootless_uid)/libpod/tmp/pause.pid
		if [ -f "$pause" ]; then
			kill "$(cat "$pause")" 2>/dev/null || true
			rm -f "$pause"
		fi
	fi
	stop podman
	stop dockerd
}

status() {
	local version
	if version=$(docker_answers); then say "docker $version: $docker_host"; else say "docker: nothing answers at $docker_host"; fi
	if version=$(podman_answers "$podman_host"); then say "podman $version: $podman_host"; else say "podman: nothing answers at $podman_host"; fi
	if version=$(podman_answers "$(rootless_host)"); then
		say "podman $version, rootless: $(rootless_host)"
	else
		say "podman rootless: nothing answers at $(rootless_host)"
	fi
}

environment() {
	printf 'export E2E_DOCKER_HOST=%q\n' "$docker_host"
	printf 'export E2E_PODMAN_HOST=%q\n' "$podman_host"
	[ -z "$(rootless_host)" ] || printf 'export E2E_PODMAN_ROOTLESS_HOST=%q\n' "$(rootless_host)"
}

case ${1:-} in
up) up ;;
down) down ;;
status) status ;;
env) environment ;;
rootless-service) shift && rootless_service "$@" ;;
*) die "usage: $0 up|down|status|env" ;;
esac
