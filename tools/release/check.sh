#!/bin/sh
# Makes a release twice from what is committed, in folders of different names and depth and with
# different umasks, and compares; then others' tools look at one of them.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

main() {
  (umask 022 && build "$folder/one")
  (umask 077 && build "$folder/another/with a/longer name")
  made=$folder/one/dist/release
  diff -r "$made" "$folder/another/with a/longer name/dist/release" || fail "two builds differ"
  echo "two builds are the same bytes"
  (cd "$made" && sha256sum --quiet -c SHA256SUMS)
  check_packages
  check_image
  check_bill
  echo "all right"
}

# As in a fresh clone, but for the packages of npm, which are copied.
build() {
  mkdir -p "$1"
  git -C "$root" archive HEAD | tar -x -C "$1"
  cp -a "$root/node_modules" "$1/node_modules"
  (cd "$1" && node tools/build.mjs && node tools/release/release.mjs) >"$folder/log" 2>&1 ||
    { cat "$folder/log" >&2 && fail "the build fails"; }
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
