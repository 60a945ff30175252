/**
 * Why there can be no link above another, once the kernel has refused it: what can be seen from the
 * namespace of the parent, and no guess. Links of containers are above it as well, and not seen.
 */

import { EADDRINUSE, EBUSY, EEXIST, EINVAL } from "../host/errno.ts";
import { formatMac, type Mac } from "../ip/mac.ts";
import { decodeReply } from "../netlink/connection.ts";
import type { NetlinkError } from "../netlink/error.ts";
import * as netlink from "../netlink/link.ts";
import { MACVLAN_MODES } from "../netlink/link-kinds.ts";
import { findLink, getLink, type Link, type LinkKind, listLinks } from "./link.ts";
import type { Netns } from "./netns.ts";

/** linux/if_arp.h */
const ARPHRD_ETHER = 1;

/** The link that was refused. */
interface Wanted {
  readonly name: string;
  readonly netns: Netns;
  readonly kind: LinkKind;
  readonly parent: Pick<Link, "index" | "name" | "mtu">;
  readonly mtu: number;
  readonly mac: Mac | undefined;
}

/** Why, in words: something has what was asked for, or it cannot be had at all. */
interface Fault {
  readonly kind: "conflict" | "unsupported";
  readonly state: string;
}

/** The reason for a refusal; undefined if none is seen. `ns` is where the parent is. */
export function parentFault(ns: Netns, wanted: Wanted, refusal: NetlinkError): Fault | undefined {
  try {
    return seenFault(ns, wanted, refusal);
  } catch {
    return undefined; // what cannot be asked explains nothing, and the refusal itself counts
  }
}

/** Where the kernel says more than a number, its words are the reason. */
function seenFault(ns: Netns, wanted: Wanted, { errno, kernelText }: NetlinkError) {
  if (errno === EEXIST) return vlanFault(ns, wanted);
  if (kernelText !== "") return undefined;
  if (errno === EBUSY) return conflict(busyState(ns, wanted));
  if (errno === EINVAL) return invalidFault(ns, wanted);
  const isMacUsed = errno === EADDRINUSE && wanted.kind.kind === "macvlan";
  return isMacUsed ? conflict(addressState(ns, wanted)) : undefined;
}

function conflict(state: string): Fault {
  return { kind: "conflict", state };
}

/** One alone receives a link's frames: what it is a port of, its macvlans, or its ipvlans. */
function busyState(ns: Netns, { parent }: Wanted): string {
  const { name } = parent;
  const { master } = getLink(ns, parent.index);
  const owner = master === 0 ? undefined : findLink(ns, master);
  if (owner && owner.kind !== "vrf") return `"${name}" is a port of ${owner.kind} "${owner.name}"`;
  const above = linksAbove(ns, parent.index)[0];
  const whose = above ? `${above.kind} "${above.name}"` : "those of another namespace";
  return `"${name}" has links of another kind above it (${whose}), and macvlans and ipvlans share none`;
}

/** Links of this namespace above another that take its frames; VLANs only take their own. */
function linksAbove(ns: Netns, parent: number): readonly Link[] {
  return listLinks(ns).filter(
    ({ peer, isPeerHere, kind }) => peer === parent && isPeerHere && /^(mac|ip)v/.test(kind),
  );
}

/** The kernel says nothing more of these. */
function invalidFault(ns: Netns, { kind, parent, mtu }: Wanted): Fault | undefined {
  const { name } = parent;
  if (mtu > parent.mtu) {
    return conflict(`the MTU ${mtu} is larger than that of "${name}", ${parent.mtu}`);
  }
  const [reply] = ns.route.perform(netlink.getLink(parent.index));
  const { type, flags } = decodeReply(reply, netlink.linkStateMessage).header;
  if (type !== ARPHRD_ETHER || flags & netlink.IFF_LOOPBACK) {
    return { kind: "unsupported", state: `"${name}" is no Ethernet link` };
  }
  if (kind.kind !== "macvlan") return undefined;
  const isAlone = kind.data && "mode" in kind.data && kind.data.mode === MACVLAN_MODES.passthru;
  const others = linksAbove(ns, parent.index).map((link) => `"${link.name}"`);
  const which = others.length > 0 ? others.join(", ") : "of another namespace";
  return conflict(
    isAlone
      ? `mode passthru needs "${name}" for itself, and a macvlan is above it already (${which})`
      : `a macvlan in mode passthru has "${name}" for itself (${which})`,
  );
}

/** Two links above one must not have one address. */
function addressState(ns: Netns, { parent, netns, mac = new Uint8Array(0) }: Wanted): string {
  const address = formatMac(mac);
  const links = [ns, netns].flatMap((each) => linksAbove(each, parent.index));
  const other = links.find((link) => formatMac(link.mac) === address && link.isUp);
  const whose = other ? `"${other.name}"` : "a link of another namespace";
  return `${whose} above "${parent.name}" has hardware address ${address}`;
}

/** The name was free, so what is there already is the VLAN. */
function vlanFault(ns: Netns, { name, netns, kind, parent }: Wanted): Fault | undefined {
  const id = kind.kind === "vlan" && kind.data && "id" in kind.data ? kind.data.id : undefined;
  if (id === undefined || findLink(netns, name)) return undefined;
  const isSame = (link: Link) =>
    link.peer === parent.index && link.isPeerHere && link.vlanId === id;
  const other = listLinks(ns).find(isSame);
  const whose = other ? `"${other.name}"` : "a link of another namespace";
  return conflict(`${whose} is VLAN ${id} of "${parent.name}" already`);
}
