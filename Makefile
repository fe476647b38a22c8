# The two commands of the README are `make run` and `make test`; `make help` names the rest.

CARGO ?= cargo
TARGET = $(or $(CARGO_TARGET_DIR),target)
# What other programs write and read, recurring files in a store, the API against its document, Grafana's library, and the page in a browser.
CHECKS = load-checks file-checks store-checks api-checks grafana-checks page-checks

.DEFAULT_GOAL := help
.PHONY: help run build test check bench engine fmt lint deny deb deb-checks dist clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 12

# The engine comes while the program is compiled, which goes without what the demo has no use for.
run: ## Serve made-up calls: the page's address first, then a token and a curl line
	@scripts/fetch-engine.sh & $(CARGO) build --profile demo --locked --no-default-features && wait $$!
	exec $(TARGET)/demo/cdrscope serve --demo

build: ## The release binary
	$(CARGO) build --release --locked

test: engine fmt lint deny ## Formatting, lints, licences, every test, and the checks: files, a store for them, the API against its document, Grafana's library, the page in a browser
	$(CARGO) test --locked --no-run
	@scripts/run-tests.sh $(TARGET)/debug/cdrscope $(CHECKS)

# Many tests wait: for an engine to start, for a look at the parts, for a second to pass.
test: export RUST_TEST_THREADS ?= 4

check: fmt lint ## The fast half, for every edit: formatting, lints, unit and snapshot tests
	$(CARGO) test --locked --lib --bins

bench: engine ## How fast it is, next to the targets and in turns with what it is compared with; CALLS=50000000 for more
	$(CARGO) bench --locked --bench service

engine: ## Fetch the embedded ClickHouse, if no clickhouse program is there (178 MB, once)
	@scripts/fetch-engine.sh

fmt: ## Fails where the code is not formatted
	$(CARGO) fmt --check

lint: ## Warnings are errors
	$(CARGO) clippy --all-targets --locked -- -D warnings

deny: ## Licences, sources and advisories of the dependencies
	@scripts/deny.sh

deb: build ## A Debian package, in target/packages
	scripts/package.sh deb $(TARGET)/release/cdrscope

deb-checks: engine deb ## Install, upgrade and purge it in a Debian of its own; needs root, debootstrap, lintian and systemd-container
	scripts/package-checks.sh target/packages/cdrscope_*_$$(dpkg --print-architecture).deb

dist: build ## An archive with checksums and SBOM, in target/packages
	scripts/package.sh dist $(TARGET)/release/cdrscope

clean: ## What was built; the engine stays in the user's cache
	$(CARGO) clean
