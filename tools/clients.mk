# Tests with the runtimes of containers: those of Debian, and containerd 2 from its Go module.
.PHONY: client-tools test-clients

client-tools: ## Build containerd 2 from its Go module, some minutes, to test with
	@tools/clients/build.sh

test-clients: TESTS ?= runtimes/
test-clients: all client-tools ## Run pods and containers by containerd, ctr, podman and cnitool, also beside the reference (root)
	@tools/setup.sh test-clients
	@tools/reference.sh $(REFERENCE)
	WEFT_SETUP=test-clients node tools/test.mjs spec $(TESTS)
	PEER=/usr/lib/cni:.cache/reference-$(REFERENCE) node bench/cri.mjs --quick
