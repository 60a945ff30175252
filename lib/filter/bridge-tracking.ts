/** Whether rules for bridges can tell the packets of known connections: not every kernel has that. */

import { EINVAL, ENOENT, EOPNOTSUPP, EPROTO } from "../host/errno.ts";
import type { Netns } from "../net/netns.ts";
import { isRefusal } from "../netlink/error.ts";
import { batch } from "../netlink/nft-batch.ts";
import { NFPROTO_BRIDGE } from "../netlink/nft-expression.ts";
import { matchKnownConnection } from "../netlink/nft-policy.ts";
import { delTable, newChain, newRule, newTable } from "../netlink/nft-request.ts";

const table = { family: NFPROTO_BRIDGE, name: "weft-question" };
const chain = { table, name: "known" };
const missing = { ...table, name: "weft-nobody" };

/**
 * Tries such a rule, for which the kernel loads nf_conntrack_bridge, in a transaction that is surely
 * refused: it deletes a table that nobody has. Which request is refused first tells.
 */
export function tracksOnBridges(host: Netns): boolean {
  const rule = newRule(chain, matchKnownConnection());
  try {
    host.netfilter.transaction(batch([newTable(table), newChain(chain), rule, delTable(missing)]));
  } catch (cause) {
    if (isRefusal(cause, EPROTO, EOPNOTSUPP, EINVAL)) return false;
    if (!isRefusal(cause, ENOENT)) throw cause;
  }
  return true;
}
