#!/bin/sh
# Builds what hosts are joined by, and beside, in the tests of spec-tests/cluster:  tools/cluster/build.sh
# flanneld and kube-apiserver come as Go modules, whose checksums Go verifies, into .cache/cluster.
# The API server takes 10 to 30 minutes and 4 GB of disk the first time.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tools/cluster
folder=$root/.cache/cluster
flannel=0.28.10
kubernetes=1.34.4

fail() {
  echo "$1" >&2
  exit 1
}

# Arguments: name and version of the program, whether it needs a C library, its package, and what it
# is told by the linker.
build() {
  file=$folder/$1-$2
  [ ! -x "$file" ] || return 0
  command -v go >/dev/null || fail "Cannot build $1: Go is needed and not in PATH"
  echo "Building $1 $2"
  mkdir -p "$folder"
  (cd "$here/$1" && nice env CGO_ENABLED="$3" go build -mod=readonly -trimpath -ldflags "-s -w $5" \
    -o "$file.new" "$4") || fail "Cannot build $1: go build failed"
  mv "$file.new" "$file"
  "$root/tools/owner.sh" "$root/.cache"
}

stamp=k8s.io/component-base/version
build flanneld $flannel 1 github.com/flannel-io/flannel \
  "-X github.com/flannel-io/flannel/pkg/version.Version=v$flannel"
build kube-apiserver $kubernetes 0 k8s.io/kubernetes/cmd/kube-apiserver \
  "-X $stamp.gitVersion=v$kubernetes -X $stamp.gitMajor=1 -X $stamp.gitMinor=34"
