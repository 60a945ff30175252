/**
 * Host ports by the reference's nftables backend, in tables `ip cni_hostport` and
 * `ip6 cni_hostport`: rules whose comment is the container's ID, and nothing else that tells whose
 * they are. GC leaves them alone.
 */

import type { Netns } from "../../net/netns.ts";
import type { NftChain } from "../../netlink/nft-request.ts";
import { changeTables } from "../nft-transaction.ts";
import { deletionsIn } from "./found-rules.ts";
import { hostportTables } from "./tables.ts";

/** The chains with such rules. */
export const hostportChains: readonly NftChain[] = ([4, 6] as const).flatMap((of) =>
  ["hostports", "hostip_hostports", "masquerading"].map((name) => ({
    table: hostportTables[of],
    name,
  })),
);

/** Deletes the host ports of a container; none is fine. */
export function deleteHostPortLeftovers(ns: Netns, containerID: string): void {
  changeTables(ns, {
    questions: [],
    plan: () =>
      hostportChains.flatMap((chain) =>
        deletionsIn(ns, chain, ({ comment }) => comment === containerID),
      ),
  });
}
