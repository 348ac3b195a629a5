.DEFAULT_GOAL := help
SHELL := /bin/bash -euo pipefail

GO     ?= go
COUNT  ?= 1

GOLANGCI_LINT_VERSION := v2.15.0
GOVULNCHECK_VERSION   := v1.9.0
APIDIFF_VERSION       := v0.0.0-20261113113407-e3970619a1a4

# One folder per go.mod: the go command never crosses from one module into the next.
MODULES := $(sort $(patsubst %/go.mod,%,$(shell find . -name go.mod -not -path './.*/*')))
each = @for dir in $(MODULES); do echo "== $$dir: $(1)"; (cd $$dir && $(1)); done

# Tools live in .tools under their version, so a new version above builds a new file.
TOOLS         := $(CURDIR)/.tools
GOLANGCI_LINT := $(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION)
GOVULNCHECK   := $(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION)
APIDIFF       := $(TOOLS)/apidiff-$(APIDIFF_VERSION)
$(GOLANGCI_LINT): PKG := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
$(GOVULNCHECK):   PKG := golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)
$(APIDIFF):       PKG := golang.org/x/exp/cmd/apidiff@$(APIDIFF_VERSION)
$(TOOLS)/%:
	GOBIN=$(TOOLS)/tmp $(GO) install $(PKG)
	mv $(TOOLS)/tmp/* $@

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9\/-]+:.*## / { printf "  %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: check
check: tidy-check versions lint test-race ## Check go.mod, lint, and test under the race detector in random order

.PHONY: demo
demo: ## Run the shop demo: real SQLite file, real image files, every step explained (DIR=... keeps them)
	$(GO) run ./product/demo $(if $(DIR),-dir $(DIR))

.PHONY: test
test: ## Run the tests on SQLite, with a line per package as it ends
	$(GO) test -json -count=$(COUNT) ./... | $(GO) run ./internal/testlines

.PHONY: test-race
test-race: ## Run the tests under the race detector, in random order
	$(GO) test -race -shuffle=on -count=$(COUNT) -timeout=30m ./...

.PHONY: test-db
test-db: ## Run the tests on PostgreSQL and MariaDB and count the cases; SIGNALS_TEST_POSTGRES_DSN and SIGNALS_TEST_MARIADB_DSN name the servers
	@mkdir -p .tools
	cd internal/dbtest && { $(GO) test -race -v -shuffle=on -count=$(COUNT) -timeout=30m ./... >$(TEST_DB_LOG) 2>&1 || { grep -v -e '^ *=== ' -e '--- PASS' $(TEST_DB_LOG); exit 1; }; }
	@grep -o 'conformance: .*' $(TEST_DB_LOG) | sort | uniq -c
	@tail -n 1 $(TEST_DB_LOG)

# Where the outbox and what belongs to it is tested, beside internal/dbtest.
OUTBOX := outbox outbox/natsembed outbox/natsjs outbox/kafka outbox/watermillsink internal/e2e otelsignals product/distributed product/smtpmail

.PHONY: test-outbox
test-outbox: ## Run the tests of the outbox, of its engines, of tracing, and of processes that are killed, in a short form
	@for dir in $(OUTBOX); do (cd $$dir && $(GO) test -race -shuffle=on -count=$(COUNT) -timeout=30m ./...); done

.PHONY: e2e
e2e: ## Kill writers, relays, brokers and consumers while 50,000 changes pass, on each database (CHANGES=3000: less)
	cd internal/e2e && SIGNALS_E2E_CHANGES=$(or $(CHANGES),50000) $(GO) test -count=1 -timeout=30m -v -run=OverKills .

.PHONY: demo-distributed
demo-distributed: ## Run two processes and a JetStream: what one creates the other indexes, while the relay is killed
	cd product/distributed && $(GO) run . $(if $(DIR),-dir $(DIR))

.PHONY: shop
shop: ## Open the shop on the web, with sample products and the inspector (ADDR=127.0.0.1:8080, DIR=... keeps the data)
	$(GO) run ./product/shop -inspect $(if $(ADDR),-addr $(ADDR)) $(if $(DIR),-dir $(DIR))

.PHONY: test-browser
test-browser: ## Drive the shop and the inspector with headless Chromium, which is installed if it is missing (SCREENSHOTS=docs/images: pictures)
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; }
	cd internal/browser && SCREENSHOTS=$(if $(SCREENSHOTS),$(abspath $(SCREENSHOTS))) $(GO) test -count=1 ./...

.PHONY: test-load
test-load: ## Run 8 goroutines of 10,000 transactions each under the race detector
	SIGNALS_TEST_TRANSACTIONS=10000 $(GO) test -race -count=1 -timeout=30m -run=UnderLoad -v ./internal/behaviour

TEST_DB_LOG := $(CURDIR)/.tools/test-db.log

.PHONY: bench
bench: ## Print what signals cost beside GORM, bun and ent, in 7 minutes (SHORT=1: less than one; ONLY="W2 save"; WRITE=1: into docs/performance.md)
	cd bench/peers && $(GO) run . $(if $(SHORT),-short) $(if $(ONLY),-only "$(ONLY)") $(if $(WRITE),-write ../../docs/performance.md)
	$(if $(SHORT)$(ONLY),,$(GO) run ./bench/programs $(if $(WRITE),-write docs/performance.md))

.PHONY: bench-programs
bench-programs: ## Print by how much each model with a receiver makes a program larger and its build longer, in two minutes (WRITE=1: into docs/performance.md)
	$(GO) run ./bench/programs $(if $(WRITE),-write docs/performance.md)

.PHONY: bench-outbox
bench-outbox: ## Print what the outbox costs on each database and how fast it is, in two minutes (WRITE=1: into docs/performance.md)
	cd bench/outbox && $(GO) run . $(if $(WRITE),-write ../../docs/performance.md)

.PHONY: fuzz
fuzz: ## Fuzz the write paths, the writes beside other people's callbacks, the transactions and the links, each for FUZZTIME (default 5m)
	$(GO) test -run='^$$' -fuzz=FuzzWrites -fuzzminimizetime=10x -fuzztime=$(or $(FUZZTIME),5m) ./internal/fuzzwrites
	$(GO) test -run='^$$' -fuzz=FuzzBeside -fuzzminimizetime=10x -fuzztime=$(or $(FUZZTIME),5m) ./internal/beside
	$(GO) test -run='^$$' -fuzz=FuzzTransactions -fuzzminimizetime=10x -fuzztime=$(or $(FUZZTIME),5m) ./internal/conformance
	$(GO) test -run='^$$' -fuzz=FuzzLinks -fuzzminimizetime=10x -fuzztime=$(or $(FUZZTIME),5m) ./internal/conformance

.PHONY: cover
cover: ## Show the coverage of the core by function
	$(GO) test -coverpkg=./... -coverprofile=cover.out ./... && $(GO) tool cover -func=cover.out | tail -1

.PHONY: lint
lint: $(GOLANGCI_LINT) ## Lint every module and fail on unformatted code
	$(call each,$< run ./...)

.PHONY: fmt
fmt: $(GOLANGCI_LINT) ## Format every module
	$(call each,$< fmt .)

.PHONY: tidy
tidy: ## Tidy every go.mod
	$(call each,$(GO) mod tidy)

.PHONY: tidy-check
tidy-check: ## Fail on an untidy go.mod
	$(call each,$(GO) mod tidy -diff)

# The tool of releases works on the whole repository.
RELEASE = cd internal/release && $(GO) run .

.PHONY: versions
versions: ## Fail where a module requires another one at a version other than that on top of CHANGELOG.md
	$(RELEASE) versions

.PHONY: release
release: ## Set VERSION=0.2.0 in every module and in CHANGELOG.md, and print the tags to push
	$(RELEASE) release $(or $(VERSION),$(error name a version: make release VERSION=0.2.0))

.PHONY: test-consumer
test-consumer: ## Get each public module in an empty program, as other people do, and run its example there
	cd internal/release && $(GO) test -count=1 .
	$(RELEASE) consumer

.PHONY: api-check
api-check: $(APIDIFF) ## Show what has changed in the public API since the last tag, and fail where a program would break
	$(RELEASE) api $(APIDIFF)

.PHONY: vuln
vuln: $(GOVULNCHECK) ## Look for known vulnerabilities (needs vuln.go.dev)
	$(call each,$< ./...)
