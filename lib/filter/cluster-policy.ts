/**
 * Network policies of a cluster on this host: the table `inet weft-cluster`, kept as a ruleset says.
 * Each change is one transaction: it is made, or nothing is and the refusal is thrown.
 * cluster-pending.ts has the pods that nothing is known of, cluster-connections.ts what is to be cut.
 */

import type { IpAddress } from "../ip/address.ts";
import type { Netns } from "../net/netns.ts";
import { countedElementsMessage, listCountedElements } from "../netlink/nft-counted.ts";
import type { Expression } from "../netlink/nft-layout.ts";
import { findGeneration, listOrNone } from "./nft-transaction.ts";
import * as changing from "./nftables/cluster-changes.ts";
import { directions } from "./nftables/cluster-elements.ts";
import * as replacing from "./nftables/cluster-replacement.ts";
import { drops } from "./nftables/cluster-table.ts";
import type { Allow, Direction, Ruleset, RulesetChanges } from "./ruleset.ts";
import { isOfNamedPort } from "./ruleset.ts";

/** What keeps policies from being enforced on this host at all, in words. */
export function findClusterFault(host: Netns): string | undefined {
  return findGeneration(host) === undefined ? "the kernel has no nf_tables" : undefined;
}

/**
 * Makes the table right, whatever is there, and returns whether anything differed: what is as it should
 * be stays untouched. Addresses that are pending stay so, but for those of the ruleset and of `settled`.
 */
export function replaceRuleset(
  host: Netns,
  ruleset: Ruleset,
  settled: readonly IpAddress[] = [],
): boolean {
  return replacing.replaceRuleset(host, ruleset, settled);
}

/**
 * Makes changes of a table that `replaceRuleset` has made, and ends that `settled` addresses are
 * pending, in one step. Throws NetlinkError if the kernel refuses it, as where others have changed the
 * table: replace it then.
 */
export function applyChanges(
  host: Netns,
  changes: RulesetChanges,
  settled: readonly IpAddress[] = [],
): void {
  changing.applyChanges(host, changes, settled);
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

/** What was dropped of each isolated address since it is isolated; none without the table. */
export function readDrops(host: Netns): readonly Drops[] {
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
