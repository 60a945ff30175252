#!/bin/sh
# Builds the runtimes of spec-tests/runtimes that Debian does not have:  tools/clients/build.sh
# containerd 2 comes as a Go module, whose checksums Go verifies, into .cache/clients, or into the
# folder WEFT_CLIENTS, as the tests seek it. It takes some minutes the first time.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
module=github.com/containerd/containerd/v2
version=2.2.9
folder=${WEFT_CLIENTS:-$root/.cache/clients}
containerd=$folder/containerd-$version

fail() {
  echo "$1" >&2
  exit 1
}

[ ! -e "$containerd/.built" ] || exit 0
command -v go >/dev/null || fail "Cannot build containerd: Go is needed and not in PATH"
echo "Building containerd $version"
mkdir -p "$containerd"
containerd=$(cd "$containerd" && pwd)
cd "$root/tools/clients/containerd"
for program in containerd containerd-shim-runc-v2 ctr; do
  nice -n 19 env CGO_ENABLED=0 go build -mod=readonly -trimpath -tags "no_btrfs no_devmapper no_zfs" \
    -ldflags "-s -w -X $module/version.Version=v$version" -o "$containerd/$program" "$module/cmd/$program" ||
    fail "Cannot build $program: go build failed"
done
touch "$containerd/.built"
"$root/tools/owner.sh" "$root/.cache"
