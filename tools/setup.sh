#!/bin/sh
# Makes this machine ready:  tools/setup.sh build|demo|test|test-cluster|test-sanitize|release|test-release|arm64|test-arm64|bench-cri|test-clients|test-kubernetes
# Installs what is missing with apt-get; where it cannot, says exactly what to install.
# Prints what is run, and the package it comes from:  tools/setup.sh list build|demo|test|test-cluster|test-sanitize|release|test-release|arm64|test-arm64|bench-cri|test-clients|test-kubernetes
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# What is run, by the Debian or Ubuntu package it comes from; a path is a file that must be there.
build='
  gcc: gcc
  libbearssl-dev: /usr/include/bearssl/bearssl.h
  musl-tools: musl-gcc'
demo="$build
  iproute2: ip bridge
  iputils-ping: ping
  mount: mount umount
  nftables: nft
  util-linux: unshare"
# The tests can run nothing else (spec-tests/bed/programs.ts).
test="$demo
  bash: bash
  binutils: as ld
  busybox: busybox
  conntrack: conntrack
  containernetworking-plugins: /usr/lib/cni/host-local
  coreutils: basename cat chmod chown chroot cp cut date dd dirname du echo env head id install ln ls md5sum mkdir
    mkfifo mktemp mv od printf readlink rm rmdir seq sha256sum sleep sort stat sync tail tee test timeout touch tr true
    uname uniq wc
  dash: sh
  diffutils: cmp diff
  dnsmasq-base: dnsmasq
  dpkg: dpkg dpkg-deb dpkg-divert dpkg-query
  etcd-client: etcdctl
  etcd-server: etcd
  findutils: find
  fish: fish
  grep: grep
  gzip: gzip
  iperf3: iperf3
  iproute2: ss tc
  iptables: iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore
    iptables-nft iptables-nft-save iptables-nft-restore
    ip6tables-nft ip6tables-nft-save ip6tables-nft-restore
    iptables-legacy iptables-legacy-save iptables-legacy-restore
    ip6tables-legacy ip6tables-legacy-save ip6tables-legacy-restore
  isc-dhcp-server: dhcpd
  libarchive-tools: bsdtar
  libc6-dev: /usr/include/stdio.h
  make: make
  mawk: awk
  openssl: openssl
  perl-base: perl
  procps: sysctl
  python3-minimal: python3
  sed: sed
  strace: strace
  tar: tar
  tcpdump: tcpdump
  umoci: umoci
  util-linux: flock nsenter setpriv
  valgrind: valgrind
  xz-utils: xz
  zsh: zsh"
# What makes a release, and the checks of it that take longer.
release="$build
  coreutils: chmod du md5sum touch
  dpkg: dpkg-deb dpkg-query
  findutils: find
  gzip: gzip
  tar: tar
  umoci: umoci
  xz-utils: xz"
# For an image of arm64, which is built here and started by an emulator.
arm64="$build
  gcc-aarch64-linux-gnu: aarch64-linux-gnu-gcc
  libc6-dev-arm64-cross: /usr/aarch64-linux-gnu/lib/crt1.o
  qemu-user-static: qemu-aarch64-static"
# For an emulated machine, which runs that image on a kernel.
test_arm64="$test
  $arm64
  debian-archive-keyring: /usr/share/keyrings/debian-archive-keyring.gpg
  mmdebstrap: mmdebstrap
  qemu-system-arm: qemu-system-aarch64"
test_release="$test
  $release
  git: git
  lintian: lintian
  skopeo: skopeo"
# The fuzzer of the codec is clang's.
test_sanitize="$test
  clang: clang
  libclang-rt-dev: /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a"
bench_cri="$test
  containerd: containerd ctr
  runc: runc"
# Runtimes of containers, of which Debian has these.
test_clients="$bench_cri
  conmon: conmon
  containerd: containerd-shim-runc-v2
  crun: crun
  golang-github-containers-common: /etc/containers/policy.json
  podman: podman
  skopeo: skopeo"

# Nodes of Kubernetes, of which Debian has the runtime.
test_kubernetes="$bench_cri
  containerd: containerd-shim-runc-v2"

main() {
  job=install
  [ "${1:-}" != list ] || { job=list && shift; }
  case ${1:-} in
    build) needed=$build ;;
    demo) needed=$demo ;;
    test | test-cluster) needed=$test ;;
    release) needed=$release ;;
    test-arm64) needed=$test_arm64 ;;
    test-release) needed=$test_release ;;
    arm64) needed=$arm64 ;;
    test-sanitize) needed=$test_sanitize ;;
    bench-cri) needed=$bench_cri ;;
    test-clients) needed=$test_clients ;;
    test-kubernetes) needed=$test_kubernetes ;;
    *) fail "usage: tools/setup.sh [list] build|demo|test|test-cluster|test-sanitize|release|test-release|arm64|test-arm64|bench-cri|test-clients|test-kubernetes" ;;
  esac
  [ "$job" = install ] || { programs && exit; }
  [ "$1" = build ] || require_root "$1"
  ensure_node
  packages=$(missing_packages)
  [ -n "$packages" ] || return 0
  install_packages
  packages=$(missing_packages)
  [ -z "$packages" ] || fail "Cannot find what was installed: still missing after apt-get: $packages"
}

# One line for each program: its name and its package.
programs() {
  for word in $needed; do
    case $word in *:) package=${word%:} ;; *) echo "$word $package" ;; esac
  done
}

missing() {
  programs | while read -r program package; do
    is_here "$program" || echo "$program $package"
  done
}

is_here() {
  case $1 in /*) [ -e "$1" ] ;; *) command -v "$1" >/dev/null ;; esac
}

missing_packages() {
  missing | cut -d ' ' -f 2 | sort -u | tr '\n' ' ' | sed 's/ $//'
}

missing_programs() {
  missing | cut -d ' ' -f 1 | sort -u | tr '\n' ' ' | sed 's/ $//'
}

require_root() {
  [ "$(id -u)" = 0 ] ||
    fail "Cannot make network namespaces: not root, run: sudo make $1" "$(advice)"
}

# Debian 12's own Node.js is 18. Where the machine's is too old, its npm brings another one, pinned by
# tools/node/package-lock.json, which the Makefile puts first in PATH.
ensure_node() {
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    fail "Cannot build: Node.js and npm are needed and not in PATH, run: sudo apt-get install -y nodejs npm" \
      "If they are installed for your user only: sudo env PATH=\"\$PATH\" make …"
  fi
  brought=$root/.cache/node/bin/node
  ! is_new_node node || return 0
  ! is_new_node "$brought" || return 0
  echo "Bringing a newer Node.js: \"$(command -v node)\" is $(node --version)"
  mkdir -p "$root/.cache/node"
  cp "$root/tools/node/package.json" "$root/tools/node/package-lock.json" "$root/.cache/node"
  (cd "$root/.cache/node" && npm ci --no-audit --no-fund --loglevel=error >/dev/null </dev/null) ||
    fail "Cannot bring Node.js 20.11 or newer: npm failed. Please install one, or see to it that npm reaches its registry"
  mkdir -p "$root/.cache/node/bin"
  (cd "$root/.cache/node/bin" && ln -sf ../node_modules/node-linux-*/bin/node node)
  "$root/tools/owner.sh" "$root/.cache"
  is_new_node "$brought" ||
    fail "Cannot build: Node.js 20.11 or newer is needed, and npm has none that runs on this machine ($(uname -m))"
}

is_new_node() {
  "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 11) ? 0 : 1)' 2>/dev/null
}

install_packages() {
  command -v apt-get >/dev/null ||
    fail "Cannot install what is missing: this is not Debian or Ubuntu. Please install the programs:" \
      "  $(missing_programs)"
  [ "$(id -u)" = 0 ] || fail "Cannot install what is missing: not root. Please run:" "  $(advice)"
  echo "Installing $packages"
  export DEBIAN_FRONTEND=noninteractive
  start_no_services
  apt-get -qq -o DPkg::Lock::Timeout=-1 update || echo "Going on with the package lists there are"
  # shellcheck disable=SC2086 # one word per package
  apt-get -qq -y -o DPkg::Lock::Timeout=-1 -o Dpkg::Use-Pty=0 \
    install --no-install-recommends $packages >/dev/null </dev/null ||
    fail "Cannot install what is missing: apt-get failed. Please see to it that this works:" "  $(advice)"
}

# What is installed is run by tests alone, in namespaces of their own.
start_no_services() {
  policy=/usr/sbin/policy-rc.d
  [ ! -e "$policy" ] || return 0
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
}

# One line that installs everything, for somebody else to run.
advice() {
  packages=$(missing_packages)
  [ -z "$packages" ] || echo "sudo apt-get update && sudo apt-get install -y $packages"
}

fail() {
  for line in "$@"; do [ -z "$line" ] || echo "$line" >&2; done
  exit 1
}

main "$@"
