/** sysctls under /proc/sys/net, read and written as seen from inside a namespace. */

import * as host from "host";
import { checked, ENOENT, SystemError } from "../host/errno.ts";
import {
  closeFile,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  readKernelText,
  writeAll,
} from "../host/file.ts";
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
  try {
    return readKernelText(fd, `sysctl net/${name}`).trim();
  } finally {
    closeFile(fd);
  }
}

/** Writes a sysctl; throws SystemError (ENOENT if the kernel has none). */
export function setSysctl(ns: Netns, name: string, value: string): void {
  set(name, value, (flags) => ns.open(`/proc/sys/net/${name}`, flags));
}

function set(name: string, value: string, open: Opener): void {
  const fd = checked(open(O_WRONLY), `set sysctl net/${name}`);
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
