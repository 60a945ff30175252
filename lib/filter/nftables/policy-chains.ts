/** A direction of a policy as the rules of one chain: the first that fits decides. */

import { type Family, family, type IpAddress } from "../../ip/address.ts";
import { type Cidr, firstAddress, hostCidr, overlapCidrs } from "../../ip/cidr.ts";
import {
  matchFamily,
  matchMeta,
  matchNetwork,
  NF_ACCEPT,
  NF_DROP,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFT_META_IIFNAME,
  verdictOf,
} from "../../netlink/nft-expression.ts";
import { count, matchCarried, matchPorts, matchTranslated } from "../../netlink/nft-policy.ts";
import type { Rule } from "../nft-rules.ts";
import {
  type Direction,
  IPPROTO_ICMPV6,
  type PolicyRule,
  type Ports,
  protocols,
} from "../policy-rules.ts";
import { linkName } from "./sets.ts";

/** Which end of a packet's way is the other side: whence it comes, or where it goes. */
export type OtherEnd = "source" | "destination";

/** Whose connections are judged, and by which link its packets come to the host. */
export interface Judged {
  readonly addresses: readonly IpAddress[];
  readonly link: string;
}

/**
 * The rules of a direction. A container reaches itself by the address of a service; what comes from
 * its address without that is somebody else's, since it would not have left the container.
 */
export function directionRules(
  { deny, allow }: Direction,
  end: OtherEnd,
  { addresses, link }: Judged,
): readonly Rule[] {
  const accept = verdictOf(NF_ACCEPT);
  const drop = [count, verdictOf(NF_DROP)];
  const matches = (rules: readonly PolicyRule[]) => rules.flatMap((rule) => matchesOf(rule, end));
  const toItself = [...matchMeta(NFT_META_IIFNAME, linkName(link)), ...matchTranslated()];
  return [
    ...addresses.map((own) => [...toItself, ...inNetwork(hostCidr(own), end), accept]),
    ...matches(deny).map((match) => [...match, ...drop]),
    ...(allow === undefined ? [] : matches(allow).map((match) => [...match, accept])),
    allow === undefined ? [accept] : drop,
  ];
}

/** One match for each network and each protocol with its ports: that is how many rules there are. */
function matchesOf({ networks, except, ports }: PolicyRule, end: OtherEnd): readonly Rule[] {
  if (networks === undefined) return portMatches(ports, undefined);
  return networks.flatMap((network) => {
    const outside = except
      .filter((each) => overlapCidrs(each, network))
      .flatMap((each) => outsideNetwork(each, end));
    const place = [...inNetwork(network, end), ...outside];
    return portMatches(ports, family(network.address)).map((match) => [...place, ...match]);
  });
}

function portMatches(ports: readonly Ports[] | undefined, of: Family | undefined): readonly Rule[] {
  if (ports === undefined) return [[]];
  return ports.flatMap(({ protocol, range }) => {
    if (protocol === "icmp") return icmpMatches(of);
    const match = matchCarried(protocols[protocol]);
    return [range === undefined ? match : [...match, ...matchPorts(...range)]];
  });
}

function icmpMatches(of: Family | undefined): readonly Rule[] {
  const four = [...matchFamily(NFPROTO_IPV4), ...matchCarried(protocols.icmp)];
  const six = [...matchFamily(NFPROTO_IPV6), ...matchCarried(IPPROTO_ICMPV6)];
  return [...(of === 6 ? [] : [four]), ...(of === 4 ? [] : [six])];
}

function inNetwork(network: Cidr, end: OtherEnd): Rule {
  return [...ofFamily(network), ...where(network, end, false)];
}

function outsideNetwork(network: Cidr, end: OtherEnd): Rule {
  return where(network, end, true);
}

function ofFamily({ address }: Cidr): Rule {
  return matchFamily(family(address) === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

function where(network: Cidr, end: OtherEnd, isOutside: boolean): Rule {
  const { prefixLength } = network;
  return matchNetwork(firstAddress(network), { prefixLength, end, isOutside });
}
