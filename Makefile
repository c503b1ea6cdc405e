# make demo      set up the engines, and watch a PromptKit hook run on each of them
# make test      set up the engines, and run all tests
# make help      the rest

GO          ?= go
export GO
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
GORELEASER  ?= github.com/goreleaser/goreleaser/v2@v2.15.1
CYCLONEDX   ?= github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

# Engines that must be there, or the end-to-end tests fail instead of skipping:
# docker, podman, podman-rootless, podman-cli, and gvisor.
E2E_REQUIRE ?=
export E2E_REQUIRE

# Packages with tests that need no engine.
UNIT = $$($(GO) list ./... | grep -v -e /e2e$$ -e /e2e/bench$$)

SUDO = $(if $(filter-out 0,$(shell id -u)),sudo)

.NOTPARALLEL:
.PHONY: help demo test unit e2e race lint fmt-check mod-verify vet staticcheck vuln build build-check release-check release-snapshot release soak bench fuzz engines engines-down

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

demo: engines ## a hook that denies and redacts, on each engine found
	$(GO) run ./e2e/demo

test: engines unit e2e ## all tests

# On a busy machine a test of time can fail once. What has passed is cached, so that the
# second run is of what failed alone; the output has both.
unit: ## tests that need no engine
	$(GO) test $(UNIT) || { echo "unit: what failed, once more"; $(GO) test $(UNIT); }

e2e: ## tests on real engines
	@e2e/run.sh

race: ## unit tests under the race detector
	CGO_ENABLED=1 $(GO) test -race $(UNIT) || { echo "race: what failed, once more"; CGO_ENABLED=1 $(GO) test -race $(UNIT); }

lint: fmt-check mod-verify vet staticcheck vuln ## all static checks

fmt-check:
	@bad=$$(gofmt -l .); [ -z "$$bad" ] || { echo "gofmt these:"; echo "$$bad"; exit 1; }

mod-verify:
	$(GO) mod verify

vet:
	$(GO) vet ./...

staticcheck:
	$(GO) run $(STATICCHECK) ./...

vuln: ## known vulnerabilities in what is called, where their database can be reached
	e2e/vuln.sh

build: ## bin/dockerrun
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./cmd/dockerrun

build-check: ## builds for other systems, without cgo, and as another module's dependency
	e2e/build-check.sh

release-check: ## .goreleaser.yaml
	$(GO) run $(GORELEASER) check

# What lists the modules in each binary has to be in PATH.
RELEASE = GOBIN=$(CURDIR)/bin $(GO) install $(CYCLONEDX) && PATH="$(CURDIR)/bin:$$PATH" $(GO) run $(GORELEASER) release --clean

release-snapshot: ## all that a release would have, in dist; publishes nothing
	$(RELEASE) --snapshot

release: ## a draft release of the tag that is checked out; needs GITHUB_TOKEN
	$(RELEASE)

soak: engines ## all end-to-end tests, 50 tries of each cancellation, 10,000 warm calls, 30 minutes of chaos
	E2E_SOAK=50 E2E_WARM_CALLS=10000 E2E_CHAOS=30m $(GO) test -count=1 -v -timeout 240m ./e2e

# How long each target is fuzzed, and which: make fuzz FUZZTIME=30s FUZZ=Mount
FUZZTIME ?= 5m
FUZZ     ?= .

fuzz: ## each fuzz target for FUZZTIME, one after another
	e2e/fuzz.sh $(FUZZTIME) '$(FUZZ)'

BENCH = $(GO) test -run '^$$' -timeout 60m ./e2e/bench -docs ../../docs -bench

bench: engines ## latency, load and footprint against docker run, podman run and a local exec; writes docs
	$(BENCH) 'Latency/cat' -benchtime 60x
	$(BENCH) 'Latency/(Go|Python)' -benchtime 30x
	$(BENCH) 'Load' -benchtime 2x
	$(BENCH) 'Footprint' -benchtime 1x
	$(BENCH) 'Burst' -benchtime 15x

engines: ## install and start what is missing
	$(SUDO) e2e/engines.sh up

engines-down: ## stop the engines that "make engines" started
	$(SUDO) e2e/engines.sh down
