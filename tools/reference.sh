#!/bin/sh
# Builds the reference plugins of one later release, to compare with:  tools/reference.sh VERSION
# They come as a Go module, whose checksum Go verifies, into .cache/reference-VERSION.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
module=github.com/containernetworking/plugins
version=$1
folder=$root/.cache/reference-$version

fail() {
  echo "$1" >&2
  exit 1
}

[ ! -e "$folder/.built" ] || exit 0
command -v go >/dev/null ||
  fail "Cannot build the reference plugins $version: Go is needed and not in PATH"
mkdir -p "$folder"
# Without a C library, so that they run anywhere; what they say of themselves is their release's.
stamp="-X $module/pkg/utils/buildversion.BuildVersion=v$version"
GOBIN=$folder CGO_ENABLED=0 go install -trimpath -ldflags "-s -w $stamp" "$module/plugins/...@v$version" ||
  fail "Cannot build the reference plugins $version: go install failed"
touch "$folder/.built"
"$root/tools/owner.sh" "$root/.cache"
