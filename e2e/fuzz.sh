#!/usr/bin/env bash
# fuzz.sh [TIME] [TARGET] - runs each fuzz target, or those whose name matches TARGET, for
# TIME (5m), one after another; one worker, so that the machine stays usable. An input
# that breaks a property is written to the package's testdata/fuzz, for plain go test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
go=${GO:-go} time=${1:-5m} only=${2:-.}

failed=()
while IFS=: read -r file _ declaration; do
	target=${declaration#func }
	target=${target%%(*}
	[[ $target =~ $only ]] || continue
	package=./$(dirname "$file")
	printf '\nfuzz: %s %s for %s\n' "$package" "$target" "$time"
	"$go" test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 3s -parallel 1 || failed+=("$target")
done < <(grep -rn --include='*_test.go' '^func Fuzz' runtime backends factory internal cmd | sort)

if ((${#failed[@]})); then
	printf '\nfuzz: failed: %s\n' "${failed[*]}"
	exit 1
fi
