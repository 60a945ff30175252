#!/usr/bin/env bash
# Makes a minimal Debian, once:  tools/fresh/setup.sh SUITE
# It is .cache/fresh/SUITE.tar, from the mirrors that this machine's apt uses.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=$(cd "$here/../.." && pwd)/.cache/fresh
suite=$1
# shellcheck source=../debian.sh
. "$here/../debian.sh"

# What README asks for; nothing else is added to what Debian calls required.
packages=git,make,nodejs,npm

main() {
  mkdir -p "$cache"
  exec 9>"$cache/lock"
  flock 9
  local made=$cache/$suite.tar
  [ "$(cat "$made.packages" 2>/dev/null)" != "$packages" ] || return 0
  ensure_mmdebstrap
  echo "fresh: making a minimal Debian: $suite" >&2
  rm -f "$made" "$made.packages"
  print_apt_options >"$cache/apt.conf"
  # dpkg need not wait for the disk: a Debian that was not finished is made anew.
  print_sources "$suite" | TMPDIR=$cache mmdebstrap --quiet --mode=root --variant=minbase \
    --include="$packages" --aptopt="$cache/apt.conf" --dpkgopt=force-unsafe-io "$suite" "$made" -
  echo "$packages" >"$made.packages"
}

ensure_mmdebstrap() {
  ! command -v mmdebstrap >/dev/null || return 0
  command -v apt-get >/dev/null ||
    fail "Cannot make a Debian: \"mmdebstrap\" is not installed, and this is not Debian or Ubuntu"
  echo "fresh: installing mmdebstrap" >&2
  local install=(apt-get -qq -y -o DPkg::Lock::Timeout=-1 install --no-install-recommends
    mmdebstrap debian-archive-keyring)
  export DEBIAN_FRONTEND=noninteractive
  "${install[@]}" >&2 || { apt-get -qq update && "${install[@]}" >&2; } ||
    fail "Cannot make a Debian: run as root: ${install[*]}"
}

fail() {
  echo "$*" >&2
  exit 1
}

main
