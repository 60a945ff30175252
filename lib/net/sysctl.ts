/**
 * sysctls, read and written as seen from inside a namespace. Those that this suite needs are named
 * below /proc/sys/net; those that a configuration names are surely files of the kernel's.
 */

import * as host from "host";
import { checked, EACCES, ENOENT, EPERM, isMissing, SystemError } from "../host/errno.ts";
import {
  closeFile,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  readKernelText,
  writeAll,
} from "../host/file.ts";
import { descriptorStatus } from "../host/file-status.ts";
import { NetError } from "./error.ts";
import type { Netns } from "./netns.ts";

/** Opens a sysctl, or a directory of them, as open(2) does; -errno on failure. */
type Opener = (flags: number) => number;

/** The value of a sysctl such as `ipv4/ip_forward`, or undefined if the kernel has none. */
export function findSysctl(ns: Netns, name: string): string | undefined {
  return find(name, (flags) => ns.open(`/proc/sys/net/${name}`, flags));
}

function find(name: string, open: Opener): string | undefined {
  const fd = open(O_RDONLY);
  if (fd === -ENOENT) return undefined;
  checked(fd, `read sysctl net/${name}`);
  return readAndClose(fd, `net/${name}`).trim();
}

/** Writes a sysctl; throws SystemError (ENOENT if the kernel has none). */
export function setSysctl(ns: Netns, name: string, value: string): void {
  set(name, value, (flags) => ns.open(`/proc/sys/net/${name}`, flags));
}

function set(name: string, value: string, open: Opener): void {
  const fd = checked(open(O_WRONLY), `set sysctl net/${name}`);
  writeAndClose(fd, `net/${name}`, value);
}

/** Writes a sysctl unless it has the value already, so that a read-only /proc/sys may be right. */
export function ensureSysctl(ns: Netns, name: string, value: string): void {
  if (findSysctl(ns, name) !== value) setSysctl(ns, name, value);
}

/** Writes a sysctl that only makes things better; a kernel without it is fine. */
export function setSysctlIfPresent(ns: Netns, name: string, value: string): void {
  ifPossible(() => setSysctl(ns, name, value));
}

/** Does what only makes things better: a refusal of the kernel is fine. */
export function ifPossible(body: () => void): void {
  try {
    body();
  } catch (cause) {
    if (!(cause instanceof SystemError)) throw cause;
  }
}

/** The sysctls of a link, `ipv6/conf/eth0`: a namespace is entered, and searched, once for all. */
export class SysctlDirectory {
  readonly #name: string;
  readonly #fd: number;

  private constructor(name: string, fd: number) {
    this.#name = name;
    this.#fd = fd;
  }

  /** Opens it for `body`, which gets undefined if the kernel has no such directory. */
  static use<T>(ns: Netns, name: string, body: (sysctls: SysctlDirectory | undefined) => T): T {
    const fd = ns.open(`/proc/sys/net/${name}`, O_PATH | O_DIRECTORY);
    if (fd === -ENOENT) return body(undefined);
    checked(fd, `read sysctls net/${name}`);
    try {
      return body(new SysctlDirectory(name, fd));
    } finally {
      closeFile(fd);
    }
  }

  /** The value of a sysctl, or undefined if the kernel has none. */
  find(name: string): string | undefined {
    return find(`${this.#name}/${name}`, this.#opener(name));
  }

  /** Writes a sysctl; throws SystemError (ENOENT if the kernel has none). */
  set(name: string, value: string): void {
    set(`${this.#name}/${name}`, value, this.#opener(name));
  }

  /** Writes a sysctl that only makes things better; a kernel without it is fine. */
  setIfPresent(name: string, value: string): void {
    ifPossible(() => this.set(name, value));
  }

  #opener(name: string): Opener {
    return (flags) => host.open(`/proc/self/fd/${this.#fd}/${name}`, flags, 0);
  }
}

/* ---- sysctls that a configuration names, by their path below /proc/sys ---- */

/** The value of a sysctl as seen from inside a namespace, without the line's end. */
export function readSysctl(ns: Netns, path: string): string {
  return readNamed(openNamed(ns, path, O_RDONLY), path);
}

/**
 * The value of a sysctl that is about to be changed. It is opened for both, so one that cannot be
 * changed is refused here, before anything has been; what the host's namespace has tells why.
 */
export function readSysctlToChange(ns: Netns, path: string, hostNs: Netns): string {
  try {
    return readNamed(openNamed(ns, path, O_RDWR), path);
  } catch (cause) {
    const state = cause instanceof SystemError && changeFault(cause, { ns, path, hostNs });
    if (!state) throw cause;
    throw new NetError("unsupported", `Cannot set sysctl "${path}": ${state}`);
  }
}

interface Refused {
  readonly ns: Netns;
  readonly path: string;
  readonly hostNs: Netns;
}

/** The cause of a refusal in words, if what the kernel shows of the sysctl proves it. */
function changeFault({ errno }: SystemError, { ns, path, hostNs }: Refused) {
  const permissions = permissionsOf(ns, path);
  if (errno === ENOENT && permissions === undefined) {
    const isHosts = permissionsOf(hostNs, path) !== undefined;
    return isHosts ? "the host has it, a container's namespace has not" : undefined;
  }
  if ((errno !== EACCES && errno !== EPERM) || permissions === undefined) return undefined;
  if ((permissions & 0o222) === 0) return "it is read-only in a container's namespace";
  return (permissions & 0o444) === 0 ? "it cannot be read, so it could not be restored" : undefined;
}

function permissionsOf(ns: Netns, path: string): number | undefined {
  const fd = ns.open(`/proc/sys/${path}`, O_PATH | O_NOFOLLOW);
  if (fd < 0) return undefined;
  try {
    return descriptorStatus(fd).permissions;
  } finally {
    closeFile(fd);
  }
}

/** Writes a sysctl as seen from inside a namespace; throws SystemError with the kernel's reason. */
export function writeSysctl(ns: Netns, path: string, value: string): void {
  writeAndClose(openNamed(ns, path, O_WRONLY), path, value);
}

/** Writes a sysctl that is there with another value; those of a link go with it. */
export function restoreSysctl(ns: Netns, path: string, value: string): void {
  try {
    if (readSysctl(ns, path) !== value) writeSysctl(ns, path, value);
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
  }
}

const PROC_SUPER_MAGIC = 0x9fa0;

/** Opens a sysctl by its path below /proc/sys, and refuses what is no file of the kernel's. */
function openNamed(ns: Netns, path: string, flags: number): number {
  const file = `/proc/sys/${path}`;
  const fd = checked(ns.open(file, flags | O_NOFOLLOW), "open sysctl", path);
  if (host.filesystemType(fd) === PROC_SUPER_MAGIC) return fd;
  closeFile(fd);
  throw new NetError("unsupported", `Cannot open sysctl "${path}": "${file}" is not in procfs`);
}

function readNamed(fd: number, path: string): string {
  return readAndClose(fd, path).replace(/\n$/, "");
}

/* ---- the files of both ---- */

function readAndClose(fd: number, path: string): string {
  try {
    return readKernelText(fd, `sysctl ${path}`);
  } finally {
    closeFile(fd);
  }
}

function writeAndClose(fd: number, path: string, value: string): void {
  try {
    writeAll(fd, host.encode(value), `sysctl ${path}`);
  } finally {
    closeFile(fd);
  }
}
