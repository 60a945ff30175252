/**
 * Addresses of pods that nothing is known of yet: nothing passes from or to them. What enforces the
 * policies of a cluster settles them; before it runs there may be no table, which is made then.
 */

import { formatAddress, type IpAddress } from "../ip/address.ts";
import type { Netns } from "../net/netns.ts";
import { delTable, getSet, getTable, newTable } from "../netlink/nft-request.ts";
import { transact, whereThere } from "./nft-transaction.ts";
import { ifMissing } from "./nftables/chains.ts";
import { listKeys } from "./nftables/cluster-found.ts";
import { absences, ofFamily, presences } from "./nftables/cluster-sets.ts";
import {
  clusterTable,
  newNotedChain,
  newStandingSets,
  pending,
  standingChains,
} from "./nftables/cluster-table.ts";

const families = [4, 6] as const;

/** Lets nothing through from or to these addresses until they are settled; some may be so already. */
export function addPending(host: Netns, addresses: readonly IpAddress[]): void {
  const chains = standingChains();
  transact(host, { missing: chains.map(ifMissing) }, ({ missing }) => ({
    requests: [
      ...(missing.some((chain) => chain) ? [newTable(clusterTable), ...newStandingSets()] : []),
      ...chains.filter((_, i) => missing[i]).flatMap(newNotedChain),
      ...families.flatMap((of) => presences(pending[of], ofFamily(addresses, of))),
    ],
    result: undefined,
  }));
}

/** Ends that; none is fine, and no table as well. */
export function deletePending(host: Netns, addresses: readonly IpAddress[]): void {
  const areThere = families.map((of) => whereThere(getSet(pending[of]), () => true, false));
  transact(host, { areThere }, (found) => ({
    requests: families.flatMap((of, i) =>
      found.areThere[i] ? absences(pending[of], ofFamily(addresses, of)) : [],
    ),
    result: undefined,
  }));
}

/** The addresses that are pending, as text. */
export function listPending(host: Netns): ReadonlySet<string> {
  return new Set(families.flatMap((of) => listKeys(host, pending[of]).map(formatAddress)));
}

/** Takes the whole table away, with what is pending; false if there is none. */
export function removeAll(host: Netns): boolean {
  const table = whereThere(getTable(clusterTable), () => true, false);
  const isGone = transact(host, { table: [table] }, ({ table: [isThere = false] }) => ({
    requests: isThere ? [delTable(clusterTable)] : [],
    result: isThere,
  }));
  return isGone ?? false;
}
