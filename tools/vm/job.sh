#!/run/vm/bin/sh
# The first process once the root stands: runs the command that run.sh left in the shared
# directory, sends what it prints to the host, leaves its exit status, and switches off.
set -eu
export PATH=/run/vm/bin
share=/run/vm/share

main() {
  mount_kernel_files
  ip link set lo up
  mkfifo /run/vm/output
  cat /run/vm/output >/dev/vport0p1 &
  printer=$!
  status=0
  run_command || status=$?
  stop_all_but "$printer"
  wait "$printer" || true
  echo "$status" >"$share/status"
  sync
  poweroff -f
}

mount_kernel_files() {
  mkdir -p /dev/pts /dev/shm
  mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
  mount -t tmpfs -o mode=1777 shm /dev/shm
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mount -t bpf bpf /sys/fs/bpf
  modprobe tun || true # makes /dev/net/tun, as udev does at boot
  # Of two that ask for the first link of a kind at once, the kernel may tell one that there is none.
  modprobe -a bridge veth macvlan ipvlan 8021q dummy vrf || true
  ln -sf /proc/self/fd /dev/fd
  ln -sf /proc/self/fd/0 /dev/stdin
  ln -sf /proc/self/fd/1 /dev/stdout
  ln -sf /proc/self/fd/2 /dev/stderr
}

run_command() {
  setsid /bin/bash "$share/command" </dev/null >/run/vm/output 2>&1 &
  wait $!
}

# A daemon the command left would hold the output open for ever.
stop_all_but() {
  for process in /proc/[0-9]*; do
    pid=${process#/proc/}
    case $pid in 1 | "$1") ;; *) kill -9 "$pid" 2>/dev/null || true ;; esac
  done
}

main
