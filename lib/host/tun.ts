/** The file by which taps are made, and what it is told by ioctl(2): /dev/net/tun, linux/if_tun.h. */

import * as host from "host";
import { checked, EINVAL } from "./errno.ts";
import { Failure } from "./failure.ts";

export const TUN_FILE = "/dev/net/tun";

/** Requests. */
const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const TUNSETOWNER = 0x400454cc;
const TUNSETGROUP = 0x400454ce;
const TUNGETFEATURES = 0x800454cf;

/** Flags of TUNSETIFF: no link that is there already is taken (EXCL). */
const IFF_TAP = 0x0002;
const IFF_MULTI_QUEUE = 0x0100;
const IFF_NO_PI = 0x1000;
const IFF_TUN_EXCL = 0x8000;

/** struct ifreq, linux/if.h: the name, the flags, and room for what other requests take. */
const IFREQ_SIZE = 40;
const FLAGS_AT = 16;

/** True if an open file is the kernel's own. */
export function isTunFile(fd: number): boolean {
  return host.ioctl(fd, TUNGETFEATURES, new Uint8Array(4)) >= 0;
}

/**
 * Has an open file make a tap, which goes when the file is closed, in the network namespace that the
 * file was opened in. Returns 0 or -errno: -EBUSY if the name is taken.
 */
export function makeTap(fd: number, name: string, multiQueue: boolean): number {
  const flags = IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL | (multiQueue ? IFF_MULTI_QUEUE : 0);
  const request = new Uint8Array(IFREQ_SIZE);
  request.set(host.encode(name));
  request.set([flags & 0xff, flags >> 8], FLAGS_AT);
  return host.ioctl(fd, TUNSETIFF, request);
}

/** Lets a user attach to the tap that an open file has made; throws SystemError or Failure. */
export function setTapOwner(fd: number, user: number): void {
  give(host.ioctlNumber(fd, TUNSETOWNER, user), "user", user);
}

/** Lets the members of a group attach to it; throws SystemError or Failure. */
export function setTapGroup(fd: number, group: number): void {
  give(host.ioctlNumber(fd, TUNSETGROUP, group), "group", group);
}

/** EINVAL is the kernel's word for a number that the process's user namespace does not map. */
function give(outcome: number, what: string, id: number): void {
  const action = `give the tap to ${what} ${id}`;
  if (outcome !== -EINVAL) checked(outcome, action);
  else throw new Failure("system", `Cannot ${action}: this user namespace has no such ${what}`);
}

/** Keeps the tap when the file is closed; throws SystemError. */
export function keepTap(fd: number): void {
  checked(host.ioctlNumber(fd, TUNSETPERSIST, 1), "keep a tap");
}
