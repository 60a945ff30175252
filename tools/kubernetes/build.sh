#!/bin/sh
# Builds what a node of Kubernetes runs, and what runs the cluster but the API server:  tools/kubernetes/build.sh
# kubelet, kube-proxy, kube-controller-manager and kube-scheduler come as a Go module, whose checksums
# Go verifies, and are one file with four names, in .cache/kubernetes or the folder WEFT_KUBERNETES, as
# the tests seek them. It takes 10 to 30 minutes and 4 GB of disk the first time.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
version=1.34.4
folder=${WEFT_KUBERNETES:-$root/.cache/kubernetes}/$version

fail() {
  echo "$1" >&2
  exit 1
}

[ ! -e "$folder/.built" ] || exit 0
command -v go >/dev/null || fail "Cannot build Kubernetes: Go is needed and not in PATH"
echo "Building the kubelet and the rest of Kubernetes $version"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
stamp=k8s.io/component-base/version
cd "$root/tools/kubernetes/node"
nice -n 19 env CGO_ENABLED=0 go build -mod=readonly -trimpath -o "$folder/all" \
  -ldflags "-s -w -X $stamp.gitVersion=v$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=34" . ||
  fail "Cannot build Kubernetes: go build failed"
for name in kubelet kube-proxy kube-controller-manager kube-scheduler; do
  ln -f "$folder/all" "$folder/$name"
done
rm "$folder/all"
touch "$folder/.built"
"$root/tools/owner.sh" "$root/.cache"
