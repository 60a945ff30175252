#!/bin/sh
# Makes a release twice from what is committed, in folders of different names and depth and with
# different umasks, and compares; then others' tools look at one of them.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
commit=$(git -C "$root" rev-parse HEAD)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct "$commit")}
export SOURCE_DATE_EPOCH
dists="dist ${ARM64:+dist-arm64}"

main() {
  if [ -n "${ARM64:-}" ]; then "$root/tools/setup.sh" arm64 && "$root/tools/arm64.sh"; fi
  (umask 022 && build "$folder/one")
  (umask 077 && build "$folder/another/with a/longer name")
  made=$folder/one/dist/release
  diff -r "$made" "$folder/another/with a/longer name/dist/release" || fail "two builds differ"
  echo "two builds are the same bytes"
  (cd "$made" && sha256sum --quiet -c SHA256SUMS)
  check_packages
  check_image
  check_bill
  check_arm64
  echo "all right"
}

# As in a fresh clone, but for the packages of npm, which are copied.
build() {
  mkdir -p "$1"
  git -C "$root" archive "$commit" | tar -x -C "$1"
  cp -a "$root/node_modules" "$1/node_modules"
  (cd "$1" && node tools/build.mjs && build_arm64 && node tools/release/release.mjs dist/release $dists) \
    >"$folder/log" 2>&1 || { cat "$folder/log" >&2 && fail "the build fails"; }
}

build_arm64() {
  [ -n "${ARM64:-}" ] || return 0
  mkdir -p .cache
  cp -a "$root/.cache/arm64" .cache/arm64
  WEFT_CROSS=$root/.cache/arm64 WEFT_DIST=$PWD/dist-arm64 node tools/build.mjs
}

# What works without a kernel of its own: files, and what is only read and said.
check_arm64() {
  [ -n "${ARM64:-}" ] || return 0
  bin=$folder/one/dist-arm64/bin at=$folder/run
  mkdir "$at" "$at/bin"
  qemu-aarch64-static "$bin/weft" install "$at/bin" >/dev/null
  for pages in 4096 16384 65536; do
    for name in $(ls "$bin"); do
      [ "$name" = weft ] || CNI_COMMAND=VERSION qemu-aarch64-static -p "$pages" "$at/bin/$name" </dev/null |
        grep -q supportedVersions || fail "$name for arm64 does not run with pages of $pages bytes"
    done
    qemu-aarch64-static -p "$pages" "$at/bin/weft" validate "$root"/examples/*.conf* >/dev/null ||
      fail "weft validate for arm64, with pages of $pages bytes"
  done
  export CNI_CONTAINERID=x CNI_NETNS=/x CNI_IFNAME=eth0 CNI_PATH=$at/bin
  conf='{"cniVersion": "1.0.0", "name": "n", "type": "x", "ipam": {"type": "host-local", "subnet": "10.1.2.0/24", "dataDir": "'$at/data'"}}'
  echo "$conf" | CNI_COMMAND=ADD qemu-aarch64-static "$at/bin/host-local" | grep -q 10.1.2.2/24 || fail "host-local for arm64"
  echo "$conf" | CNI_COMMAND=DEL qemu-aarch64-static "$at/bin/host-local"
  [ ! -e "$at/data/n/10.1.2.2" ] || fail "host-local for arm64 frees nothing"
  qemu-aarch64-static "$bin/weft" install --uninstall "$at/bin" >/dev/null
  [ -z "$(ls -A "$at/bin")" ] || fail "weft install --uninstall for arm64"
  echo "the image for arm64 runs under qemu"
}

check_packages() {
  for file in "$made"/*.deb; do
    lintian --allow-root --fail-on error,warning "$file" || fail "lintian does not like $file"
  done
  echo "lintian has no error and no warning"
}

check_image() {
  for architecture in $(cd "$made" && ls -- *.cdx.json | sed 's/.*-linux-\(.*\)\.cdx\.json/\1/'); do
    to=$folder/$architecture
    skopeo --override-os linux --override-arch "$architecture" copy --quiet \
      "oci-archive:$(ls "$made"/*-oci.tar)" "oci:$to:it"
    skopeo inspect "oci:$to:it" | grep -q "\"Architecture\": \"$architecture\"" || fail "no image for $architecture"
  done
  echo "skopeo finds the image of each architecture"
}

# npm knows packages by name, version and digest as well; those of it that are bundled must agree.
check_bill() {
  npm --prefix "$root" sbom --sbom-format cyclonedx --package-lock-only >"$folder/npm.json" 2>/dev/null ||
    { echo "this npm has no sbom: not compared" && return; }
  node -e '
    const [npm, ...ours] = process.argv.slice(1).map((path) => JSON.parse(require("fs").readFileSync(path)));
    const known = new Map(npm.components.map((one) => [one.purl, JSON.stringify(one.hashes)]));
    for (const { purl, hashes } of ours.flatMap(({ components }) => components)) {
      if (!purl.startsWith("pkg:npm/")) continue;
      if (known.get(purl) !== JSON.stringify(hashes)) throw new Error(`npm says otherwise of ${purl}`);
    }' "$folder/npm.json" "$made"/*.cdx.json
  echo "npm sbom agrees"
}

fail() {
  echo "Not to be released: $*" >&2
  exit 1
}

main "$@"
