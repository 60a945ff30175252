# What is handed out: docs/release.md. On amd64 it is made for arm64 as well; not with ARM64= (nothing).
.PHONY: release test-release cross

ARM64 ?= $(if $(filter x86_64,$(shell uname -m)),1)
dists = dist $(if $(ARM64),dist-arm64)

release: all $(if $(ARM64),cross) ## Make dist/release: archive, package, image for containers, bill of materials, checksums
	@tools/setup.sh release
	node tools/release/release.mjs dist/release $(dists)
	@tools/owner.sh dist/release

test-release: ## Make a release twice, in different folders, compare, and let lintian, skopeo and npm look (root)
	@tools/setup.sh test-release
	@ARM64=$(ARM64) tools/release/check.sh

cross: dist-arm64/.built ## Build dist-arm64/bin for arm64 on another processor, with its memory made under qemu

dist-arm64/.built: node_modules/.package-lock.json tools/arm64.sh $(sources)
	@tools/setup.sh arm64
	@tools/arm64.sh
	WEFT_CROSS=$(CURDIR)/.cache/arm64 WEFT_DIST=$(CURDIR)/dist-arm64 node tools/build.mjs
	@touch $@
	@tools/owner.sh dist-arm64
