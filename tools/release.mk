# What is handed out: docs/release.md.
.PHONY: release test-release

release: all ## Make dist/release: archive, package, image for containers, bill of materials, checksums
	@tools/setup.sh release
	node tools/release/release.mjs dist/release
	@tools/owner.sh dist/release

test-release: ## Make a release twice, in different folders, compare, and let lintian, skopeo and npm look (root)
	@tools/setup.sh test-release
	tools/release/check.sh
