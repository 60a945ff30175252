#!/usr/bin/env bash
# Runs a command in a virtual machine with a Debian kernel and this machine's own files:
#   tools/vm/run.sh [--] command…        (no command: all spec-tests)
# The command sees the directory it was called in, WEFT_VM=1, and loopback as its only network.
# What it writes vanishes, but for the files in $WEFT_VM_OUT, which come back as .cache/vm/out.
# Its output and exit status are those of this script; 124: out of time; 125: the machine failed.
# Variables: WEFT_VM_MINUTES (0, no limit), WEFT_VM_MEMORY (2048, MiB), WEFT_VM_KERNEL (linux-image-amd64).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=$(cd "$here/../.." && pwd)/.cache/vm
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
  print_command "$@" >"$share/command"
  boot &
  machine=$!
  local ended=0
  wait "$machine" || ended=$?
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
  exec setpriv --pdeathsig TERM timeout -k 5 "${minutes}m" qemu-system-x86_64 \
    -nodefaults -no-user-config -display none -no-reboot \
    -accel "$(cat "$cache/accelerator")" -accel tcg -cpu max -smp 2 -m "${WEFT_VM_MEMORY:-2048}" \
    -kernel "$cache/kernel/vmlinuz" -initrd "$cache/initramfs" \
    -append "console=ttyS0 quiet panic=-1 mitigations=off nowatchdog audit=0 norandmaps" \
    -chardev "file,id=console,path=${share//,/,,}/console" -serial chardev:console \
    -device virtio-serial-pci -chardev stdio,id=output,signal=off \
    -device virtserialport,chardev=output,nr=1 \
    -virtfs "local,mount_tag=root,path=/,security_model=none,readonly=on,multidevs=remap" \
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
  [ -z "${machine:-}" ] || ! kill "$machine" 2>/dev/null || wait "$machine" || true
  rm -rf "$share"
  "$here/../owner.sh" "$cache/.."
}

main "$@"
