/**
 * Programs of this host that listen where a container's port will be from now on: connections from
 * outside, and the host's own, go to the container as long as it lives.
 */

import * as host from "host";
import type { ReadOf } from "../bytes/layout.ts";
import { SystemError } from "../host/errno.ts";
import { findProcess, isSocketWith } from "../host/processes.ts";
import {
  equalAddresses,
  family,
  formatAddress,
  type IpAddress,
  isUnspecified,
} from "../ip/address.ts";
import type { Netns } from "../net/netns.ts";
import { AF_INET } from "../netlink/address.ts";
import { Connection } from "../netlink/connection.ts";
import { NetlinkError } from "../netlink/error.ts";
import { listListeners, NETLINK_SOCK_DIAG, socketMessage } from "../netlink/sockets.ts";
import {
  type HostPorts,
  type PortMapping,
  type Protocol,
  protocolNumbers,
} from "./port-mapping.ts";

/** A socket that takes what comes to a port: at an address, or at all of these families. */
interface Listener {
  readonly address: IpAddress;
  readonly port: number;
  readonly families: readonly number[];
  readonly inode: number;
}

/** Who is cut off by these mappings, each in a sentence; none where nobody can be asked. */
export function describeCutOff(ns: Netns, { targets }: HostPorts): readonly string[] {
  try {
    return describe(ns, targets);
  } catch (cause) {
    if (cause instanceof NetlinkError || cause instanceof SystemError) return [];
    throw cause;
  }
}

function describe(ns: Netns, targets: HostPorts["targets"]): readonly string[] {
  const all = targets.flatMap(({ container, mappings }) =>
    mappings.map((mapping) => ({ mapping, family: family(container.address) })),
  );
  const protocols = Array.from(new Set(all.map(({ mapping }) => mapping.protocol)));
  const lines = protocols.flatMap((protocol) => {
    const meant = all.filter(({ mapping }) => mapping.protocol === protocol);
    const listeners = listenersOf(
      ns,
      protocol,
      meant.map(({ mapping }) => mapping.port),
    );
    return listeners.flatMap((listener) => {
      const hit = meant.some(({ mapping, family }) => isCutOff(listener, mapping, family));
      return hit ? [inWords(protocol, listener)] : [];
    });
  });
  return Array.from(new Set(lines));
}

/** The kernel picks one port; of several, all that listen are fewer than the questions would be. */
function listenersOf(ns: Netns, protocol: Protocol, ports: readonly number[]): readonly Listener[] {
  const [port = 0, ...more] = Array.from(new Set(ports));
  const connection = new Connection(NETLINK_SOCK_DIAG, (domain, type, number) =>
    ns.fd < 0 ? host.socket(domain, type, number) : host.socketIn(ns.fd, domain, type, number),
  );
  const filter = { protocol: protocolNumbers[protocol], port: more.length > 0 ? 0 : port };
  try {
    return ([4, 6] as const).flatMap((family) =>
      connection.dump(listListeners({ ...filter, family }), socketMessage).map(toListener),
    );
  } finally {
    connection.close();
  }
}

const MAPPED = /* @__PURE__ */ Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255);

/** A socket of IPv6 may be one of IPv4 as well, or, at an address that says so, only of that. */
function toListener({ header, attributes }: ReadOf<typeof socketMessage>): Listener {
  const { source, sourcePort: port, inode } = header;
  const isMapped = header.family !== AF_INET && equalAddresses(source.slice(0, 12), MAPPED);
  if (header.family === AF_INET) return { address: source.slice(0, 4), port, families: [4], inode };
  if (isMapped) return { address: source.slice(12), port, families: [4], inode };
  const isBoth = isUnspecified(source) && attributes.only6 !== 1;
  return { address: source, port, families: isBoth ? [4, 6] : [6], inode };
}

/** Nothing leads from `::1` to a container; from 127.0.0.1 everything of a mapping at any address. */
function isCutOff(listener: Listener, { port, address }: PortMapping, family: number): boolean {
  if (listener.port !== port || !listener.families.includes(family)) return false;
  if (isUnspecified(listener.address)) return true;
  if (!address) return formatAddress(listener.address) !== "::1";
  return equalAddresses(listener.address, address);
}

function inWords(protocol: Protocol, { address, port, inode }: Listener): string {
  const text = formatAddress(address);
  const at = `${family(address) === 4 ? text : `[${text}]`}:${port}`;
  const state = `leads to the container as long as it lives, not to ${programOf(inode)}`;
  const advice = '"reservedHostPorts" keeps ports for the host';
  return `${protocol} port ${port} ${state}, which listens on ${at}; ${advice}`;
}

/** How many descriptors are looked at to find a program: some 30 ms. */
const MOST_DESCRIPTORS = 16_384;

/** The program that has a socket, as far as the processes that can be seen tell. */
function programOf(inode: number): string {
  const found = findProcess(isSocketWith(inode), MOST_DESCRIPTORS);
  return found ? `"${found.name}" (pid ${found.pid})` : "a program of the host";
}
