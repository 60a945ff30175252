/**
 * Where packets are judged that a bridge forwards itself. They pass the rules for IP by br_netfilter, for
 * all bridges of a namespace by its sysctls, or for one bridge by a flag of that. Without that module
 * rules for bridges judge them, if the kernel tells those of known connections there.
 */

import type { Family } from "../ip/address.ts";
import { NetError } from "../net/error.ts";
import type { Netns } from "../net/netns.ts";
import { findSysctl } from "../net/sysctl.ts";
import { decodeReply } from "../netlink/connection.ts";
import * as netlink from "../netlink/link.ts";
import { tracksOnBridges } from "./bridge-tracking.ts";
import type { BridgeJudge } from "./policy-wanted.ts";

const programs = { 4: "iptables", 6: "ip6tables" } as const;
const flags = { 4: "callIptables", 6: "callIp6tables" } as const;

/** Whether br_netfilter is there, by which rules for IP can judge what bridges forward. */
export function hasBridgeFilter(host: Netns): boolean {
  return findSysctl(host, "bridge/bridge-nf-call-iptables") !== undefined;
}

/** Whether any bridge forwards packets that pass no rules for IP. */
export function isBridgedApart(host: Netns): boolean {
  const missing = ([4, 6] as const).filter((of) => !isForAll(host, of));
  if (missing.length === 0) return false;
  if (!hasBridgeFilter(host)) return true;
  const links = host.route.dump(netlink.listLinks(), netlink.linkMessage);
  return links.some(({ attributes }) => {
    const own = attributes.linkInfo?.own;
    const data = (own?.data ?? {}) as BridgeFlags;
    return own?.kind === "bridge" && missing.some((of) => data[flags[of]] !== 1);
  });
}

/** What keeps all rules from what bridges forward, in words; undefined if nothing does. */
export function findBridgedFault(host: Netns): string | undefined {
  if (hasBridgeFilter(host) || tracksOnBridges(host)) return undefined;
  return "the kernel module br_netfilter is not loaded, and there is no nf_conntrack_bridge";
}

/**
 * Lets what a bridge forwards pass the rules for IP, or says that rules for bridges are to judge it;
 * throws NetError (unsupported) where neither can be.
 */
export function chooseJudge(host: Netns, bridge: string, families: readonly Family[]): BridgeJudge {
  const missing = families.filter((of) => !isForAll(host, of));
  if (missing.length === 0) return "ip";
  const fault = findBridgedFault(host);
  if (fault !== undefined) {
    const message = `Cannot judge what bridge "${bridge}" forwards itself: ${fault}`;
    throw new NetError("unsupported", `${message}; load br_netfilter`);
  }
  if (!hasBridgeFilter(host)) return "bridge";
  const link = found(host, bridge);
  const lacking = missing.filter((of) => link.data[flags[of]] !== 1);
  if (lacking.length === 0) return "ip";
  const data = Object.fromEntries(lacking.map((of) => [flags[of], 1]));
  const attributes = { linkInfo: { own: { kind: "bridge" as const, data } } };
  const what = `let what bridge "${bridge}" forwards pass the rules of IP`;
  host.route.perform(netlink.changeLink(what, link.index, { attributes }));
  return "ip";
}

/** What keeps packets of one bridge from the rules, in words. */
export function findPassingFault(
  host: Netns,
  bridge: string,
  families: readonly Family[],
): string | undefined {
  const missing = families.filter((of) => !isForAll(host, of));
  if (missing.length === 0) return undefined;
  const { data } = found(host, bridge);
  const lacking = missing.find((of) => data[flags[of]] !== 1);
  if (lacking === undefined) return undefined;
  return `what bridge "${bridge}" forwards itself passes no rules: nf_call_${programs[lacking]} is 0`;
}

function isForAll(host: Netns, of: Family): boolean {
  return findSysctl(host, `bridge/bridge-nf-call-${programs[of]}`) === "1";
}

interface BridgeFlags {
  readonly callIptables?: number;
  readonly callIp6tables?: number;
}

function found(host: Netns, name: string): { readonly index: number; readonly data: BridgeFlags } {
  const [reply] = host.route.perform(netlink.getLink(name));
  const { header, attributes } = decodeReply(reply, netlink.linkMessage);
  const own = attributes.linkInfo?.own;
  return {
    index: header.index,
    data: own?.kind === "bridge" ? ((own.data ?? {}) as BridgeFlags) : {},
  };
}
