/** Changes of nf_tables that are planned by looking at a whole table. */

import { ERESTART } from "../host/errno.ts";
import type { Netns } from "../net/netns.ts";
import { NetlinkError } from "../netlink/error.ts";
import type { Request } from "../netlink/message.ts";
import { batch } from "../netlink/nft-batch.ts";
import { ATTEMPTS, findGeneration, isMade } from "./nft-transaction.ts";

/**
 * Looks, plans and changes in one step: the change is refused if the tables have changed since the look
 * began, and then all is done again. Returns false if there was nothing to change; throws NetlinkError,
 * and has changed nothing, if the kernel refuses.
 */
export function transactByLook<L>(
  ns: Netns,
  look: () => L,
  plan: (looked: L) => readonly Request[],
): boolean {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const generation = findGeneration(ns);
    const requests = plan(look());
    if (requests.length === 0) return false;
    if (isMade(ns, batch(requests, generation))) return true;
  }
  throw new NetlinkError("change nftables", ERESTART);
}
