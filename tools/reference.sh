#!/bin/sh
# Builds the reference plugins of one later release, to compare with:  tools/reference.sh VERSION
# They come as a Go module, whose checksum Go verifies, into .cache/reference-VERSION; with them
# comes cnitool, which runs libcni, into .cache/cnitool-<its version>.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
module=github.com/containernetworking/plugins
version=$1
folder=$root/.cache/reference-$version
tool_module=github.com/containernetworking/cni/cnitool
tool_version=1.3.0
tool_folder=$root/.cache/cnitool-$tool_version

fail() {
  echo "$1" >&2
  exit 1
}

# Without a C library, so that they run anywhere.
build() {
  [ ! -e "$1/.built" ] || return 0
  command -v go >/dev/null || fail "Cannot build $3: Go is needed and not in PATH"
  mkdir -p "$1"
  GOBIN=$1 CGO_ENABLED=0 go install -trimpath -ldflags "-s -w $2" "$3" ||
    fail "Cannot build $3: go install failed"
  touch "$1/.built"
  "$root/tools/owner.sh" "$root/.cache"
}

# What plugins say of themselves is their release's.
stamp="-X $module/pkg/utils/buildversion.BuildVersion=v$version"
build "$folder" "$stamp" "$module/plugins/...@v$version"
build "$tool_folder" "" "$tool_module@v$tool_version"
