/** What can be tuned of a link, read and written as a whole; and sysctls that are surely sysctls. */

import * as host from "host";
import { checked } from "../host/errno.ts";
import {
  closeFile,
  isMissing,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  readKernelText,
  writeAll,
} from "../host/file.ts";
import type { Mac } from "../ip/mac.ts";
import { decodeReply } from "../netlink/connection.ts";
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

const IFF_ALLMULTI = 0x200;

/** The attributes of a link as they are; throws NetlinkError with ENODEV if there is none. */
export function readTunables(ns: Netns, name: string): Tunables {
  const [reply] = ns.route.perform(netlink.getLink(name));
  const { header, attributes } = decodeReply(reply, netlink.linkMessage);
  return {
    mac: attributes.address ?? new Uint8Array(0),
    mtu: attributes.mtu ?? 0,
    promisc: (attributes.promiscuity ?? 0) !== 0,
    allmulti: (header.flags & IFF_ALLMULTI) !== 0,
    txQLen: attributes.queueLength ?? 0,
  };
}

/** Changes what is given of a link, in one request. */
export function writeTunables(ns: Netns, name: string, wanted: Partial<Tunables>): void {
  const { mac, mtu, promisc, allmulti, txQLen } = wanted;
  const flags = [
    [promisc, netlink.IFF_PROMISC],
    [allmulti, IFF_ALLMULTI],
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
  const fd = openSysctl(ns, path, O_RDONLY);
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

/** Writes a sysctl if there is one; those of a link go with it. */
export function restoreSysctl(ns: Netns, path: string, value: string): void {
  try {
    writeSysctl(ns, path, value);
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
  }
}
