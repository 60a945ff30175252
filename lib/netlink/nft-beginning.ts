/** What nf_tables rules say of how connections of TCP begin. */

import {
  compare,
  keepBits,
  loadPayload,
  matchMeta,
  NFT_CMP_NEQ,
  NFT_META_L4PROTO,
  NFT_PAYLOAD_TRANSPORT_HEADER,
} from "./nft-expression.ts";
import type { Expression } from "./nft-layout.ts";

/** Where the header of TCP has its flags, and those that tell what a packet is for (RFC 9293). */
const FLAGS = { base: NFT_PAYLOAD_TRANSPORT_HEADER, offset: 13, length: 1 };
const [FIN, SYN, RST, ACK] = [1, 2, 4, 16] as const;
const IPPROTO_TCP = 6;

/** Goes on if the packet is one of TCP that begins no connection. */
export function matchNoBeginning(): readonly Expression[] {
  return [
    ...matchMeta(NFT_META_L4PROTO, Uint8Array.of(IPPROTO_TCP)),
    loadPayload(FLAGS),
    keepBits(Uint8Array.of(FIN | SYN | RST | ACK)),
    compare(NFT_CMP_NEQ, Uint8Array.of(SYN)),
  ];
}
