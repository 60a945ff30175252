/** What nf_tables rules say of bytes at known places of a packet, and of its headers. */

import {
  compare,
  keepBits,
  loadPayload,
  matchMeta,
  NFT_CMP_EQ,
  NFT_CMP_NEQ,
  NFT_META_L4PROTO,
  NFT_META_PROTOCOL,
  NFT_PAYLOAD_NETWORK_HEADER,
  NFT_PAYLOAD_TRANSPORT_HEADER,
} from "./nft-expression.ts";
import type { Expression } from "./nft-layout.ts";
import { NFT_REG_1 } from "./nft-register.ts";

/** How numbers of a packet are compared, linux/netfilter/nf_tables.h. */
export const NFT_CMP_LT = 2;
export const NFT_CMP_GT = 4;

const NFT_EXTHDR_F_PRESENT = 1;

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

/** Goes on if the packet is of this protocol, and these are bytes of its transport header. */
export function matchTransport(
  protocol: number,
  ...fields: readonly { readonly offset: number; readonly value: Uint8Array }[]
): readonly Expression[] {
  const base = NFT_PAYLOAD_TRANSPORT_HEADER;
  return [
    ...matchMeta(NFT_META_L4PROTO, Uint8Array.of(protocol)),
    ...fields.flatMap(({ offset, value }) => [
      loadPayload({ base, offset, length: value.length }),
      compare(NFT_CMP_EQ, value),
    ]),
  ];
}

/** Goes on if the packet has an IPv6 extension header of this kind. */
export function matchExtension(type: number): readonly Expression[] {
  const data = { target: NFT_REG_1, type, offset: 0, length: 1, flags: NFT_EXTHDR_F_PRESENT };
  return [{ kind: "exthdr", data }, compare(NFT_CMP_EQ, Uint8Array.of(1))];
}

/** Goes on if the frame is of this type, ETH_P_*. */
export function matchProtocol(type: number): readonly Expression[] {
  return matchMeta(NFT_META_PROTOCOL, Uint8Array.of(type >> 8, type));
}
