/** Links of a namespace: find, make, change, delete. */

import type { ReadOf } from "../bytes/layout.ts";
import { ENODEV } from "../host/errno.ts";
import type { Mac } from "../ip/mac.ts";
import { decodeReply } from "../netlink/connection.ts";
import { isRefusal } from "../netlink/error.ts";
import * as netlink from "../netlink/link.ts";
import { BR_BOOLOPT_NO_LL_LEARN } from "../netlink/link-kinds.ts";
import type { Netns } from "./netns.ts";

/** A kind of link, with what the kernel is told of a link of this kind. */
export type LinkKind = NonNullable<NonNullable<netlink.LinkAttributes["linkInfo"]>["own"]>;

/** A link as the kernel shows it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** `veth`, `bridge`, …; "" for a device without a kind. */
  readonly kind: string;
  readonly mac: Mac;
  readonly mtu: number;
  readonly isUp: boolean;
  readonly isPromiscuous: boolean;
  /** RFC 2863 state: traffic flows at IF_OPER_UP. */
  readonly operationalState: number;
  /** Index of the bridge it is a port of; 0 if none. */
  readonly master: number;
  /** Index of the other end of a veth pair, or of the parent, in the namespace of that; 0 if none. */
  readonly peer: number;
  /** False if `peer` is in another namespace than the link. */
  readonly isPeerHere: boolean;
  /** Of a macvlan or ipvlan, by the numbers of linux/if_link.h. */
  readonly mode: number | undefined;
  readonly vlanId: number | undefined;
  /** The routing table of a VRF device. */
  readonly vrfTable: number | undefined;
  readonly alias: string;
  readonly vlanFiltering: boolean;
  /** False for a bridge that learns no address from frames to its own groups (no_linklocal_learn). */
  readonly learnsLinkLocal: boolean;
  readonly hairpin: boolean;
  readonly isolated: boolean;
  /**
   * Its sysctls ipv4/conf/<link>/route_localnet and ipv6/conf/<link>/accept_ra, if it was asked for
   * by itself or in a list of whole links; undefined elsewhere, and where it has no IPv4 or no IPv6.
   */
  readonly routeLocalnet: number | undefined;
  readonly acceptRa: number | undefined;
}

/** What a request needs of a link: its index, and its name for the words of errors. */
export type LinkRef = Pick<Link, "index" | "name">;

/** What changes of a link while it comes up. */
export type LinkState = Pick<Link, "index" | "name" | "mac" | "mtu" | "peer" | "operationalState">;

/** The kernel's message as a LinkState. */
export function toLinkState({
  header,
  attributes,
}: ReadOf<typeof netlink.linkStateMessage>): LinkState {
  return {
    index: header.index,
    name: attributes.name ?? "",
    mac: attributes.address ?? new Uint8Array(0),
    mtu: attributes.mtu ?? 0,
    peer: attributes.link ?? 0,
    operationalState: attributes.operationalState ?? 0,
  };
}

type Message = ReadOf<typeof netlink.wholeLinkMessage>;

/** The kernel's message as a Link. */
export function toLink({ header, attributes }: Message): Link {
  const own = attributes.linkInfo?.own;
  const port = attributes.linkInfo?.port;
  const data = own?.data;
  const bridge = own?.kind === "bridge" ? data : undefined;
  const portData = port?.kind === "bridge" ? port.data : undefined;
  return {
    index: header.index,
    name: attributes.name ?? "",
    kind: own?.kind ?? "",
    mac: attributes.address ?? new Uint8Array(0),
    mtu: attributes.mtu ?? 0,
    isUp: (header.flags & netlink.IFF_UP) !== 0,
    isPromiscuous: (attributes.promiscuity ?? 0) !== 0,
    operationalState: attributes.operationalState ?? 0,
    master: attributes.master ?? 0,
    peer: attributes.link ?? 0,
    isPeerHere: attributes.linkNetnsid === undefined,
    mode: data && "mode" in data ? data.mode : undefined,
    vlanId: own?.kind === "vlan" && data && "id" in data ? data.id : undefined,
    vrfTable: own?.kind === "vrf" && data && "table" in data ? data.table : undefined,
    alias: attributes.alias ?? "",
    learnsLinkLocal: !(bridge && "booleanOptions" in bridge && isQuiet(bridge.booleanOptions)),
    vlanFiltering: bridge !== undefined && "vlanFiltering" in bridge && bridge.vlanFiltering === 1,
    hairpin: portData !== undefined && "hairpin" in portData && portData.hairpin === 1,
    isolated: portData !== undefined && "isolated" in portData && portData.isolated === 1,
    routeLocalnet: attributes.settings?.ipv4?.routeLocalnet,
    acceptRa: attributes.settings?.ipv6?.acceptRa,
  };
}

function isQuiet(options: { readonly values?: number } | undefined): boolean {
  return ((options?.values ?? 0) & BR_BOOLOPT_NO_LL_LEARN) !== 0;
}

/** The link of a name or index; throws NetlinkError with ENODEV if there is none. */
export function getLink(ns: Netns, link: string | number): Link {
  const [reply] = ns.route.perform(netlink.getLink(link));
  return toLink(decodeReply(reply, netlink.wholeLinkMessage));
}

/** The link of a name or index, or undefined. */
export function findLink(ns: Netns, link: string | number): Link | undefined {
  try {
    return getLink(ns, link);
  } catch (cause) {
    if (isRefusal(cause, ENODEV)) return undefined;
    throw cause;
  }
}

/** All links of a namespace, or the ports of one bridge. */
export function listLinks(ns: Netns, filter: { readonly master?: number } = {}): Link[] {
  return ns.route.dump(netlink.listLinks(filter), netlink.linkMessage).map(toLink);
}

/** All links of a namespace, with their sysctls. */
export function listWholeLinks(ns: Netns): Link[] {
  return ns.route.dump(netlink.listLinks(), netlink.wholeLinkMessage).map(toLink);
}

/** Several links of one namespace by one question; undefined where there is none. */
export function findLinks(ns: Netns, ...names: readonly (string | number)[]): (Link | undefined)[] {
  return ns.route.attempt(...names.map(netlink.getLink)).map((outcome) => {
    if (isRefusal(outcome.error, ENODEV)) return undefined;
    if (outcome.error) throw outcome.error;
    return toLink(decodeReply(outcome, netlink.wholeLinkMessage));
  });
}

/** The states of several links by one question; throws ENODEV if one is gone. */
export function getLinkStates(ns: Netns, ...indexes: readonly number[]): LinkState[] {
  const outcomes = ns.route.perform(...indexes.map(netlink.getLink));
  return outcomes.map((outcome) => toLinkState(decodeReply(outcome, netlink.linkStateMessage)));
}

/** Sets a link up. */
export function setLinkUp(ns: Netns, link: LinkRef): void {
  const change = { set: netlink.IFF_UP };
  ns.route.perform(netlink.changeLink(`set "${link.name}" up`, link.index, change));
}

/** Sets a link down. */
export function setLinkDown(ns: Netns, link: LinkRef): void {
  const change = { clear: netlink.IFF_UP };
  ns.route.perform(netlink.changeLink(`set "${link.name}" down`, link.index, change));
}

/**
 * Deletes the very link that was found, by its index: its name may be another's by now. True if it
 * was there. A veth's other end goes with it.
 */
export function deleteLinkIfPresent(ns: Netns, { index, name }: LinkRef): boolean {
  try {
    ns.route.perform(netlink.delLink(`delete link "${name}"`, index));
    return true;
  } catch (cause) {
    if (isRefusal(cause, ENODEV)) return false;
    throw cause;
  }
}

/** Deletes the link of a name or index if, asked for once more, it is one to delete. */
export function deleteLinkIf(
  ns: Netns,
  link: string | number,
  isToGo: (link: Link) => boolean,
): boolean {
  const found = findLink(ns, link);
  return found !== undefined && isToGo(found) && deleteLinkIfPresent(ns, found);
}

/** True if a link carries traffic (RFC 2863 state UP). */
export function isOperational(link: Pick<Link, "operationalState">): boolean {
  return link.operationalState === netlink.IF_OPER_UP;
}
