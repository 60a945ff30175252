# README's commands on new machines: minimal Debians made for it.
.PHONY: test-fresh

DEBIANS ?= bookworm trixie

test-fresh: ## Run README's commands in a new Debian 12 and 13 (root); DEBIANS=trixie, TESTS=… for less
	@TESTS="$(TESTS)" tools/fresh/run.sh $(DEBIANS)
