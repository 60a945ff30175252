/** A direction of a policy as the rules of one chain: the first that fits decides. */

import { type Family, family, type IpAddress } from "../../ip/address.ts";
import { type Cidr, firstAddress, hostCidr, overlapCidrs } from "../../ip/cidr.ts";
import { matchNoBeginning } from "../../netlink/nft-beginning.ts";
import {
  matchMeta,
  matchNetwork,
  NF_ACCEPT,
  NF_DROP,
  NFT_META_IIFNAME,
  verdictOf,
} from "../../netlink/nft-expression.ts";
import { count, matchCarried, matchPorts, matchTranslated } from "../../netlink/nft-policy.ts";
import type { Rule } from "../nft-rules.ts";
import {
  type Direction,
  IPPROTO_ICMPV6,
  type Policy,
  type PolicyRule,
  type Ports,
  protocols,
} from "../policy-rules.ts";
import { linkName } from "./sets.ts";

/** Which end of a packet's way is the other side: whence it comes, or where it goes. */
export type OtherEnd = "source" | "destination";

/** Goes on for packets of a family: how that is said depends on where the rules are. */
export type OfFamily = (of: Family) => Rule;

/** Whose connections are judged, and by which link its packets come. */
export interface Judged {
  readonly addresses: readonly IpAddress[];
  readonly link: string;
  readonly ofFamily: OfFamily;
}

/** The rules by which both directions of a policy are judged; none where there is no need for any. */
export function policyRules({ ingress, egress }: Policy, judged: Judged) {
  const isBound = ingress !== undefined || egress !== undefined;
  if (!isBound) return { ingress: undefined, egress: undefined };
  return {
    ingress: new Judging(judged, "source", egress).rules(ingress ?? OPEN),
    egress: new Judging(judged, "destination", ingress).rules(egress ?? OPEN),
  };
}

const OPEN: Direction = { deny: [], allow: undefined };

/** The rules of one direction, which know whether there are any of the other. */
class Judging {
  readonly #judged: Judged;
  readonly #end: OtherEnd;
  readonly #isBoundOtherwise: boolean;

  constructor(judged: Judged, end: OtherEnd, other: Direction | undefined) {
    this.#judged = judged;
    this.#end = end;
    this.#isBoundOtherwise = other !== undefined;
  }

  /**
   * A container reaches itself by the address of a service; what comes from its address without that
   * is somebody else's, since it would not have left the container. A connection of TCP that the other
   * direction's rules have cut must not begin again by an answer, which would be judged here.
   */
  rules({ deny, allow }: Direction): readonly Rule[] {
    const accept = verdictOf(NF_ACCEPT);
    const drop = [count, verdictOf(NF_DROP)];
    const matches = (rules: readonly PolicyRule[]) => rules.flatMap((rule) => this.#matches(rule));
    const { addresses, link } = this.#judged;
    const toItself = [...matchMeta(NFT_META_IIFNAME, linkName(link)), ...matchTranslated()];
    return [
      ...addresses.map((own) => [...toItself, ...this.#inNetwork(hostCidr(own)), accept]),
      ...(this.#isBoundOtherwise ? [[...matchNoBeginning(), ...drop]] : []),
      ...matches(deny).map((match) => [...match, ...drop]),
      ...(allow === undefined ? [] : matches(allow).map((match) => [...match, accept])),
      allow === undefined ? [accept] : drop,
    ];
  }

  /** One match for each network and each protocol with its ports: that is how many rules there are. */
  #matches({ networks, except, ports }: PolicyRule): readonly Rule[] {
    if (networks === undefined) return this.#portMatches(ports, undefined);
    return networks.flatMap((network) => {
      const outside = except
        .filter((each) => overlapCidrs(each, network))
        .flatMap((each) => where(each, this.#end, true));
      const place = [...this.#inNetwork(network), ...outside];
      const matches = this.#portMatches(ports, family(network.address));
      return matches.map((match) => [...place, ...match]);
    });
  }

  #portMatches(ports: readonly Ports[] | undefined, of: Family | undefined): readonly Rule[] {
    if (ports === undefined) return [[]];
    return ports.flatMap(({ protocol, range }) => {
      if (protocol === "icmp") return this.#icmpMatches(of);
      const match = matchCarried(protocols[protocol]);
      return [range === undefined ? match : [...match, ...matchPorts(...range)]];
    });
  }

  #icmpMatches(of: Family | undefined): readonly Rule[] {
    const { ofFamily } = this.#judged;
    const four = [...ofFamily(4), ...matchCarried(protocols.icmp)];
    const six = [...ofFamily(6), ...matchCarried(IPPROTO_ICMPV6)];
    return [...(of === 6 ? [] : [four]), ...(of === 4 ? [] : [six])];
  }

  #inNetwork(network: Cidr): Rule {
    const { ofFamily } = this.#judged;
    return [...ofFamily(family(network.address)), ...where(network, this.#end, false)];
  }
}

function where(network: Cidr, end: OtherEnd, isOutside: boolean): Rule {
  const { prefixLength } = network;
  return matchNetwork(firstAddress(network), { prefixLength, end, isOutside });
}
