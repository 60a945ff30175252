/**
 * What a port of a bridge gets and sends under a policy: IP of its container's own addresses, and what
 * neighbours need. Where nothing else judges what the bridge forwards, its connections are judged here.
 */

import { type Family, family, type IpAddress } from "../../ip/address.ts";
import { hostCidr } from "../../ip/cidr.ts";
import { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from "../../netlink/if-ether.ts";
import {
  matchMeta,
  matchNetwork,
  NF_ACCEPT,
  NF_DROP,
  NFT_META_IIFNAME,
  verdictOf,
} from "../../netlink/nft-expression.ts";
import {
  count,
  matchKnownConnection,
  matchOtherWireType,
  matchWireType,
  neighbourTraffic,
} from "../../netlink/nft-policy.ts";
import type { Rule } from "../nft-rules.ts";
import type { Policy } from "../policy-rules.ts";
import { policyRules } from "./policy-chains.ts";
import { frameAt, linkLocal, unspecified } from "./policy-sources.ts";
import { linkName } from "./sets.ts";

const types = { 4: ETH_P_IP, 6: ETH_P_IPV6 } as const;

/**
 * What reaches a port: what is for its container and not in its name, and what neighbours need. A frame
 * that comes back to the port that it came by is the container's own, by way of a service.
 */
export function inwardRules(own: readonly IpAddress[], ports: readonly string[]): readonly Rule[] {
  const accept = verdictOf(NF_ACCEPT);
  return [
    ...fromOthers(own, ports),
    ...own.map((address) => [...frameAt(hostCidr(address), "destination"), accept]),
    ...neighbours(),
    [count, verdictOf(NF_DROP)],
  ];
}

/** What is sent from no address that could be judged is for neighbours, or for nobody. */
export function outwardRules(): readonly Rule[] {
  const drop = [count, verdictOf(NF_DROP)];
  return [
    ...neighbours(),
    ...[linkLocal, unspecified].map((network) => [...frameAt(network, "source"), ...drop]),
  ];
}

/** Both with the rules of a policy behind them; undefined where it has none. */
export function judgedFrameRules(
  policy: Policy,
  own: readonly IpAddress[],
  ports: readonly string[],
) {
  const [link = ""] = ports;
  const { ingress, egress } = policyRules(policy, { addresses: own, link, ofFamily });
  const accept = verdictOf(NF_ACCEPT);
  const known = [...matchKnownConnection(), accept];
  return {
    ingress: ingress && [
      ...fromOthers(own, ports),
      ...neighbours(),
      ...elsewhere(own).map((match) => [...match, count, verdictOf(NF_DROP)]),
      ...[known, ...ingress],
    ],
    egress: egress && [arp(), ...outwardRules(), known, ...egress],
  };
}

function ofFamily(of: Family): Rule {
  return matchWireType(types[of]);
}

function arp(): Rule {
  return [...matchWireType(ETH_P_ARP), verdictOf(NF_ACCEPT)];
}

/** Decides on what the container sends itself, on ARP, and on what others send in its name. */
function fromOthers(own: readonly IpAddress[], ports: readonly string[]): readonly Rule[] {
  const accept = verdictOf(NF_ACCEPT);
  const drop = [count, verdictOf(NF_DROP)];
  return [
    ...ports.map((port) => [...matchMeta(NFT_META_IIFNAME, linkName(port)), accept]),
    arp(),
    ...own.map((address) => [...frameAt(hostCidr(address), "source"), ...drop]),
  ];
}

function neighbours(): readonly Rule[] {
  const accept = verdictOf(NF_ACCEPT);
  return neighbourTraffic().map((match) => [...matchWireType(ETH_P_IPV6), ...match, accept]);
}

/** Goes on for what is no packet to any of these addresses. */
function elsewhere(own: readonly IpAddress[]): readonly Rule[] {
  const others = ([4, 6] as const).map((of) => {
    const mine = own.filter((address) => family(address) === of);
    const isOther = mine.flatMap((address) =>
      matchNetwork(address, {
        prefixLength: 8 * address.length,
        end: "destination",
        isOutside: true,
      }),
    );
    return [...ofFamily(of), ...isOther];
  });
  return [...others, matchOtherWireType(ETH_P_IP, ETH_P_IPV6)];
}
