#!/bin/sh
# Makes this machine ready:  tools/setup.sh build|demo|test|bench-cri
# Installs what is missing with apt-get; where it cannot, says exactly what to install.
set -eu
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# What is run, and the Debian or Ubuntu package it comes from.
build="musl-gcc=musl-tools gcc=gcc"
demo="$build ip=iproute2 nft=nftables ping=iputils-ping unshare=util-linux mount=mount"
test="$demo bash=bash nsenter=util-linux awk=mawk strace=strace tcpdump=tcpdump iptables=iptables iperf3=iperf3
  /usr/lib/cni/host-local=containernetworking-plugins"
bench_cri="$test containerd=containerd ctr=containerd runc=runc"

main() {
  case ${1:-} in
    build) needed=$build ;;
    demo) needed=$demo ;;
    test) needed=$test ;;
    bench-cri) needed=$bench_cri ;;
    *) fail "usage: tools/setup.sh build|demo|test|bench-cri" ;;
  esac
  [ "$1" = build ] || require_root "$1"
  require_node
  packages=$(missing_packages)
  [ -n "$packages" ] || return 0
  install_packages
  packages=$(missing_packages)
  [ -z "$packages" ] || fail "Cannot find what was installed: still missing after apt-get: $packages"
}

require_root() {
  [ "$(id -u)" = 0 ] ||
    fail "Cannot make network namespaces: not root, run: sudo make $1" "$(advice)"
}

require_node() {
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    fail "Cannot build: Node.js 20.11 or newer and npm are needed and not in PATH." \
      "If they are installed for your user only: sudo env PATH=\"\$PATH\" make …"
  fi
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 11) ? 0 : 1)' ||
    fail "Cannot build: Node.js 20.11 or newer is needed, \"$(command -v node)\" is $(node --version)"
}

missing_packages() {
  for pair in $needed; do
    command -v "${pair%%=*}" >/dev/null || echo "${pair#*=}"
  done | sort -u | tr '\n' ' ' | sed 's/ $//'
}

install_packages() {
  command -v apt-get >/dev/null ||
    fail "Cannot install what is missing: this is not Debian or Ubuntu. Please install the programs:" \
      "  $(missing_programs)"
  [ "$(id -u)" = 0 ] || fail "Cannot install what is missing: not root. Please run:" "  $(advice)"
  echo "Installing $packages"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq -o DPkg::Lock::Timeout=300 update || echo "Going on with the package lists there are"
  # shellcheck disable=SC2086 # one word per package
  apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
    install --no-install-recommends $packages >/dev/null </dev/null ||
    fail "Cannot install what is missing: apt-get failed. Please see to it that this works:" "  $(advice)"
}

missing_programs() {
  for pair in $needed; do
    command -v "${pair%%=*}" >/dev/null || echo "${pair%%=*}"
  done | sort -u | tr '\n' ' '
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
