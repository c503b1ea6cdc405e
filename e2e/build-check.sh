#!/usr/bin/env bash
# build-check.sh - the module builds where its users build it: on other systems,
# without cgo, and as a dependency of a program that sets no build tags and has no C
# headers but those of the compiler.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
go=${GO:-go}

build() { # VAR=VALUE...
	printf 'build-check: %s\n' "$*"
	env "$@" "$go" build ./runtime/... ./backends/... ./factory/... ./cmd/...
}
build CGO_ENABLED=0
build GOOS=darwin CGO_ENABLED=0
build GOOS=windows CGO_ENABLED=0

# Vets what is different on another system; the rest is what vet has seen on this one.
vet() { # GOOS
	printf 'build-check: vet, GOOS=%s\n' "$1"
	local dir files
	while read -r dir files; do
		(cd "$dir" && GOOS=$1 CGO_ENABLED=0 "$go" vet $files)
	done < <(GOOS=$1 CGO_ENABLED=0 "$go" list -f '{{if .IgnoredGoFiles}}{{.Dir}} {{join .GoFiles " "}}{{end}}' \
		./runtime/... ./backends/... ./factory/... ./cmd/... ./internal/...)
}
vet darwin
vet windows

printf 'build-check: as a dependency, CGO_ENABLED=1\n'
module=$("$go" list -m)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sed "s#^module .*#module example.com/user#" go.mod >"$scratch/go.mod"
cp go.sum "$scratch/"
cat >"$scratch/main.go" <<END
package main

import "$module/factory"

func main() {
	if err := factory.Register(); err != nil {
		panic(err)
	}
}
END
here=$PWD
cd "$scratch"
"$go" mod edit -require="$module@v0.0.0" -replace="$module=$here"
CGO_ENABLED=1 GOFLAGS=-mod=mod "$go" build -o user .
