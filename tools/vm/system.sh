#!/usr/bin/env bash
# Makes the Debian of another architecture that a virtual machine has, once:  system.sh ARCHITECTURE FOLDER
# It has what tools/setup.sh lists for the tests and a Node.js, from the mirrors of this machine's apt and
# npm; and at its root, where Node.js looks last, the modules of the test runner that are no JavaScript.
# Packages are unpacked and not configured: what the tests need of that is done here.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
# shellcheck source=../debian.sh
. "$here/../debian.sh"
architecture=$1
system=$2

main() {
  local wanted new=$system.new
  mkdir -p "$(dirname "$system")"
  wanted=$(wanted && cksum <"$here/system.sh")
  [ "$(cat "$system/made-of" 2>/dev/null)" != "$wanted" ] || return 0
  echo "vm: making a Debian of $architecture: it takes a few minutes" >&2
  rm -rf "$new" "$new".*
  unpack_packages "$new"
  name_alternatives "$new"
  write_names "$new"
  bring_modules "$new"
  echo "$wanted" >"$new/made-of"
  rm -rf "$system"
  mv "$new" "$system"
}

# Package by package; those of npm as in the lock files of the project.
wanted() {
  { echo base-passwd && "$project/tools/setup.sh" list test | cut -d " " -f 2; } | sort -u
  locked tools/node/package-lock.json "node-linux-$architecture"
  locked package-lock.json "@esbuild/linux-$architecture" "@rollup/rollup-linux-$architecture-gnu"
}

locked() {
  (cd "$project" && node -e '
    const [file, ...names] = process.argv.slice(1);
    const { packages } = JSON.parse(require("node:fs").readFileSync(file, "utf8"));
    for (const name of names) console.log(`${name}@${packages[`node_modules/${name}`].version}`);
  ' "$@")
}

unpack_packages() {
  local packages
  packages=$(wanted | grep -v @ | paste -sd,)
  print_apt_options >"$1.apt.conf"
  print_sources bookworm | TMPDIR=$(dirname "$1") mmdebstrap --quiet --mode=root --variant=extract \
    --architectures="$architecture" --include="$packages" --aptopt="$1.apt.conf" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' bookworm "$1" -
}

name_alternatives() {
  local name
  ln -s mawk "$1/usr/bin/awk"
  for name in {iptables,ip6tables}{,-save,-restore}; do
    ln -s xtables-nft-multi "$1/usr/sbin/$name"
  done
}

# tcpdump gives up root for a user that its package would make.
write_names() {
  cp "$1/usr/share/base-passwd/passwd.master" "$1/etc/passwd"
  cp "$1/usr/share/base-passwd/group.master" "$1/etc/group"
  echo "tcpdump:*:100:100::/nonexistent:/usr/sbin/nologin" >>"$1/etc/passwd"
  echo "tcpdump:*:100:" >>"$1/etc/group"
  printf '%s localhost\n' 127.0.0.1 ::1 >"$1/etc/hosts"
  rm -rf "$1/var/run" "$1/var/lock"
  ln -s /run "$1/var/run"
  ln -s /run/lock "$1/var/lock"
}

bring_modules() {
  local package
  mkdir -p "$1/node_modules"
  for package in $(wanted | grep @); do
    (cd "$1/node_modules" && npm pack --silent "$package" >/dev/null &&
      mkdir -p "${package%@*}" && tar -xz --strip-components 1 -C "${package%@*}" -f ./*.tgz && rm ./*.tgz)
  done
  ln -s "/node_modules/node-linux-$architecture/bin/node" "$1/usr/bin/node"
}

main
