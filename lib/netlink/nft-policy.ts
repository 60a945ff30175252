/** What nf_tables rules say of connections, of ports, and of frames as they are on the wire. */

import {
  compare,
  keepBits,
  loadPayload,
  matchMeta,
  NFT_CMP_EQ,
  NFT_CMP_NEQ,
  NFT_META_L4PROTO,
  NFT_PAYLOAD_TRANSPORT_HEADER,
} from "./nft-expression.ts";
import type { Expression } from "./nft-layout.ts";
import { compareFirstByte, matchBytes, NFT_CMP_GT, NFT_CMP_LT } from "./nft-packet.ts";
import { hostOrder, NFT_REG_1 } from "./nft-register.ts";

/** linux/netfilter/nf_tables.h */
const NFT_CT_STATE = 0;
const NFT_CT_STATUS = 2;
const NFT_CMP_LTE = 3;
const NFT_CMP_GTE = 5;
const NFT_PAYLOAD_LL_HEADER = 0;

/** States of a connection as bits, linux/netfilter/nf_conntrack_common.h. */
const ESTABLISHED = 1 << 1;
const RELATED = 1 << 2;
/** A connection whose destination was translated: a bit of its status, in the same header. */
const IPS_DST_NAT = 1 << 5;

const IPPROTO_ICMPV6 = 58;

/** Counts the packets that come so far. */
export const count: Expression = { kind: "counter", data: {} };

/** Goes on if the packet belongs to a connection that was let through, or to an error about one. */
export function matchKnownConnection(): readonly Expression[] {
  const load: Expression = { kind: "ct", data: { target: NFT_REG_1, key: NFT_CT_STATE } };
  return [load, keepBits(hostOrder(ESTABLISHED | RELATED)), compare(NFT_CMP_NEQ, hostOrder(0))];
}

/** Goes on if the connection was sent to another address than it asked for. */
export function matchTranslated(): readonly Expression[] {
  const load: Expression = { kind: "ct", data: { target: NFT_REG_1, key: NFT_CT_STATUS } };
  return [load, keepBits(hostOrder(IPS_DST_NAT)), compare(NFT_CMP_NEQ, hostOrder(0))];
}

/** Goes on if what the packet carries is of this protocol. */
export function matchCarried(protocol: number): readonly Expression[] {
  return matchMeta(NFT_META_L4PROTO, Uint8Array.of(protocol));
}

/** Goes on if the port that a packet of TCP, UDP or SCTP goes to is one of these. */
export function matchPorts(first: number, last: number): readonly Expression[] {
  const load = loadPayload({ base: NFT_PAYLOAD_TRANSPORT_HEADER, offset: 2, length: 2 });
  if (first === last) return [load, compare(NFT_CMP_EQ, bigEndian(first))];
  return [load, compare(NFT_CMP_GTE, bigEndian(first)), compare(NFT_CMP_LTE, bigEndian(last))];
}

function bigEndian(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value);
}

/** Goes on if a frame says on the wire that it is of this type: one with a VLAN tag is of another. */
export function matchWireType(type: number): readonly Expression[] {
  const load = loadPayload({ base: NFT_PAYLOAD_LL_HEADER, offset: 12, length: 2 });
  return [load, compare(NFT_CMP_EQ, bigEndian(type))];
}

/** Goes on if it says that it is of none of these. */
export function matchOtherWireType(...types: readonly number[]): readonly Expression[] {
  const load = loadPayload({ base: NFT_PAYLOAD_LL_HEADER, offset: 12, length: 2 });
  return [load, ...types.map((type) => compare(NFT_CMP_NEQ, bigEndian(type)))];
}

/** Where a packet of IPv6 has its hop limit. */
const HOP_LIMIT = 7;
/** Messages of neighbour discovery are 133 to 136 without the redirect, and come from the link itself. */
const DISCOVERY = { above: 132, below: 137, hopLimit: 255 };
/** Reports of groups are 130 to 132 (RFC 2710) and 143 (RFC 3810), and are for the link alone. */
const LISTENING = { above: 129, below: 133, hopLimit: 1 };
const LISTENING_2 = { above: 142, below: 144, hopLimit: 1 };

/** Rules that go on for what IPv6 needs among neighbours: each goes on for some of it. */
export function neighbourTraffic(): readonly (readonly Expression[])[] {
  return [DISCOVERY, LISTENING, LISTENING_2].map(({ above, below, hopLimit }) => [
    ...matchBytes(HOP_LIMIT, Uint8Array.of(hopLimit)),
    ...matchCarried(IPPROTO_ICMPV6),
    ...compareFirstByte(NFT_CMP_GT, above),
    ...compareFirstByte(NFT_CMP_LT, below),
  ]);
}
