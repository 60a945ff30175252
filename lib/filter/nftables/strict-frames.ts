/**
 * What a port may send under the strict check: besides the source of a frame, the hardware addresses
 * by which ARP and the neighbour discovery of IPv6 tell neighbours where somebody is.
 *
 * Of these only what can be proven passes. One VLAN tag is taken off a frame before the rules see it;
 * with another behind it nothing can be proven. A chain of extension headers may be read to its end in
 * what only fills up the frame, and be another once all fragments are together: so what a packet
 * carries has to be at a known place, behind no header, or behind the one that is usual there.
 * Neighbour discovery has no header before it and at most one option of 8 bytes (RFC 4861, RFC 7527).
 */

import type { Mac } from "../../ip/mac.ts";
import {
  ETH_P_8021AD,
  ETH_P_8021Q,
  ETH_P_ARP,
  ETH_P_IP,
  ETH_P_IPV6,
} from "../../netlink/if-ether.ts";
import {
  jumpTo,
  matchOtherSource,
  NF_DROP,
  NFT_RETURN,
  verdictOf,
} from "../../netlink/nft-expression.ts";
import {
  compareByte,
  compareFirstByte,
  matchAnyBit,
  matchBytes,
  matchProtocol,
  NFT_CMP_GT,
  NFT_CMP_LT,
} from "../../netlink/nft-packet.ts";
import type { Rule } from "../nft-rules.ts";

/** What packets of IPv6 carry, and the headers before it, linux/in.h and linux/in6.h. */
const [TCP, UDP, ESP, ICMPV6] = [6, 17, 50, 58];
const [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION] = [0, 43, 44, 51, 60];

/** Places in a packet of IPv6, counted from its beginning. */
const PAYLOAD_LENGTH = 4;
const NEXT_HEADER = 6;
/** What is behind the packet's own header, and what is behind that of a fragment. */
const BODY = 40;
const FRAGMENT_OFFSET = 42;
const FRAGMENT_BODY = 48;

/** Messages of neighbour discovery (net/ndisc.h), with the place of their options. */
const ROUTER_SOLICITATION = { type: 133, options: 8 };
const NEIGHBOUR_SOLICITATION = { type: 135, options: 24 };
const NEIGHBOUR_ADVERTISEMENT = { type: 136, options: 24 };
const REDIRECT = { type: 137 };

/** Options of neighbour discovery. */
const SOURCE_ADDRESS = 1;
const TARGET_ADDRESS = 2;
const NONCE = 14;

const pass = /* @__PURE__ */ verdictOf(NFT_RETURN);
const drop = /* @__PURE__ */ verdictOf(NF_DROP);

/** The rules for the frames of one port: what tells its own address, and then `shared` for others. */
export function portRules(mac: Mac, shared: string): readonly Rule[] {
  const own = [[...matchProtocol(ETH_P_ARP), ...ownArp(mac)], ...ownDiscovery(mac)];
  return [
    [...matchOtherSource(mac), drop],
    [...matchProtocol(ETH_P_IP), pass],
    ...own.map((rule) => [...rule, pass]),
    [jumpTo(shared)],
  ];
}

/** The rules for frames that do not tell the port's own address: whosever they are. */
export function sharedRules(): readonly Rule[] {
  const unproven = [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, ICMPV6, DESTINATION];
  const harmless = [begins(TCP), begins(UDP), ...fragments(), ...otherMessages(), ...silent()];
  return [
    ...harmless.map((rule) => [...rule, pass]),
    ...unproven.map((header) => [...begins(header), drop]),
    ...[ETH_P_ARP, ETH_P_8021Q, ETH_P_8021AD].map((type) => [...matchProtocol(type), drop]),
  ];
}

/** A packet of IPv6 with this behind its own header. */
function begins(header: number): Rule {
  return [...matchProtocol(ETH_P_IPV6), ...matchBytes(NEXT_HEADER, byte(header))];
}

/** Fragments but the first, which tell nothing without it; and first ones of what tells nothing. */
function fragments(): readonly Rule[] {
  const fragmentOf = (header: number) => [...begins(FRAGMENT), ...matchBytes(BODY, byte(header))];
  return [
    [...begins(FRAGMENT), ...matchAnyBit(FRAGMENT_OFFSET, Uint8Array.of(0xff, 0xf8))],
    ...[TCP, UDP, ESP].map(fragmentOf),
    ...elsewhere((operator, type) => [
      ...fragmentOf(ICMPV6),
      ...compareByte(FRAGMENT_BODY, operator, type),
    ]),
  ];
}

/** Messages that are no neighbour discovery; reports of groups have a header before them. */
function otherMessages(): readonly Rule[] {
  const report = [...begins(HOP_BY_HOP), ...matchBytes(BODY, byte(ICMPV6))];
  return [
    ...elsewhere((operator, type) => [...report, ...compareFirstByte(operator, type)]),
    ...elsewhere((operator, type) => [...begins(ICMPV6), ...compareByte(BODY, operator, type)]),
  ];
}

/** Two rules: for types below those of neighbour discovery, and above. */
function elsewhere(rule: (operator: number, type: number) => Rule): readonly Rule[] {
  return [rule(NFT_CMP_LT, ROUTER_SOLICITATION.type), rule(NFT_CMP_GT, REDIRECT.type)];
}

function byte(value: number): Uint8Array {
  return Uint8Array.of(value);
}

/** Addresses of 6 and 4 bytes, and the sender's is the port's own. */
function ownArp(mac: Mac): Rule {
  return [...matchBytes(4, Uint8Array.of(6, 4)), ...matchBytes(8, mac)];
}

/** Each message with the port's own address. Those of routers, and redirects, never pass. */
function ownDiscovery(mac: Mac): readonly Rule[] {
  const source = Uint8Array.of(SOURCE_ADDRESS, 1, ...mac);
  const target = Uint8Array.of(TARGET_ADDRESS, 1, ...mac);
  return [
    discovery(ROUTER_SOLICITATION, source),
    discovery(NEIGHBOUR_SOLICITATION, source),
    discovery(NEIGHBOUR_ADVERTISEMENT, target),
  ];
}

/** Each message that tells no address: without an option, or with a nonce. */
function silent(): readonly Rule[] {
  return [
    discovery(ROUTER_SOLICITATION),
    discovery(NEIGHBOUR_SOLICITATION),
    discovery(NEIGHBOUR_SOLICITATION, Uint8Array.of(NONCE, 1)),
    discovery(NEIGHBOUR_ADVERTISEMENT),
  ];
}

/** A message that ends behind its one option, or has none; it is at the packet's beginning. */
function discovery(
  { type, options }: { readonly type: number; readonly options: number },
  option?: Uint8Array,
): Rule {
  const length = options + (option ? 8 : 0);
  const HOP_LIMIT = 255;
  return [
    ...matchProtocol(ETH_P_IPV6),
    ...matchBytes(PAYLOAD_LENGTH, Uint8Array.of(0, length, ICMPV6, HOP_LIMIT)),
    ...matchBytes(BODY, byte(type)),
    ...(option ? matchBytes(BODY + options, option) : []),
  ];
}
