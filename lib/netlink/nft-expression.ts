/** What nf_tables rules say, in words. Numbers from linux/netfilter/nf_tables.h. */

import { Reader } from "../bytes/codec.ts";
import { read } from "../bytes/layout.ts";
import { cstring } from "../bytes/scalar.ts";
import { family } from "../ip/address.ts";
import { maskByte } from "../ip/cidr.ts";
import type { Expression } from "./nft-layout.ts";
import {
  hostOrder,
  NFT_REG_1,
  NFT_REG_2,
  NFT_REG_4,
  NFT_REG_VERDICT,
  wordRegister,
} from "./nft-register.ts";

/** The numbers of protocol families as netfilter counts them, linux/netfilter.h. */
export const NFPROTO_INET = 1;
export const NFPROTO_IPV4 = 2;
export const NFPROTO_BRIDGE = 7;
export const NFPROTO_IPV6 = 10;

/** Verdicts; the kernel's negative ones as the unsigned numbers that carry them. */
export const NF_DROP = 0;
export const NF_ACCEPT = 1;
const NFT_JUMP = 0xffff_fffd;
export const NFT_GOTO = 0xffff_fffc;
export const NFT_RETURN = 0xffff_fffb;

export const NFT_META_PROTOCOL = 1;
export const NFT_META_MARK = 3;
const NFT_META_IIF = 4;
export const NFT_META_IIFNAME = 6;
export const NFT_META_OIFNAME = 7;
const NFT_META_NFPROTO = 15;
export const NFT_META_L4PROTO = 16;

const NFT_PAYLOAD_LL_HEADER = 0;
export const NFT_PAYLOAD_NETWORK_HEADER = 1;
export const NFT_PAYLOAD_TRANSPORT_HEADER = 2;

const NFT_FIB_RESULT_ADDRTYPE = 3;
const NFTA_FIB_F_DADDR = 2;
/** What a FIB says of an address that is the host's own, linux/rtnetlink.h. */
const RTN_LOCAL = 2;

const NFT_NAT_DNAT = 1;
const NFT_CT_PROTO_DST = 12;

export const NFT_CMP_EQ = 0;
export const NFT_CMP_NEQ = 1;

const NFT_LOOKUP_F_INV = 1;

/** Loads a fact about the packet into a register. */
export function loadMeta(key: number, target = NFT_REG_1): Expression {
  return { kind: "meta", data: { key, target } };
}

interface Slice {
  readonly base: number;
  readonly offset: number;
  readonly length: number;
}

/** Loads bytes of the packet into a register. */
export function loadPayload(slice: Slice, target = NFT_REG_1): Expression {
  return { kind: "payload", data: { target, ...slice } };
}

/**
 * Loads what tells a port of this host apart: protocol, address if its length is given, port.
 * A key of a map has them like this, each filled up to 4 bytes.
 */
export function loadHostPort(addressLength: 0 | 4 | 16): readonly Expression[] {
  const offset = addressLength === 4 ? 16 : 24;
  const address = { base: NFT_PAYLOAD_NETWORK_HEADER, offset, length: addressLength };
  const port = { base: NFT_PAYLOAD_TRANSPORT_HEADER, offset: 2, length: 2 };
  return [
    loadMeta(NFT_META_L4PROTO),
    ...(addressLength > 0 ? [loadPayload(address, wordRegister(1))] : []),
    loadPayload(port, wordRegister(1 + addressLength / 4)),
  ];
}

/** Goes on if the destination is an address of this host. */
export function matchLocalDestination(): readonly Expression[] {
  const data = {
    target: NFT_REG_1,
    result: NFT_FIB_RESULT_ADDRTYPE,
    flags: NFTA_FIB_F_DADDR,
  };
  return [{ kind: "fib", data }, compare(NFT_CMP_EQ, hostOrder(RTN_LOCAL))];
}

/** Goes on if register 1 begins, or does not begin, with these bytes. */
export function compare(operator: number, value: Uint8Array): Expression {
  return { kind: "cmp", data: { source: NFT_REG_1, operator, data: { value } } };
}

/** Goes on if the frame comes from another MAC. */
export function matchOtherSource(mac: Uint8Array): readonly Expression[] {
  const source = { base: NFT_PAYLOAD_LL_HEADER, offset: 6, length: 6 };
  return [loadPayload(source), compare(NFT_CMP_NEQ, mac)];
}

/** Goes on if the packet is of this family, which `nft` needs in order to name its fields. */
export function matchFamily(family: number): readonly Expression[] {
  return [loadMeta(NFT_META_NFPROTO), compare(NFT_CMP_EQ, Uint8Array.of(family))];
}

/** Goes on if a fact about the packet differs from these bytes. */
export function matchOtherMeta(key: number, value: Uint8Array): readonly Expression[] {
  return [loadMeta(key), compare(NFT_CMP_NEQ, value)];
}

/** Goes on if the packet's mark has these bits. */
export function matchMark(bits: number): readonly Expression[] {
  return [loadMeta(NFT_META_MARK), keepBits(hostOrder(bits)), compare(NFT_CMP_EQ, hostOrder(bits))];
}

/** Sets bits of the packet's mark, or clears them, by a register that nothing else is in. */
export function changeMark(bits: number, isSet: boolean): readonly Expression[] {
  const turned = hostOrder(isSet ? bits : 0);
  return [
    loadMeta(NFT_META_MARK, NFT_REG_4),
    keepBits(hostOrder(~bits >>> 0), { turned, register: NFT_REG_4 }),
    { kind: "meta", data: { key: NFT_META_MARK, source: NFT_REG_4 } },
  ];
}

/**
 * If a map has the value of register 1: sets bits of the mark, and sends the connection to the
 * address and port that the map says.
 */
export function destinationNatBy(
  map: string,
  addressLength: 4 | 16,
  bits: number,
): readonly Expression[] {
  const family = addressLength === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
  const port = wordRegister(addressLength / 4);
  const data = { type: NFT_NAT_DNAT, family, address: NFT_REG_1, port };
  return [
    { kind: "lookup", data: { set: map, source: NFT_REG_1, target: NFT_REG_1 } },
    ...changeMark(bits, true),
    { kind: "nat", data },
  ];
}

/**
 * Loads who talks to a container by which port of the host: the container's address, the network
 * of the client, the protocol, the port as it was asked for. A key has them like this.
 */
export function loadClient(addressLength: 4 | 16, prefixLength: number): readonly Expression[] {
  const words = addressLength / 4;
  const client = wordRegister(words);
  const source = { base: NFT_PAYLOAD_NETWORK_HEADER, length: addressLength };
  const mask = new Uint8Array(addressLength).map((_, i) => maskByte(prefixLength, i));
  const isWhole = prefixLength === 8 * addressLength;
  return [
    loadDestination(addressLength),
    loadPayload({ ...source, offset: addressLength === 4 ? 12 : 8 }, client),
    ...(isWhole ? [] : [keepBits(mask, { register: client })]),
    loadMeta(NFT_META_L4PROTO, wordRegister(2 * words)),
    {
      kind: "ct",
      data: { target: wordRegister(2 * words + 1), key: NFT_CT_PROTO_DST, direction: 0 },
    },
  ];
}

/** Sends the connection to another address and port, given by their bytes. */
export function destinationNat(address: Uint8Array, port: Uint8Array): readonly Expression[] {
  const protocol = family(address) === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
  const load = (target: number, value: Uint8Array): Expression => ({
    kind: "immediate",
    data: { target, data: { value } },
  });
  const data = { type: NFT_NAT_DNAT, family: protocol, address: NFT_REG_1, port: NFT_REG_2 };
  return [load(NFT_REG_1, address), load(NFT_REG_2, port), { kind: "nat", data }];
}

/** Loads the source address of an IP packet into register 1. */
export function loadSource(length: number): Expression {
  const offset = length === 4 ? 12 : 8;
  return loadPayload({ base: NFT_PAYLOAD_NETWORK_HEADER, offset, length });
}

/** Loads the destination address of an IP packet into register 1. */
export function loadDestination(length: number): Expression {
  const offset = length === 4 ? 16 : 24;
  return loadPayload({ base: NFT_PAYLOAD_NETWORK_HEADER, offset, length });
}

/** Goes on if a fact about the packet, such as the link it came by, equals these bytes. */
export function matchMeta(key: number, value: Uint8Array): readonly Expression[] {
  return [loadMeta(key), compare(NFT_CMP_EQ, value)];
}

/** Goes on if the packet came by another link, or by none. */
export function matchOtherLink(index: number): readonly Expression[] {
  return matchOtherMeta(NFT_META_IIF, hostOrder(index));
}

/** Goes on unless a set has the value of register 1. */
export function matchNotIn(set: string): Expression {
  return { kind: "lookup", data: { set, source: NFT_REG_1, flags: NFT_LOOKUP_F_INV } };
}

/** Goes on if a set has the value of register 1. */
export function matchIn(set: string): Expression {
  return { kind: "lookup", data: { set, source: NFT_REG_1 } };
}

/** Goes on if the destination lies in a network, written as `nft` does: whole bytes need no mask. */
export function matchDestination(first: Uint8Array, prefixLength: number): readonly Expression[] {
  return matchNetwork(first, { prefixLength, end: "destination" });
}

/** An end of a packet's way that lies, or does not lie, in a network. */
interface NetworkMatch {
  readonly prefixLength: number;
  readonly end: "source" | "destination";
  readonly isOutside?: boolean;
}

/** Goes on if an end of the packet's way lies in a network; or, if asked for, outside of it. */
export function matchNetwork(first: Uint8Array, match: NetworkMatch): readonly Expression[] {
  const { prefixLength, end, isOutside = false } = match;
  const source = family(first) === 4 ? 12 : 8;
  const offset = end === "source" ? source : source + first.length;
  const isWhole = prefixLength > 0 && prefixLength % 8 === 0;
  const length = isWhole ? prefixLength / 8 : first.length;
  const load = loadPayload({ base: NFT_PAYLOAD_NETWORK_HEADER, offset, length });
  const operator = isOutside ? NFT_CMP_NEQ : NFT_CMP_EQ;
  if (isWhole) return [load, compare(operator, first.slice(0, length))];
  const mask = first.map((_, i) => maskByte(prefixLength, i));
  return [load, keepBits(mask), compare(operator, first)];
}

/** Clears the bits of a register that the mask does not have, then turns others. */
export function keepBits(
  mask: Uint8Array,
  { turned, register = NFT_REG_1 }: { turned?: Uint8Array; register?: number } = {},
): Expression {
  const { length } = mask;
  const xor = { value: turned ?? new Uint8Array(length) };
  return {
    kind: "bitwise",
    data: { source: register, target: register, length, mask: { value: mask }, xor },
  };
}

/** Goes where a map sends the value of register 1; goes on if the map does not have it. */
export function goWhere(map: string): Expression {
  return { kind: "lookup", data: { set: map, source: NFT_REG_1, target: NFT_REG_VERDICT } };
}

/** Ends the rule with a verdict. */
export function verdictOf(code: number): Expression {
  return { kind: "immediate", data: { target: NFT_REG_VERDICT, data: { verdict: { code } } } };
}

/** Goes through another chain, and comes back at its end. */
export function jumpTo(chain: string): Expression {
  const verdict = { code: NFT_JUMP, chain };
  return { kind: "immediate", data: { target: NFT_REG_VERDICT, data: { verdict } } };
}

/** The chain a rule jumps to, if this expression does. */
export function jumpTarget(step: Expression): string | undefined {
  const { data } = step;
  if (step.kind !== "immediate" || data === undefined || !("data" in data)) return undefined;
  return data.data?.verdict?.chain;
}

/** The values that a rule compares registers with. */
export function comparedValues(rule: readonly Expression[]): readonly Uint8Array[] {
  return rule.flatMap(({ kind, data }) => {
    const isComparison = kind === "cmp" && data !== undefined && "data" in data;
    return (isComparison && data.data?.value) || [];
  });
}

/** The comment of a rule that iptables made; "" if it has none. */
export function iptablesComment(rule: readonly Expression[]): string {
  for (const { data } of rule) {
    if (data === undefined || !("info" in data) || data.name !== "comment") continue;
    return read(cstring, new Reader(data.info ?? new Uint8Array(0)));
  }
  return "";
}

/** Replaces the source address by that of the outgoing link. */
export const masquerade: Expression = { kind: "masq", data: {} };
