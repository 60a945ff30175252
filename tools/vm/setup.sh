#!/usr/bin/env bash
# Prepares what run.sh boots, once, in .cache/vm: a Debian kernel with its modules, a busybox, an
# initramfs, and the name of the accelerator that works here; for arm64, in .cache/vm-arm64,
# a Debian as well (system.sh). Nothing but qemu is installed.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
# shellcheck source=machine.sh
. "$here/machine.sh"
# shellcheck source=../debian.sh
. "$here/../debian.sh"

# What the first root needs before the machine's own modules are in reach.
boot_modules="virtio_pci virtio_console 9pnet_virtio 9p overlay"

main() {
  [ "$(uname -m)" = x86_64 ] || fail "Cannot prepare the virtual machine: it needs x86_64"
  mkdir -p "$cache"
  exec 9>"$cache/lock"
  flock 9
  ensure_qemu
  ensure_kernel
  build_initramfs
  ensure_accelerator
  [ "$system" = / ] || "$here/system.sh" "$architecture" "$system"
}

ensure_qemu() {
  ! command -v "$qemu" >/dev/null || return 0
  local install=(apt-get install -y --no-install-recommends "$qemu_package")
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    fail "Cannot run \"$qemu\": it is not installed, run as root: ${install[*]}"
  fi
  say "installing $qemu_package"
  DEBIAN_FRONTEND=noninteractive with_fresh_lists "${install[@]}" >&2
}

# The kernel and the network half of its modules; the drivers of real hardware stay out.
ensure_kernel() {
  [ "$(cat "$cache/kernel/package" 2>/dev/null)" != "$kernel_package" ] || return 0
  command -v apt-get >/dev/null ||
    fail "Cannot get a kernel: \"apt-get\" is not here, this needs Debian"
  say "getting $kernel_package and busybox-static"
  local new="$cache/kernel.new" debs="$cache/debs"
  rm -rf "$new" "$debs" && mkdir -p "$new" "$debs"
  (cd "$debs" && with_fresh_lists download_packages >&2) ||
    fail "Cannot get a kernel: no package \"$kernel_package\" or busybox-static (see WEFT_VM_KERNEL)"
  unpack "$debs"/busybox-static_*.deb "$new" '*/bin/busybox'
  unpack "$debs"/linux-image-*.deb "$new" '*/vmlinuz-*' '*/modules.builtin*' '*/modules.order' \
    '*/kernel/'{arch,block,crypto,fs,lib,net} '*/kernel/drivers/'{block,char,net,virtio}
  mv "$new/bin/busybox" "$new/boot"/vmlinuz-* "$new"
  mv "$new"/vmlinuz-* "$new/vmlinuz"
  find "$new/lib/modules" -name '*.ko.xz' -exec "${emulator[@]}" "$new/busybox" unxz {} +
  ls "$new/lib/modules" >"$new/version"
  "${emulator[@]}" "$new/busybox" depmod -b "$new" "$(cat "$new/version")"
  echo "$kernel_package" >"$new/package"
  rm -rf "$cache/kernel"
  mv "$new" "$cache/kernel"
  rm -rf "$debs" "$cache/accelerator"
}

download_packages() {
  local image
  image=$(from_mirror apt-cache depends "$kernel_package" | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p')
  from_mirror apt-get -q -o APT::Sandbox::User= download busybox-static "${image:-$kernel_package}"
}

# What apt says and brings for the architecture of the machine: of this Debian, or the one that has its kernel.
from_mirror() {
  local program=$1 sources=()
  if [ "$system" = / ]; then
    "$@"
    return
  fi
  shift
  if [ "$kind" = arm64-16k ]; then
    mkdir -p "$cache/apt"
    print_sources trixie >"$cache/apt/sources"
    sources=(-o Dir::Etc::SourceList="$cache/apt/sources" -o Dir::Etc::SourceParts=-)
  fi
  "$here/../foreign-apt.sh" "$architecture" "$cache/apt" "$program" "${sources[@]}" "$@"
}

# Every time: it costs a fraction of a second, and is never older than its parts.
build_initramfs() {
  local root="$cache/initramfs.root" version
  version=$(cat "$cache/kernel/version")
  rm -rf "$root" && mkdir -p "$root/bin" "$root/lib/modules/$version"
  cp "$cache/kernel/busybox" "$root/bin/busybox"
  cp "$here/init" "$root/init"
  cp "$here/job.sh" "$root/job.sh"
  # shellcheck disable=SC2046 # one word per module file
  (cd "$cache/kernel" && cp --parents $(boot_module_files "$version") "$root")
  "${emulator[@]}" "$root/bin/busybox" depmod -b "$root" "$version"
  (cd "$root" && find . | "${emulator[@]}" bin/busybox cpio -o -H newc 2>/dev/null) >"$cache/initramfs.new"
  mv "$cache/initramfs.new" "$cache/initramfs"
  rm -rf "$root"
}

# The list of what is built in, and every other boot module with all it depends on: modules.dep
# has both on one line.
boot_module_files() {
  echo "lib/modules/$1/modules.builtin"
  awk -v names="$boot_modules" -v dir="lib/modules/$1/" '
    BEGIN { split(names, list, " "); for (i in list) wanted[list[i]] = 1 }
    { name = $1; sub(/.*\//, "", name); sub(/\.ko:$/, "", name); gsub(/-/, "_", name) }
    name in wanted { sub(/:/, ""); for (i = 1; i <= NF; i++) print dir $i }
  ' "lib/modules/$1/modules.dep" | sort -u
}

# A /dev/kvm that opens may still not run a guest, so the only proof is a guest that runs.
ensure_accelerator() {
  [ ! -s "$cache/accelerator" ] || return 0
  echo tcg >"$cache/accelerator"
  [ "$system" = / ] && [ -w /dev/kvm ] || return 0
  say "trying /dev/kvm"
  if probe kvm 2>&1 | grep "weft: init runs" >&2; then echo kvm >"$cache/accelerator"; fi
  say "accelerator: $(cat "$cache/accelerator")"
}

probe() {
  timeout 10 "$qemu" -accel "$1" "${machine[@]}" -m 512 -nodefaults -display none -no-reboot \
    -kernel "$cache/kernel/vmlinuz" -initrd "$cache/initramfs" -serial stdio \
    -append "console=$console quiet panic=-1 weft.probe" </dev/null
}

# Package lists may be absent or old: run the command, and if it fails, again after an update.
with_fresh_lists() {
  "$@" && return 0
  [ "$(id -u)" = 0 ] || fail "Cannot download packages: run as root: apt-get update"
  from_mirror apt-get -q update >&2 && "$@"
}

unpack() {
  local deb=$1 into=$2
  shift 2
  dpkg-deb --fsys-tarfile "$deb" |
    tar -x -C "$into" --transform 's,^\./usr/,./,' --wildcards "$@" \
      --exclude '*/drivers/net/ethernet' --exclude '*/drivers/net/wireless'
}

say() {
  echo "vm: $*" >&2
}

fail() {
  echo "$*" >&2
  exit 1
}

main
