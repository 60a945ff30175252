/** Why the file by which taps are made cannot be used, and what to do. */

import { EACCES, ELOOP, ENODEV, ENOENT, ENOTDIR, ENXIO, EPERM, errnoName } from "../host/errno.ts";
import { Failure } from "../host/failure.ts";
import { TUN_FILE } from "../host/tun.ts";

const noFile = "there is no such file (modprobe tun; mknod -m 666 /dev/net/tun c 10 200)";
const noDriver = "this kernel has no such device, or its module is not loaded (modprobe tun)";

const states: { readonly [errno: number]: string } = {
  0: "it is not the kernel's (mknod -m 666 /dev/net/tun c 10 200)",
  [ENOENT]: noFile,
  [ENOTDIR]: noFile,
  [ENODEV]: noDriver,
  [ENXIO]: noDriver,
  [ELOOP]: "it is a symbolic link",
  [EPERM]: "EPERM, as where the device cgroup does not allow c 10:200 rw",
  [EACCES]: "EACCES, by its mode or a security module",
};

/** The reason as an error; errno is that of opening the file, 0 if what could be opened is another. */
export function tunFault(errno: number): Failure {
  const state = `"${TUN_FILE}" cannot be used: ${states[errno] ?? errnoName(errno)}`;
  return new Failure("unsupported", state, { errno });
}
