/** What can be tuned of a link, read and written as a whole; and sysctls that are surely sysctls. */

import * as host from "host";
import { checked, EACCES, ENODEV, ENOENT, EPERM, isMissing, SystemError } from "../host/errno.ts";
import {
  closeFile,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  readKernelText,
  writeAll,
} from "../host/file.ts";
import { descriptorStatus } from "../host/file-status.ts";
import type { Mac } from "../ip/mac.ts";
import { decodeReply } from "../netlink/connection.ts";
import { isRefusal } from "../netlink/error.ts";
import * as netlink from "../netlink/link.ts";
import { NetError } from "./error.ts";
import type { Netns } from "./netns.ts";

/** The attributes of a link that are tuned. */
export interface Tunables {
  readonly mac: Mac;
  readonly mtu: number;
  readonly promisc: boolean;
  readonly allmulti: boolean;
  readonly txQLen: number;
}

/** The attributes of a link as they are; throws NetlinkError with ENODEV if there is none. */
export function readTunables(ns: Netns, name: string): Tunables {
  const [reply] = ns.route.perform(netlink.getLink(name));
  const { header, attributes } = decodeReply(reply, netlink.linkMessage);
  return {
    mac: attributes.address ?? new Uint8Array(0),
    mtu: attributes.mtu ?? 0,
    promisc: (attributes.promiscuity ?? 0) !== 0,
    allmulti: (header.flags & netlink.IFF_ALLMULTI) !== 0,
    txQLen: attributes.queueLength ?? 0,
  };
}

/** Changes what is given of a link, in one request. */
export function writeTunables(ns: Netns, name: string, wanted: Partial<Tunables>): void {
  const { mac, mtu, promisc, allmulti, txQLen } = wanted;
  const flags = [
    [promisc, netlink.IFF_PROMISC],
    [allmulti, netlink.IFF_ALLMULTI],
  ] as const;
  const bits = (state: boolean) =>
    flags.reduce((sum, [value, flag]) => (value === state ? sum | flag : sum), 0);
  ns.route.perform(
    netlink.changeLink(`tune "${name}"`, name, {
      set: bits(true),
      clear: bits(false),
      attributes: {
        ...(mac === undefined ? {} : { address: mac }),
        ...(mtu === undefined ? {} : { mtu }),
        ...(txQLen === undefined ? {} : { queueLength: txQLen }),
      },
    }),
  );
}

/** Makes of a link what differs from its former attributes; one that is gone needs nothing. */
export function restoreTunables(ns: Netns, name: string, former: Partial<Tunables>): void {
  const found = presentTunables(ns, name);
  if (!found) return;
  const isOther = ([key, value]: readonly [string, unknown]) =>
    String(value) !== String(found[key as keyof Tunables]);
  const differing = Object.entries(former).filter(isOther);
  if (differing.length > 0) writeTunables(ns, name, Object.fromEntries(differing));
}

function presentTunables(ns: Netns, name: string): Tunables | undefined {
  try {
    return readTunables(ns, name);
  } catch (cause) {
    if (isRefusal(cause, ENODEV)) return undefined;
    throw cause;
  }
}

const PROC_SUPER_MAGIC = 0x9fa0;

/** Opens a sysctl by its path below /proc/sys, and refuses what is no file of the kernel's. */
function openSysctl(ns: Netns, path: string, flags: number): number {
  const file = `/proc/sys/${path}`;
  const fd = checked(ns.open(file, flags | O_NOFOLLOW), "open sysctl", path);
  if (host.filesystemType(fd) === PROC_SUPER_MAGIC) return fd;
  closeFile(fd);
  throw new NetError("unsupported", `Cannot open sysctl "${path}": "${file}" is not in procfs`);
}

/** The value of a sysctl as seen from inside a namespace, without the line's end. */
export function readSysctl(ns: Netns, path: string): string {
  return readBy(openSysctl(ns, path, O_RDONLY), path);
}

/**
 * The value of a sysctl that is about to be changed. It is opened for both, so one that cannot be
 * changed is refused here, before anything has been; what the host's namespace has tells why.
 */
export function readSysctlToChange(ns: Netns, path: string, hostNs: Netns): string {
  try {
    return readBy(openSysctl(ns, path, O_RDWR), path);
  } catch (cause) {
    const state = cause instanceof SystemError && whyUnchangeable(cause, { ns, path, hostNs });
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
function whyUnchangeable({ errno }: SystemError, { ns, path, hostNs }: Refused) {
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

function readBy(fd: number, path: string): string {
  try {
    return readKernelText(fd, `sysctl ${path}`).replace(/\n$/, "");
  } finally {
    closeFile(fd);
  }
}

/** Writes a sysctl as seen from inside a namespace; throws SystemError with the kernel's reason. */
export function writeSysctl(ns: Netns, path: string, value: string): void {
  const fd = openSysctl(ns, path, O_WRONLY);
  try {
    writeAll(fd, host.encode(value), `sysctl ${path}`);
  } finally {
    closeFile(fd);
  }
}

/** Writes a sysctl that is there with another value; those of a link go with it. */
export function restoreSysctl(ns: Netns, path: string, value: string): void {
  try {
    if (readSysctl(ns, path) !== value) writeSysctl(ns, path, value);
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
  }
}
