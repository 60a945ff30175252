/** What nf_tables rules say of bytes at known places of a packet. */

import {
  compare,
  keepBits,
  loadPayload,
  NFT_CMP_EQ,
  NFT_CMP_NEQ,
  NFT_PAYLOAD_NETWORK_HEADER,
  NFT_PAYLOAD_TRANSPORT_HEADER,
} from "./nft-expression.ts";
import type { Expression } from "./nft-layout.ts";

/** How numbers of a packet are compared, linux/netfilter/nf_tables.h. */
export const NFT_CMP_LT = 2;
export const NFT_CMP_GT = 4;

/** Goes on if a packet has these bytes at a place, counted from its network header. */
export function matchBytes(offset: number, value: Uint8Array): readonly Expression[] {
  const { length } = value;
  const load = loadPayload({ base: NFT_PAYLOAD_NETWORK_HEADER, offset, length });
  return [load, compare(NFT_CMP_EQ, value)];
}

/** Goes on if any of these bits is set at a place, counted from the network header. */
export function matchAnyBit(offset: number, bits: Uint8Array): readonly Expression[] {
  const { length } = bits;
  const load = loadPayload({ base: NFT_PAYLOAD_NETWORK_HEADER, offset, length });
  return [load, keepBits(bits), compare(NFT_CMP_NEQ, new Uint8Array(length))];
}

/** Goes on if the byte at a place, counted from the network header, is less or greater. */
export function compareByte(
  offset: number,
  operator: number,
  value: number,
): readonly Expression[] {
  const load = loadPayload({ base: NFT_PAYLOAD_NETWORK_HEADER, offset, length: 1 });
  return [load, compare(operator, Uint8Array.of(value))];
}

/** Goes on if the first byte of what the packet carries, behind all headers, is less or greater. */
export function compareFirstByte(operator: number, value: number): readonly Expression[] {
  const load = loadPayload({ base: NFT_PAYLOAD_TRANSPORT_HEADER, offset: 0, length: 1 });
  return [load, compare(operator, Uint8Array.of(value))];
}
