/**
 * Addresses of pods that nothing is known of yet: nothing passes from or to them. What enforces the
 * policies of a cluster settles them; before it runs there may be no table, which is made then.
 */

import { formatAddress, type IpAddress } from "../ip/address.ts";
import type { Netns } from "../net/netns.ts";
import { delTable, getSet, getTable, newTable, tableName } from "../netlink/nft-request.ts";
import { neededTables, presentTables } from "./cluster-tables.ts";
import { transact, whereThere } from "./nft-transaction.ts";
import { ifMissing } from "./nftables/chains.ts";
import { listKeys } from "./nftables/cluster-found.ts";
import { absences, ofFamily, presences } from "./nftables/cluster-sets.ts";
import {
  bridged,
  type ClusterTable,
  type NotedChain,
  newNotedChain,
  newStandingSets,
  routed,
  standingChains,
} from "./nftables/cluster-table.ts";

const families = [4, 6] as const;

/** Lets nothing through from or to these addresses until they are settled; some may be so already. */
export function addPending(host: Netns, addresses: readonly IpAddress[]): void {
  const tables = neededTables(host);
  const all = tables.map(standingChains);
  transact(host, { missing: all.flat().map(ifMissing) }, ({ missing }) => {
    const isMissing = ({ chain }: NotedChain) => missing.some((each) => each?.chain === chain);
    const requests = tables.flatMap((at, i) => {
      const chains = (all[i] ?? []).filter(isMissing);
      return [
        ...(chains.length > 0 ? [newTable(at.table), ...newStandingSets(at)] : []),
        ...chains.flatMap(newNotedChain),
        ...families.flatMap((of) => presences(at.pending[of], ofFamily(addresses, of))),
      ];
    });
    return { requests, result: undefined };
  });
}

/** Ends that; none is fine, and no table as well. */
export function deletePending(host: Netns, addresses: readonly IpAddress[]): void {
  const sets = [routed, bridged].flatMap(({ pending }) =>
    families.map((of) => [pending[of], of] as const),
  );
  const areThere = sets.map(([set]) => whereThere(getSet(set), () => true, false));
  transact(host, { areThere }, (found) => ({
    requests: sets.flatMap(([set, of], i) =>
      found.areThere[i] ? absences(set, ofFamily(addresses, of)) : [],
    ),
    result: undefined,
  }));
}

/** The addresses that are pending, as text. */
export function listPending(host: Netns): ReadonlySet<string> {
  return new Set(presentTables(host).flatMap((at) => pendingIn(host, at)));
}

/** Those of them that nothing gets around: with br_netfilter as well as without. */
export function listIsolated(host: Netns): ReadonlySet<string> {
  const [first = [], ...others] = neededTables(host).map((at) => pendingIn(host, at));
  return new Set(first.filter((text) => others.every((each) => each.includes(text))));
}

function pendingIn(host: Netns, { pending }: ClusterTable): readonly string[] {
  return families.flatMap((of) => listKeys(host, pending[of]).map(formatAddress));
}

/** Takes the tables away, with what is pending; returns their names. */
export function removeAll(host: Netns): readonly string[] {
  const tables = [routed, bridged].map(({ table }) => table);
  const areThere = tables.map((table) => whereThere(getTable(table), () => true, false));
  const gone = transact(host, { areThere }, (found) => {
    const there = tables.filter((_, i) => found.areThere[i]);
    return { requests: there.map(delTable), result: there };
  });
  return (gone ?? []).map(tableName);
}
