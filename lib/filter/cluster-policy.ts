/**
 * Network policies of a cluster on this host: the table `inet weft-cluster`, kept as a ruleset says, and
 * besides `bridge weft-cluster` where bridges forward packets that do not come there (cluster-tables.ts).
 * Each change is one transaction: it is made, or nothing is and the refusal is thrown.
 * cluster-pending.ts has the pods that nothing is known of, cluster-connections.ts what is to be cut.
 */

import type { IpAddress } from "../ip/address.ts";
import type { Netns } from "../net/netns.ts";
import { countedElementsMessage, listCountedElements } from "../netlink/nft-counted.ts";
import type { Expression } from "../netlink/nft-layout.ts";
import { delTable } from "../netlink/nft-request.ts";
import { hasBridgedTable, presentTables } from "./cluster-tables.ts";
import { findGeneration, listOrNone } from "./nft-transaction.ts";
import * as changing from "./nftables/cluster-changes.ts";
import { directions } from "./nftables/cluster-elements.ts";
import * as replacing from "./nftables/cluster-replacement.ts";
import { bridged, type ClusterTable } from "./nftables/cluster-table.ts";
import type { Allow, Direction, Ruleset, RulesetChanges } from "./ruleset.ts";
import { isOfNamedPort } from "./ruleset.ts";
import { transactByLook } from "./whole-transaction.ts";

/** What keeps policies from being enforced on this host at all, in words. */
export function findClusterFault(host: Netns): string | undefined {
  return findGeneration(host) === undefined ? "the kernel has no nf_tables" : undefined;
}

/**
 * Makes these tables right, whatever is there, and returns whether anything differed: what is as it
 * should be stays untouched. Addresses that are pending stay so, but for those of the ruleset and of
 * `settled`. Another table goes last, when the others judge.
 */
export function replaceRuleset(
  host: Netns,
  tables: readonly ClusterTable[],
  wish: replacing.Wish,
): boolean {
  const differ = tables.map((at) => replacing.replaceRuleset(host, at, wish));
  const isSurplus = !tables.includes(bridged) && hasBridgedTable(host);
  if (isSurplus)
    transactByLook(
      host,
      () => undefined,
      () => [delTable(bridged.table)],
    );
  return isSurplus || differ.some((each) => each);
}

/**
 * Makes changes of tables that `replaceRuleset` has made, and ends that `settled` addresses are
 * pending, in one step. Throws NetlinkError if the kernel refuses it, as where others have changed the
 * table: replace it then.
 */
export function applyChanges(
  host: Netns,
  tables: readonly ClusterTable[],
  change: changing.ToApply,
): void {
  changing.applyChanges(host, tables, change);
}

/** Whose rules a change concerns: the addresses to be made pending if it cannot be made. */
export function concernedAddresses(
  ruleset: Ruleset,
  { sets, chains, addresses }: RulesetChanges,
): readonly IpAddress[] {
  const isConcerned = (name: string | undefined) => {
    if (name === undefined) return false;
    const allows = ruleset.chains.get(name)?.allows ?? [];
    return chains.has(name) || allows.some((allow) => sets.has(setOf(allow) ?? ""));
  };
  return [...ruleset.addresses].flatMap(([text, { address, ingress, egress }]) =>
    addresses.has(text) || isConcerned(ingress) || isConcerned(egress) ? [address] : [],
  );
}

function setOf(allow: Allow): string | undefined {
  if (isOfNamedPort(allow)) return allow.destinations;
  return allow.peers && "set" in allow.peers ? allow.peers.set : undefined;
}

/** What was dropped of an isolated address, in a direction. */
export interface Drops {
  readonly address: IpAddress;
  readonly direction: Direction;
  readonly packets: number;
  readonly bytes: number;
}

/**
 * What was dropped of each isolated address since it is isolated; none without the table. What bridges
 * forward themselves is told by itself, so that an address may be told twice.
 */
export function readDrops(host: Netns): readonly Drops[] {
  return presentTables(host).flatMap((at) => dropsIn(host, at));
}

function dropsIn(host: Netns, { drops }: ClusterTable): readonly Drops[] {
  return directions.flatMap((direction) =>
    ([4, 6] as const).flatMap((of) => {
      const request = listCountedElements(drops[direction][of]);
      const list = () => host.netfilter.dump(request, countedElementsMessage);
      return listOrNone(list).flatMap(({ attributes = {} }) =>
        (attributes.elements ?? []).map(({ key, expression }) => ({
          address: key?.value ?? new Uint8Array(0),
          direction,
          ...countedBy(expression),
        })),
      );
    }),
  );
}

/** What a counter says; nothing was counted where there is none. */
function countedBy(expression: Expression | undefined): Pick<Drops, "packets" | "bytes"> {
  const data = expression?.kind === "counter" ? (expression.data as Counter) : {};
  return { packets: data.packets ?? 0, bytes: data.bytes ?? 0 };
}

interface Counter {
  readonly packets?: number;
  readonly bytes?: number;
}
