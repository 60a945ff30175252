#!/bin/sh
# Runs a command with a folder as the whole machine:  enter.sh ROOT COMMAND…
# run.sh calls it as the first process of namespaces of its own. A chroot would not do: nsenter
# leaves it. So the folder becomes a mount, and that the root of its mount namespace.
set -eu
root=$1
shift

mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs sysfs sys
awk '$2 ~ "^/sys/fs/" { print $2 }' /proc/self/mounts | while read -r place; do
  [ ! -d ".$place" ] || mount --bind "$place" ".$place"
done
mount -t tmpfs -o mode=755 dev dev
mkdir dev/pts dev/shm dev/net
for device in null zero full random urandom tty net/tun; do
  [ ! -e "/dev/$device" ] || { : >"dev/$device" && mount --bind "/dev/$device" "dev/$device"; }
done
mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts dev/pts
mount -t tmpfs -o mode=1777 shm dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for number in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${number%:*}" "dev/${number#*:}"; done
mount -t tmpfs -o mode=755 run run
mkdir run/lock
mkdir .machine
pivot_root . .machine
umount -l /.machine
rmdir /.machine
hostname fresh
exec "$@" </dev/null
