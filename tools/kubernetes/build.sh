#!/bin/sh
# Builds what a node of Kubernetes runs, and what runs the cluster but the API server:  tools/kubernetes/build.sh
# kubelet, kube-proxy, kube-controller-manager and kube-scheduler come as a Go module, whose checksums
# Go verifies, and are one file with four names, in .cache/kubernetes or the folder WEFT_KUBERNETES, as
# the tests seek them. It takes 10 to 30 minutes and 4 GB of disk the first time.
# Kubernetes' own tests of network policies, CoreDNS, and the other enforcer of policies that the benchmark
# measures come the same way: some minutes more.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
version=1.34.4
folder=${WEFT_KUBERNETES:-$root/.cache/kubernetes}/$version
stamp=k8s.io/component-base/version
stamps="-X $stamp.gitVersion=v$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=34"

fail() {
  echo "$1" >&2
  exit 1
}

# Arguments: the module here, its package, and the names of the program, the last of which tells that it is whole.
build() {
  module=$1
  package=$2
  shift 2
  for last in "$@"; do :; done
  [ ! -x "$folder/$last" ] || return 0
  command -v go >/dev/null || fail "Cannot build $last: Go is needed and not in PATH"
  echo "Building $*"
  (cd "$root/tools/kubernetes/$module" && nice -n 19 env CGO_ENABLED=0 go build -mod=readonly -trimpath \
    -ldflags "-s -w $stamps" -o "$folder/new" "$package") || fail "Cannot build $last: go build failed"
  for name in "$@"; do ln -f "$folder/new" "$folder/$name"; done
  rm "$folder/new"
}

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
build node . kubelet kube-proxy kube-controller-manager kube-scheduler
build network-tests . network-tests
build network-tests ./agnhost agnhost
build coredns . coredns
build kube-network-policies sigs.k8s.io/kube-network-policies/cmd kube-network-policies
"$root/tools/owner.sh" "$root/.cache"
