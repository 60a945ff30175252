/**
 * The rules by which ports of this host lead to containers:
 *
 *   table inet weft
 *     chains hostports-in, -out (nat hooks)  to an address of this host: go to hostports
 *     chain hostports                        what a map has for the packet: mark it, and DNAT
 *     chains hostports-snat-12… (nat hook)   marked and from 127/8, or in a set: masquerade
 *     chain martians (filter hook)           127.0.0.0/8 from another link than lo: drop
 *
 * A new connection costs a few lookups (hostport-sets.ts), and a mapping one element, however many
 * there are: no element leads to a chain, since the kernel would look through all of them at every
 * change. Only mappings with conditions or a mark of their own have a chain each. What goes to
 * other addresses than this host's, such as forwarded packets, is never looked up.
 */

import { hash32Hex } from "../../bytes/hash.ts";
import { type Family, family, formatAddress } from "../../ip/address.ts";
import { type Cidr, firstAddress, formatCidr } from "../../ip/cidr.ts";
import * as nft from "../../netlink/nft-expression.ts";
import {
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
  NF_IP_PRI_NAT_DST,
  NF_IP_PRI_NAT_SRC,
} from "../../netlink/nft-request.ts";
import type { Rule } from "../nft-rules.ts";
import {
  type Condition,
  type PortMapping,
  protocolNumbers,
  type Snat,
  type Target,
} from "../port-mapping.ts";
import type { ChainWithRules } from "./chains.ts";
import { type Dispatcher, leavesWith } from "./dispatcher.ts";
import { allSets, sets } from "./hostport-sets.ts";
import { martians } from "./martians.ts";
import { linkName, inetTable as table } from "./sets.ts";

/**
 * The bit of the mark that needs no chain of a mapping's own: it says that a packet came by a port of
 * this host. Bit 13, which iptables uses, says that it is to be masqueraded.
 */
const USUAL_MARK = 12;

const hostports = { table, name: "hostports" };
const localhost6 = /* @__PURE__ */ new Uint8Array(16).fill(1, 15);
const loopback4 = /* @__PURE__ */ Uint8Array.of(127, 0, 0, 0);

/** With the chains that masquerade: for all loopbacks, and for each size of the clients' networks. */
export function dispatcherFor(snat?: Snat, clients: readonly Cidr[] = []): Dispatcher {
  return {
    table,
    maps: allSets(),
    chains: () => [
      ...usualChains,
      ...(snat ? [loopbackChain(snat), ...clientChains(snat, clients), martians] : []),
    ],
    leaves: leavesWith(1),
  };
}

/** True if a mapping can be an element alone, because it has nothing that is its own. */
export function isPlain({ conditions }: Target, snat: Snat | undefined): boolean {
  return conditions.length === 0 && (!snat || bitOf(snat) === bitOf());
}

/** The mask of the bit of the mark. */
function bitOf({ markBit = USUAL_MARK }: Partial<Snat> = {}): number {
  return (1 << markBit) >>> 0;
}

/** The chains that are the same whatever is mapped: made once, by the build. */
const usualChains = /* @__PURE__ */ (() => [
  { chain: hostports, rules: lookups() },
  ...entrances(),
])();

/** From the loopback of IPv6 nothing reaches a container: connections there are left alone. */
function lookups(): readonly Rule[] {
  const toLocalhost = [
    ...nft.matchFamily(nft.NFPROTO_IPV6),
    ...nft.matchDestination(localhost6, 128),
  ];
  return [[...toLocalhost, nft.verdictOf(nft.NFT_RETURN)], ...lookupsOf(4), ...lookupsOf(6)];
}

function lookupsOf(of: Family): readonly Rule[] {
  const { plain, own } = sets[of];
  const length = of === 4 ? 4 : 16;
  const loads = { one: nft.loadHostPort(length), any: nft.loadHostPort(0) };
  return (["one", "any"] as const).flatMap((at) => [
    [...isFamily(of), ...loads[at], nft.goWhere(own[at].name)],
    [...isFamily(of), ...loads[at], ...nft.destinationNatBy(plain[at].name, length, bitOf())],
  ]);
}

function isFamily(of: Family): Rule {
  return nft.matchFamily(of === 4 ? nft.NFPROTO_IPV4 : nft.NFPROTO_IPV6);
}

function entrances(): readonly ChainWithRules[] {
  const hooks = [
    ["hostports-in", NF_INET_PRE_ROUTING],
    ["hostports-out", NF_INET_LOCAL_OUT],
  ] as const;
  return hooks.map(([name, hook]) => ({
    chain: { table, name, base: { type: "nat", hook, priority: NF_IP_PRI_NAT_DST } },
    rules: [[...nft.matchLocalDestination(), nft.jumpTo(hostports.name)]],
  }));
}

/** Nobody could answer 127.0.0.1. */
function loopbackChain(snat: Snat): ChainWithRules {
  const fromLoopback = nft.matchNetwork(loopback4, { prefixLength: 8, end: "source" });
  const rule = [
    ...nft.matchMark(bitOf(snat)),
    ...isFamily(4),
    ...fromLoopback,
    ...masqueradeMarked(snat),
  ];
  return snatChain(markOf(snat), [rule]);
}

function markOf({ markBit = USUAL_MARK }: Snat): string {
  return `${markBit}`;
}

/** A chain behind the hook where sources are rewritten, before those that would do it otherwise. */
function snatChain(name: string, rules: readonly Rule[]): ChainWithRules {
  const base = { type: "nat", hook: NF_INET_POST_ROUTING, priority: NF_IP_PRI_NAT_SRC - 1 };
  return { chain: { table, name: `hostports-snat-${name}`, base }, rules };
}

/** What encapsulates the packet would inherit the mark, which has done its work. */
function masqueradeMarked(snat: Snat): Rule {
  return [...nft.changeMark(bitOf(snat), false), nft.masquerade];
}

/** One for each size of network, in either family. */
function clientChains(snat: Snat, clients: readonly Cidr[]): readonly ChainWithRules[] {
  const sizes = clients.map(
    (cidr) => [`${family(cidr.address)} ${cidr.prefixLength}`, cidr] as const,
  );
  return Array.from(new Map(sizes).values(), (cidr) => clientChain(snat, cidr));
}

/**
 * Clients in the container's own subnet would be answered past us. `nft` only reads the port of a
 * connection in a rule for one protocol.
 */
function clientChain(snat: Snat, { address, prefixLength }: Cidr): ChainWithRules {
  const of = family(address);
  const isMapped = [...nft.matchMark(bitOf(snat)), ...isFamily(of)];
  const masqueradeNear = [
    ...nft.loadClient(of === 4 ? 4 : 16, prefixLength),
    nft.matchIn(sets[of].near.name),
    ...masqueradeMarked(snat),
  ];
  const rules = Object.values(protocolNumbers).map((protocol) => [
    ...isMapped,
    ...nft.matchMeta(nft.NFT_META_L4PROTO, Uint8Array.of(protocol)),
    ...masqueradeNear,
  ]);
  return snatChain(`${markOf(snat)}-ipv${of}-${prefixLength}`, rules);
}

/**
 * The chain of a mapping that has conditions, or a mark of its own. `nft` reads letters, digits,
 * `-`, `_`, `.` and `/` in names, but no colons.
 */
export function mappingChain(
  { container: { address }, conditions }: Target,
  { protocol, containerPort }: PortMapping,
  snat: Snat | undefined,
): ChainWithRules {
  const terms = conditions.map((term) =>
    "cidr" in term ? { ...term, cidr: formatCidr(term.cidr) } : term,
  );
  const options = hash32Hex(JSON.stringify([snat?.markBit, terms]));
  const target = formatAddress(address).replaceAll(":", "_");
  const rule = [
    ...isFamily(family(address)),
    ...conditions.flatMap(matchesOf),
    ...nft.matchMeta(nft.NFT_META_L4PROTO, Uint8Array.of(protocolNumbers[protocol])),
    ...(snat ? nft.changeMark(bitOf(snat), true) : []),
    ...nft.destinationNat(address, Uint8Array.of(containerPort >> 8, containerPort & 255)),
  ];
  return {
    chain: { table, name: `${protocol}-${target}-${containerPort}-${options}` },
    rules: [rule],
  };
}

function matchesOf(condition: Condition): Rule {
  if ("cidr" in condition) {
    const { cidr, end, isNot } = condition;
    const { prefixLength } = cidr;
    return nft.matchNetwork(firstAddress(cidr), { prefixLength, end, isOutside: isNot });
  }
  const match = condition.isNot ? nft.matchOtherMeta : nft.matchMeta;
  return match(nft.NFT_META_IIFNAME, linkName(condition.link));
}
