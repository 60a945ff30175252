# A later release of the reference plugins than Debian's, for spec-tests/interchange and bench-cri.
.PHONY: reference

REFERENCE = 1.9.1

reference: ## Build the reference plugins 1.9.1 and cnitool 1.3.0 from their Go modules, to compare with
	@tools/reference.sh $(REFERENCE)
