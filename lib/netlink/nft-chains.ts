/** All chains of nf_tables, of whichever table: what only people ask for. */

import type { Connection } from "./connection.ts";
import { ask } from "./nft-ask.ts";
import { chainMessage } from "./nftables.ts";

/** linux/netfilter/nf_tables.h */
const NFT_MSG_GETCHAIN = 4;
const NFPROTO_UNSPEC = 0;

/** A chain; `hook`, `priority`, `type` and `policy` are those of a base chain, `use` counts its rules. */
export interface FoundChain {
  readonly family: number;
  readonly table: string;
  readonly name: string;
  readonly hook: number | undefined;
  readonly priority: number | undefined;
  readonly type: string | undefined;
  readonly policy: number | undefined;
  readonly use: number;
}

/** The chains of all families. */
export function listChains(netfilter: Connection): readonly FoundChain[] {
  const request = ask({
    what: "list chains of nftables",
    type: NFT_MSG_GETCHAIN,
    table: { family: NFPROTO_UNSPEC },
    codec: chainMessage,
    attributes: {},
  });
  return netfilter.dump(request, chainMessage).map(({ header, attributes = {} }) => ({
    family: header?.family ?? 0,
    table: attributes.table ?? "",
    name: attributes.name ?? "",
    hook: attributes.hook?.number,
    priority: attributes.hook?.priority,
    type: attributes.type,
    policy: attributes.policy,
    use: attributes.use ?? 0,
  }));
}
