# The C host with AddressSanitizer and UndefinedBehaviorSanitizer, under the tests of the executables.
# Left out are the loops in which each system call fails: there are the sanitizers' own among them; and what is handed out.
.PHONY: test-sanitize

test-sanitize: dist-sanitize/.built ## Run the tests of the executables and of the codec with sanitizers in the C host (root)
	@tools/setup.sh test-sanitize
	WEFT_SANITIZED=1 node_modules/.bin/vitest run lib/netlink/codec.test.ts
	node tools/codec.mjs fuzz 60
	WEFT_BIN=dist-sanitize/bin WEFT_SANITIZED=1 node_modules/.bin/vitest run \
	  --config spec-tests/vitest.config.ts --exclude '**/faults/**' --exclude '**/release/**' $(SANITIZE_TESTS)

dist-sanitize/.built: node_modules/.package-lock.json $(sources)
	@tools/setup.sh build
	SANITIZE=1 WEFT_DIST=$(CURDIR)/dist-sanitize node tools/build.mjs
	@touch $@
	@tools/owner.sh dist-sanitize
