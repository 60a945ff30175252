/**
 * The MAC spoof check of bridge ports: by nf_tables, and what the reference plugins made of theirs
 * is known, and goes with the attachment.
 */

import { lazily } from "../host/lazy.ts";
import { collect } from "../net/inventory.ts";
import type { Link } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import type { Owner } from "../net/owner.ts";
import * as nftables from "./nftables/spoofcheck.ts";
import { hasBridgeTable } from "./reference/tables.ts";

export type { CheckedPort, SpoofCheck } from "./nftables/spoofcheck.ts";

type Leftovers = typeof import("./reference/reference-spoofcheck.lazy.ts");

/** Drops what a port sends from other MACs; what a former owner of the port left is replaced. */
export function addSpoofCheck(host: Netns, owner: Owner, port: nftables.CheckedPort): void {
  nftables.addSpoofCheck(host, owner, port);
}

/**
 * Ends the check of an attachment, also one that the reference plugins made; none is fine. The
 * name of its port spares a search.
 */
export function deleteSpoofCheck(host: Netns, owner: Owner, portName: string | undefined): void {
  nftables.deleteSpoofCheck(host, owner, portName);
  reference(host)?.deleteSpoofCheckLeftovers(host, owner);
}

function reference(host: Netns): Leftovers | undefined {
  return hasBridgeTable(host) ? lazily<Leftovers>("reference-spoofcheck") : undefined;
}

/**
 * What an attachment's check lacks, in words; undefined if it is complete. That of the reference
 * plugins counts as well, where only sources are checked: they leave the bridge as it is.
 */
export function findSpoofCheckFault(
  host: Netns,
  owner: Owner,
  { bridge, ...port }: nftables.CheckedPort & { readonly bridge: Link },
): string | undefined {
  const fault =
    nftables.findSpoofCheckFault(host, owner, port) ??
    (bridge.learnsLinkLocal
      ? `bridge "${bridge.name}" should have no_linklocal_learn on`
      : undefined);
  if (fault === undefined || port.check === "strict") return fault;
  return reference(host)?.hasSpoofCheck(host, owner, port.mac) ? undefined : fault;
}

/** Ends the checks of all attachments of a network but the valid ones. */
export function collectSpoofCheck(host: Netns, network: string, valid: readonly Owner[]): void {
  collect(nftables.spoofCheckShelf(host), network, valid);
}
