/**
 * Mounts of a mount namespace that is this process's alone: what is mounted here, nobody else sees
 * (mount_namespaces(7)).
 */

import * as host from "host";
import { checked } from "./errno.ts";

/** linux/sched.h */
export const CLONE_NEWNS = 0x20000;
export const CLONE_NEWUSER = 0x10000000;
export const CLONE_NEWNET = 0x40000000;

/** linux/mount.h */
const MS_RDONLY = 1;
const MS_NOSUID = 2;
const MS_BIND = 4096;
const MS_REC = 16384;
const MS_PRIVATE = 1 << 18;
const MOUNT_ATTR_RDONLY = 1;
/** linux/fcntl.h */
const AT_RECURSIVE = 0x8000;

/** From now on no mount of other namespaces comes here, and none of ours goes there. */
export function keepMountsApart(): void {
  checked(host.mount("none", "/", "", MS_REC | MS_PRIVATE, ""), "keep mounts apart");
}

/** Makes all that is mounted read-only here; needs Linux 5.12. Devices can still be written to. */
export function makeAllReadOnly(): void {
  const outcome = host.setMountAttributes("/", AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0);
  checked(outcome, "make all files read-only in a mount namespace");
}

/** Makes one mount writable again. */
export function makeWritable(path: string): void {
  checked(host.setMountAttributes(path, 0, 0, MOUNT_ATTR_RDONLY), "make writable", path);
}

/** Mounts an empty file system in memory over a directory, which root alone may write to. */
export function mountEmpty(directory: string): void {
  checked(host.mount("weft", directory, "tmpfs", MS_NOSUID, "mode=0755"), "cover", directory);
}

/** Mounts what is at a path, with all below, at another as well. */
export function mountAlso(from: string, at: string): void {
  checked(host.mount(from, at, "", MS_BIND | MS_REC, ""), `mount "${from}" at`, at);
}

/** Mounts sysfs, read-only, as the network namespace of this process has it; -errno on failure. */
export function mountSysfs(): number {
  return host.mount("sysfs", "/sys", "sysfs", MS_RDONLY | MS_NOSUID, "");
}
