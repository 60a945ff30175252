/**
 * Whether packets that a bridge forwards itself pass the rules for IP: br_netfilter does that for all
 * bridges of a namespace by its sysctls, or for one bridge by a flag of that.
 */

import type { Family } from "../ip/address.ts";
import { NetError } from "../net/error.ts";
import type { Netns } from "../net/netns.ts";
import { findSysctl } from "../net/sysctl.ts";
import { decodeReply } from "../netlink/connection.ts";
import * as netlink from "../netlink/link.ts";

const programs = { 4: "iptables", 6: "ip6tables" } as const;
const flags = { 4: "callIptables", 6: "callIp6tables" } as const;

/** What keeps rules for IP from what bridges forward, in words; undefined if nothing does. */
export function findBridgedFault(host: Netns): string | undefined {
  const sysctl = findSysctl(host, "bridge/bridge-nf-call-iptables");
  return sysctl === undefined ? "the kernel module br_netfilter is not loaded" : undefined;
}

/** Lets what a bridge forwards pass the rules; throws NetError (unsupported) where that cannot be. */
export function passRules(host: Netns, bridge: string, families: readonly Family[]): void {
  const missing = families.filter((of) => !isForAll(host, of));
  if (missing.length === 0) return;
  const fault = findBridgedFault(host);
  if (fault !== undefined) {
    const message = `Cannot judge what bridge "${bridge}" forwards itself: ${fault}`;
    throw new NetError("unsupported", `${message}; load it`);
  }
  const link = found(host, bridge);
  const lacking = missing.filter((of) => link.data[flags[of]] !== 1);
  if (lacking.length === 0) return;
  const data = Object.fromEntries(lacking.map((of) => [flags[of], 1]));
  const attributes = { linkInfo: { own: { kind: "bridge" as const, data } } };
  const what = `let what bridge "${bridge}" forwards pass the rules of IP`;
  host.route.perform(netlink.changeLink(what, link.index, { attributes }));
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
