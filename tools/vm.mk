# Tests that need more than this machine's kernel has, in a virtual machine with a Debian kernel.
.PHONY: test-vm

test-vm: TESTS ?= bridge-vlan attacks/routers \
  $(addprefix plugins/,dummy ptp macvlan masters ipvlan vlan vrf host-device tap)
test-vm: all ## Run TESTS in a virtual machine whose kernel has VLAN filtering, 802.1Q, ipvlan, dummy, vrf (root)
	@tools/setup.sh test
	tools/vm/run.sh node_modules/.bin/vitest run --config spec-tests/vitest.config.ts $(TESTS)
