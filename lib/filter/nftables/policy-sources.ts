/**
 * What a container may write as the source of its packets: its own addresses, or one by which no
 * router passes a packet on. Rules for the frames of bridges, and for links that lead nowhere else.
 */

import { family, type IpAddress } from "../../ip/address.ts";
import { type Cidr, hostCidr } from "../../ip/cidr.ts";
import { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from "../../netlink/if-ether.ts";
import { matchNetwork, NF_ACCEPT, NF_DROP, verdictOf } from "../../netlink/nft-expression.ts";
import { matchProtocol } from "../../netlink/nft-packet.ts";
import { count, matchWireType } from "../../netlink/nft-policy.ts";
import type { Rule } from "../nft-rules.ts";

/** fe80::/10, and ::, which is the source before there is an address (RFC 4291, RFC 4862). */
export const linkLocal: Cidr = {
  address: /* @__PURE__ */ Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
  prefixLength: 10,
};
export const unspecified = /* @__PURE__ */ hostCidr(/* @__PURE__ */ new Uint8Array(16));

/** Goes on for packets, or for frames, of this type. */
type OfType = (type: number) => Rule;

/** For a link that leads to one container: what comes from elsewhere than its addresses is dropped. */
export function packetSourceRules(own: readonly IpAddress[]): readonly Rule[] {
  return sourceRules(own, matchProtocol);
}

/** For a port of a bridge: the same, and of other frames ARP alone passes. */
export function frameSourceRules(own: readonly IpAddress[]): readonly Rule[] {
  return [[...matchWireType(ETH_P_ARP), verdictOf(NF_ACCEPT)], ...sourceRules(own, matchWireType)];
}

function sourceRules(own: readonly IpAddress[], ofType: OfType): readonly Rule[] {
  const sources = [...own.map(hostCidr), linkLocal, unspecified];
  return [
    ...sources.map((source) => [...isAt(source, "source", ofType), verdictOf(NF_ACCEPT)]),
    [count, verdictOf(NF_DROP)],
  ];
}

/** Goes on for frames without a tag whose packet has an end in this network. */
export function frameAt(network: Cidr, end: "source" | "destination"): Rule {
  return isAt(network, end, matchWireType);
}

function isAt(
  { address, prefixLength }: Cidr,
  end: "source" | "destination",
  ofType: OfType,
): Rule {
  const type = family(address) === 4 ? ETH_P_IP : ETH_P_IPV6;
  return [...ofType(type), ...matchNetwork(address, { prefixLength, end })];
}
