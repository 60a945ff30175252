/** Transactions of nf_tables: requests that are carried out together, and their number. */

import { type Request, request } from "./message.ts";
import { ask, NFNL_SUBSYS_NFTABLES } from "./nft-ask.ts";
import { batchMessage, generationMessage } from "./nftables.ts";

const NFNL_MSG_BATCH_BEGIN = 16;
const NFNL_MSG_BATCH_END = 17;
const NFT_MSG_GETGEN = 16;

/**
 * A transaction: the kernel applies all of it or nothing. With `generation` it is refused with
 * ERESTART if the tables have changed since that number was read.
 */
export function batch(requests: readonly Request[], generation?: number): readonly Request[] {
  const attributes = generation === undefined ? {} : { generation };
  const header = { resource: NFNL_SUBSYS_NFTABLES };
  const edge = { what: "change nftables", codec: batchMessage };
  return [
    request({ ...edge, type: NFNL_MSG_BATCH_BEGIN, value: { header, attributes } }),
    ...requests,
    request({ ...edge, type: NFNL_MSG_BATCH_END, value: { header } }),
  ];
}

/** Asks for the number of the latest transaction. */
export function getGeneration(): Request {
  return ask({
    what: "use nftables",
    type: NFT_MSG_GETGEN,
    table: { family: 0 },
    codec: generationMessage,
    attributes: {},
  });
}
