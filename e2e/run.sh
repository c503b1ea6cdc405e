#!/usr/bin/env bash
# run.sh - the end-to-end tests, Docker's and Podman's at the same time: the engines share
# nothing, and each leaves the machine idle for half of the time. Podman's output comes
# when both have ended.
#
# The engines of a distribution lose an event or a stream now and then when the machine is
# busy (docs/architecture.md, "What engines get wrong"). So up to three tests that failed
# are run once more, with nothing beside them. What fails again has failed; what does not
# is named in the output. A container or goroutine that was left behind is a failure at
# once. E2E_RETRY=0 turns the second run off.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'trap - TERM; kill -TERM 0' INT TERM # what runs in the background ignores a ^C

# tests ENGINES FLAG... runs the tests of some engines.
tests() {
	local engines=$1
	shift
	E2E_ENGINES=$engines "${GO:-go}" test -count=1 -v -timeout 30m "$@" .
}

# again ENGINES LOG runs the tests that failed, as LOG has it.
again() {
	local names
	names=$(sed -n 's/^--- FAIL: \([^ ]*\) .*/\1/p' "$2" | sort -u)
	if [ "${E2E_RETRY:-1}" = 0 ] || [ -z "$names" ] || [ "$(wc -l <<<"$names")" -gt 3 ] ||
		grep -q -e '^panic: ' -e '^e2e: .* left ' -e '^e2e: .*goroutines' "$2"; then
		return 1
	fi
	names=$(paste -sd '|' <<<"$names")
	printf '\ne2e: failed once, and now run again alone: %s\n' "$names"
	tests "$1" -run "^($names)\$"
}

podman_engines="podman podman-rootless podman-cli"
docker=0 podman=0
tests "$podman_engines" >"$tmp/podman" 2>&1 &
tests docker 2>&1 | tee "$tmp/docker" || docker=1
wait $! || podman=1
cat "$tmp/podman"
[ $docker -eq 0 ] || again docker "$tmp/docker"
[ $podman -eq 0 ] || again "$podman_engines" "$tmp/podman"
