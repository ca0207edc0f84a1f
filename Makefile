# `make help` lists the targets. Each one installs what it needs, pinned.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO ?= go
GOLANGCI_VERSION := v2.15.0
# Tools live beside the checkout, one directory per version, so that a new pin is a new install.
TOOLS := $(CURDIR)/.cache/tools
GOLANGCI := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)/golangci-lint
export CGO_ENABLED ?= 0

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: help
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build ./redundancy, a static binary
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o redundancy ./cmd/redundancy

.PHONY: demo
demo: build ## the whole main job on this machine: simulated GitHub, the App, a recovery
	./redundancy demo

.PHONY: test
test: build ## every test, with the race detector; installs what is missing
	scripts/test.sh

.PHONY: test-short
test-short: ## the tests that need Go and git only
	$(GO) test -short ./...

.PHONY: test-faults
test-faults: ## kill -9 at random points under load, 200 rounds, and the full-disk test
	REDUNDANCY_FAULT_ROUNDS=$${REDUNDANCY_FAULT_ROUNDS:-200} $(GO) test -count=1 -timeout 60m -run 'Kill|Fault|DiskFull' ./...

.PHONY: bench
bench: build ## the measurements of docs/performance.md, peers in the same run
	scripts/bench.sh

.PHONY: lint
lint: $(GOLANGCI) ## gofmt, go vet, golangci-lint
	test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'run gofmt -w on these files'; exit 1; }
	$(GO) vet ./...
	$(GOLANGCI) run ./...

.PHONY: generate
generate: ## rewrite generated files: the JSON schemas (tests fail while they are stale)
	$(GO) generate ./...

$(GOLANGCI):
	mkdir -p $(@D)
	GOBIN=$(@D) GOFLAGS=-mod=mod $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
