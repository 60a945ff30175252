/** All sets of a table of nf_tables, for who looks at what is there without knowing their names. */

import type { Request } from "./message.ts";
import { ask } from "./nft-ask.ts";
import type { NftTable } from "./nft-request.ts";
import { setMessage } from "./nftables.ts";

/** linux/netfilter/nf_tables.h */
const NFT_MSG_GETSET = 10;

/** Asks for the sets and maps of a table. */
export function listSets(table: NftTable): Request {
  return ask({
    what: `list the sets of table "${table.name}"`,
    type: NFT_MSG_GETSET,
    table,
    codec: setMessage,
    attributes: { table: table.name },
  });
}
