/** sysctls under /proc/sys/net, read and written as seen from inside a namespace. */

import * as host from "host";
import { checked, ENOENT, SystemError } from "../host/errno.ts";
import { closeFile, O_RDONLY, O_WRONLY, readKernelText, writeAll } from "../host/file.ts";
import type { Netns } from "./netns.ts";

/** The value of a sysctl such as `ipv4/ip_forward`, or undefined if the kernel has none. */
export function findSysctl(ns: Netns, name: string): string | undefined {
  const fd = ns.open(`/proc/sys/net/${name}`, O_RDONLY);
  if (fd === -ENOENT) return undefined;
  checked(fd, `read sysctl net/${name}`);
  try {
    return readKernelText(fd, `sysctl net/${name}`).trim();
  } finally {
    closeFile(fd);
  }
}

/** Writes a sysctl; throws SystemError (ENOENT if the kernel has none). */
export function setSysctl(ns: Netns, name: string, value: string): void {
  const fd = checked(ns.open(`/proc/sys/net/${name}`, O_WRONLY), `set sysctl net/${name}`);
  try {
    writeAll(fd, host.encode(value), `sysctl net/${name}`);
  } finally {
    closeFile(fd);
  }
}

/** Writes a sysctl unless it has the value already, so that a read-only /proc/sys may be right. */
export function ensureSysctl(ns: Netns, name: string, value: string): void {
  if (findSysctl(ns, name) !== value) setSysctl(ns, name, value);
}

/** Writes a sysctl that only makes things better; a kernel without it is fine. */
export function setSysctlIfPresent(ns: Netns, name: string, value: string): void {
  try {
    setSysctl(ns, name, value);
  } catch (cause) {
    if (!(cause instanceof SystemError)) throw cause;
  }
}
