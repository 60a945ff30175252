# What differs between the virtual machines; run.sh and setup.sh source it. WEFT_VM_MACHINE: amd64; arm64; or
# arm64-16k, whose kernel has pages of 16 KB and is of a later Debian.
# shellcheck shell=bash disable=SC2034,SC2154 # those use it; $project is theirs
kind=${WEFT_VM_MACHINE:-amd64}
architecture=${kind%-16k}
kernel_package=${WEFT_VM_KERNEL:-linux-image-$kind}
case $kind in
  amd64)
    cache=$project/.cache/vm
    system=/ # this machine's own files
    qemu=qemu-system-x86_64
    qemu_package=qemu-system-x86
    emulator=()
    machine=(-cpu max)
    console=ttyS0
    ;;
  arm64 | arm64-16k)
    cache=$project/.cache/vm-$kind
    system=$project/.cache/vm-arm64/system
    qemu=qemu-system-aarch64
    qemu_package=qemu-system-arm
    emulator=(qemu-aarch64-static)
    # "max" computes pointer signatures, which takes an emulator longer than all the rest.
    machine=(-machine virt -cpu neoverse-n1)
    console=ttyAMA0
    ;;
  *)
    echo "Cannot make a virtual machine: \"$kind\" is none of amd64, arm64, arm64-16k" >&2
    exit 1
    ;;
esac
