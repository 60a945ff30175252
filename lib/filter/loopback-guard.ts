/** What becomes of links with `route_localnet`, once there is one: see loopback.ts. */

import { SystemError } from "../host/errno.ts";
import { warn } from "../host/warn.ts";
import { type Link, listWholeLinks } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { isAliasOfNetwork } from "../net/owner.ts";
import { setSysctl } from "../net/sysctl.ts";
import { NetlinkError } from "../netlink/error.ts";
import { hasRules } from "./nft-rules.ts";
import { addGuard, martians } from "./nftables/martians.ts";

/** A link as far as it tells whether 127.0.0.0/8 passes by it. */
export type Opening = Pick<Link, "name"> & Partial<Pick<Link, "routeLocalnet">>;

/** Makes the guard that open links need; where it cannot be made, closes them, and says so. */
export function guardOrClose(host: Netns, open: readonly Opening[]): void {
  const why = whyUnguarded(host);
  if (why === undefined) return;
  for (const { name } of open) {
    setSysctl(host, `ipv4/conf/${name}/route_localnet`, "0");
    warn(`Closed "${name}" to 127.0.0.1, which nothing would guard: ${why}`);
  }
}

function whyUnguarded(host: Netns): string | undefined {
  try {
    return addGuard(host) ? undefined : "the kernel has no nf_tables";
  } catch (cause) {
    if (cause instanceof NetlinkError || cause instanceof SystemError) return cause.message;
    throw cause;
  }
}

/** The same for the links by which the pods of a network reach the host. */
export function guardNetwork(host: Netns, network: string): void {
  if (isGuarded(host)) return;
  const open = openLinks(host, network);
  if (open.length > 0) guardOrClose(host, open);
}

function isGuarded(host: Netns): boolean {
  const { chain, rules } = martians;
  return hasRules(host, chain, rules);
}

/** Bridges with a port of ours, and host ends of ours that are no port: others guard what is theirs. */
function openLinks(host: Netns, network: string): readonly Opening[] {
  const links = listWholeLinks(host);
  const ends = links.filter(({ alias }) => isAliasOfNetwork(alias, network));
  const ours = new Set(ends.map(({ master, index }) => master || index));
  return links.filter(({ index, routeLocalnet }) => routeLocalnet === 1 && ours.has(index));
}

/** What an open link lacks, in words. */
export function findFault(host: Netns, { name }: Opening): string | undefined {
  if (isGuarded(host)) return undefined;
  const state = `chain "${martians.chain.name}" does not have its rules`;
  return `containers on "${name}" reach what listens on 127.0.0.1 of this host: ${state}`;
}

/** What the links of a network lack, in words. */
export function findFaultOfNetwork(host: Netns, network: string): string | undefined {
  if (isGuarded(host)) return undefined;
  const [open] = openLinks(host, network);
  return open && findFault(host, open);
}
