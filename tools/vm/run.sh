#!/usr/bin/env bash
# Runs a command in a virtual machine with a Debian kernel and this machine's own files; in one of
# arm64 they are a Debian's of arm64, but for this checkout, with dist-arm64 in place of dist:
#   tools/vm/run.sh [--] command…        (no command: all spec-tests)
# The command sees the directory it was called in, WEFT_VM=1, and loopback as its only network.
# What it writes vanishes, but for the files in $WEFT_VM_OUT, which come back as out in .cache/vm.
# Its output and exit status are those of this script; 124: out of time; 125: the machine failed.
# Variables: WEFT_VM_MINUTES (0, no limit), WEFT_VM_MEMORY (2048, MiB), WEFT_VM_MACHINE (amd64; arm64 and
# arm64-16k, with pages of 16 KB, are in .cache/vm-arm64…), WEFT_VM_KERNEL (linux-image-amd64).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
# shellcheck source=machine.sh
. "$here/machine.sh"
minutes=${WEFT_VM_MINUTES:-0}
PATH=$PATH:/usr/sbin:/sbin

main() {
  [ "${1:-}" != -- ] || shift
  [ $# -gt 0 ] || set -- node_modules/.bin/vitest run --config spec-tests/vitest.config.ts
  "$here/setup.sh"
  share=$(mktemp -d "$cache/run.XXXXXX")
  trap stop EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  mkdir "$share/out" && mkfifo "$share/silence"
  [ "$system" = / ] || echo "$project" >"$share/checkout"
  print_command "$@" >"$share/command"
  boot &
  running=$!
  local ended=0
  wait "$running" || ended=$?
  keep_output
  report "$ended"
}

# The command as a script, with the few variables that mean the same inside.
print_command() {
  local name
  export WEFT_VM=1 WEFT_VM_OUT=/run/vm/share/out
  for name in PATH HOME LANG CI NO_COLOR FORCE_COLOR "${!WEFT_@}"; do
    [ -z "${!name+set}" ] || echo "export $name=${!name@Q}"
  done
  echo "cd ${PWD@Q} && exec ${*@Q}"
}

# Two wishes of qemu: a comma in a value is doubled, and a standard input that ends (the pipe
# never does) would close the output as well. Without norandmaps, emulated code is translated
# anew for every process: half the speed.
boot() {
  local modules
  modules=$cache/kernel/lib/modules/$(cat "$cache/kernel/version")
  exec setpriv --pdeathsig TERM timeout -k 5 "${minutes}m" "$qemu" \
    -nodefaults -no-user-config -display none -no-reboot "${machine[@]}" \
    -accel "$(cat "$cache/accelerator")" -accel tcg -smp 2 -m "${WEFT_VM_MEMORY:-2048}" \
    -kernel "$cache/kernel/vmlinuz" -initrd "$cache/initramfs" \
    -append "console=$console quiet panic=-1 mitigations=off nowatchdog audit=0 norandmaps" \
    -chardev "file,id=console,path=${share//,/,,}/console" -serial chardev:console \
    -device virtio-serial-pci -chardev stdio,id=output,signal=off \
    -device virtserialport,chardev=output,nr=1 \
    -virtfs "local,mount_tag=root,path=${system//,/,,},security_model=none,readonly=on,multidevs=remap" \
    -virtfs "local,mount_tag=checkout,path=${project//,/,,},security_model=none,readonly=on,multidevs=remap" \
    -virtfs "local,mount_tag=modules,path=${modules//,/,,},security_model=none,readonly=on" \
    -virtfs "local,mount_tag=share,path=${share//,/,,},security_model=none" <>"$share/silence"
}

keep_output() {
  rmdir "$share/out" 2>/dev/null && return
  rm -rf "$cache/out"
  mv "$share/out" "$cache/out"
}

report() {
  [ ! -s "$share/status" ] || exit "$(cat "$share/status")"
  if [ "$1" = 124 ] || [ "$1" = 137 ]; then
    echo "Cannot finish the command: the virtual machine ran $minutes minutes" >&2
    exit 124
  fi
  echo "Cannot finish the command: the virtual machine stopped, its console ended with" >&2
  tail -n 30 "$share/console" >&2
  exit 125
}

# shellcheck disable=SC2317 # the trap calls it
stop() {
  [ -z "${running:-}" ] || ! kill "$running" 2>/dev/null || wait "$running" || true
  rm -rf "$share"
  "$here/../owner.sh" "$project/.cache"
}

main "$@"
