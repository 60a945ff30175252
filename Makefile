# weft: a CNI plugin suite. `make help` lists the targets; their comments are the list.

BINDIR ?= /opt/cni/bin
LINK ?= /usr/local/bin/weft
SHARE ?= /usr/local/share
DESTDIR ?=

# A folder counts as well: a file that appears or vanishes changes it.
sources := $(shell find lib plugins ipam agent cli native -not -name '*.test.ts') \
	tools/build.mjs tools/bundle.mjs tools/pages.mjs tools/image.ld tools/arrays.mjs tools/schema.mjs package.json tsconfig.json
bin := node_modules/.bin

# If the machine's own Node.js is too old, set-up has brought one.
export PATH := $(CURDIR)/.cache/node/bin:$(PATH)

.DEFAULT_GOAL := all
# One target after the other, whatever -j says, but for the parts of a check.
ifndef SIDE_BY_SIDE
.NOTPARALLEL:
endif
.DELETE_ON_ERROR:
.PHONY: all setup types lint format unit size spec instructions documents counted check test test-all bench bench-cri bench-overlay bench-policy demo docs install uninstall clean help

all: dist/.built ## Build dist/bin, if something changed since (the default)

setup: ## Install what this machine lacks to build, demonstrate and test (root)
	@tools/setup.sh test

types: node_modules/.package-lock.json ## Check the types
	$(bin)/tsc --noEmit --incremental --tsBuildInfoFile node_modules/.cache/types.json

lint: node_modules/.package-lock.json ## Check style and format
	$(bin)/biome check

format: node_modules/.package-lock.json ## Format the sources, and repair what can be repaired by rule
	$(bin)/biome check --write

unit: node_modules/.package-lock.json ## Run the unit tests and the architecture test
	node tools/test.mjs unit

size: all ## Check the size of the image and of its bytecode
	node tools/size.mjs

spec: all ## Run the tests of the executables in network namespaces (root); TESTS=… for some files
	node tools/test.mjs spec $(TESTS)

instructions: all ## Count the instructions of single runs, and compare with bench/instructions.json (root, valgrind)
	node bench/instructions.mjs

docs: all ## Write option tables and published schemas from the schemas
	node tools/docs.mjs

documents:
	node tools/docs.mjs --check

counted: all
	node bench/instructions.mjs --check --without-links

check: all ## Check all that needs no root: types, lint, unit tests, size, documents, instructions
	@$(MAKE) --no-print-directory -j2 SIDE_BY_SIDE=1 unit types lint size documents counted

test: ## Set up this machine, check, and test the executables (root)
	@tools/setup.sh test
	@$(MAKE) --no-print-directory check spec

test-all: ## The same with every fault and all hostile input: two hours (root)
	@WEFT_PART=1/1 WEFT_HOSTILE=all $(MAKE) --no-print-directory test

bench: ## Measure speed, memory and size against the reference plugins (root)
	@tools/setup.sh test
	@$(MAKE) --no-print-directory all
	node bench/bench.mjs

bench-overlay: ## Measure vxlan-overlay with up to 5,000 other hosts (root)
	@tools/setup.sh test
	@$(MAKE) --no-print-directory all
	node bench/overlay.mjs

bench-cri: ## Measure 30 and 100 pods at once through containerd's CRI (root; PEER=dir:dir)
	@tools/setup.sh bench-cri
	@$(MAKE) --no-print-directory all
	node bench/cri.mjs

bench-policy: ## Measure network policies: 1,000 of them, 5,000 pods, 200 of these here (root)
	@tools/setup.sh test
	@$(MAKE) --no-print-directory all
	node bench/policy.mjs
	node bench/policy-beside.mjs

demo: ## Set up this machine, connect two containers, show what was made, clean up (root)
	@tools/setup.sh demo
	@$(MAKE) --no-print-directory all
	@tools/demo.sh

install: all ## Install the executables into BINDIR (/opt/cni/bin), and weft for people: link, manual, completion
	@DESTDIR="$(DESTDIR)" tools/install.sh install dist/bin "$(BINDIR)" "$(LINK)" "$(SHARE)"

uninstall: ## Remove what install put there; docs/install.md says what networks leave
	@DESTDIR="$(DESTDIR)" tools/install.sh uninstall "$(BINDIR)" "$(LINK)" "$(SHARE)"

clean: ## Remove all that was built and fetched, .cache as well
	rm -rf --one-file-system dist dist-sanitize dist-arm64 coverage node_modules .cache

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# npm writes this file last. As root, what is written belongs to the owner of the checkout.
node_modules/.package-lock.json: package-lock.json
	@tools/setup.sh build
	npm ci --include=dev --no-audit --no-fund --loglevel=error
	@touch $@
	@tools/owner.sh node_modules

dist/.built: node_modules/.package-lock.json $(sources)
	@tools/setup.sh build
	node tools/build.mjs
	@touch $@
	@tools/owner.sh dist

-include tools/*.mk
