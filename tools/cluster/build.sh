#!/bin/sh
# Builds what hosts are joined by, and beside, in the tests of spec-tests/cluster:  tools/cluster/build.sh
# flanneld, kube-apiserver and kubectl come as Go modules, whose checksums Go verifies, into
# .cache/cluster, or into the folder WEFT_CLUSTER, as the tests seek them.
# The API server takes 10 to 30 minutes and 4 GB of disk the first time.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tools/cluster
folder=${WEFT_CLUSTER:-$root/.cache/cluster}
flannel=0.28.10
kubernetes=1.34.4

fail() {
  echo "$1" >&2
  exit 1
}

# Arguments: name and version of the program, the module here that it is built from, whether it
# needs a C library, its package, and what it is told by the linker.
build() {
  file=$folder/$1-$2
  [ ! -x "$file" ] || return 0
  command -v go >/dev/null || fail "Cannot build $1: Go is needed and not in PATH"
  echo "Building $1 $2"
  (cd "$here/$3" && nice env CGO_ENABLED="$4" go build -mod=readonly -trimpath -ldflags "-s -w $6" \
    -o "$file.new" "$5") || fail "Cannot build $1: go build failed"
  mv "$file.new" "$file"
  "$root/tools/owner.sh" "$folder"
}

mkdir -p "$root/.cache" "$folder"
"$root/tools/owner.sh" "$root/.cache"
folder=$(cd "$folder" && pwd)
stamp=k8s.io/component-base/version
stamps="-X $stamp.gitVersion=v$kubernetes -X $stamp.gitMajor=1 -X $stamp.gitMinor=34"
build flanneld $flannel flanneld 1 github.com/flannel-io/flannel \
  "-X github.com/flannel-io/flannel/pkg/version.Version=v$flannel"
build kubectl $kubernetes kubernetes 0 k8s.io/kubernetes/cmd/kubectl "$stamps"
build kube-apiserver $kubernetes kubernetes 0 k8s.io/kubernetes/cmd/kube-apiserver "$stamps"
