# Tests that need more than this machine's kernel has, in a virtual machine with a Debian kernel.
.PHONY: test-vm test-arm64

test-vm: TESTS ?= bridge-vlan attacks/routers attacks/policy-evasion plugins/policy.test \
  $(addprefix plugins/,dummy ptp macvlan masters ipvlan vlan vrf host-device tap)
test-vm: all ## Run TESTS in a virtual machine whose kernel has VLAN filtering, 802.1Q, ipvlan, dummy, vrf (root)
	@tools/setup.sh test
	tools/vm/run.sh node_modules/.bin/vitest run --config spec-tests/vitest.config.ts $(TESTS)

test-arm64: TESTS ?= clients/main-job clients/weft.test attacks/image chains/chain plugins/vxlan-overlay
test-arm64: all cross ## Run TESTS of the image for arm64 on an emulated machine (root, slow); PAGES=16k: with pages of that size
	@tools/setup.sh test-arm64
	WEFT_VM_MACHINE=arm64$(if $(PAGES),-$(PAGES)) nice -n 19 tools/vm/run.sh \
	  node_modules/.bin/vitest run --config spec-tests/vitest.config.ts --no-isolate --maxWorkers 2 $(TESTS)
