/**
 * Ports of this host that lead to containers, by nf_tables.
 *
 *   table inet weft
 *     chains hostports-in, -out (nat hooks)  to an address of this host: go to hostports
 *     chain hostports                        what a map has for the packet: mark it, and DNAT
 *     maps hostports4, hostports6            tcp . 192.0.2.1 . 8080 "network containerID ifName"
 *     maps hostports4-any, hostports6-any    tcp . 8080 "network containerID ifName" : 10.1.2.3 . 80
 *     chains hostports-snat-12… (nat hook)   marked and from 127/8, or in a set: masquerade
 *     sets hostports4-near, hostports6-near  10.1.2.3 . 10.1.2.0 . tcp . 8080 "network …"
 *     chain martians (filter hook)           127.0.0.0/8 from another link than lo: drop
 *
 * A new connection costs a few lookups, and a mapping one element, however many there are: no
 * element leads to a chain, since the kernel would look through all of them at every change. Only
 * mappings with conditions or a mark of their own have a chain each, and maps to verdicts (-if).
 * What goes to other addresses than this host's, such as forwarded packets, is never looked up.
 */

import type { Cidr } from "../../ip/cidr.ts";
import * as nft from "../../netlink/nft-expression.ts";
import {
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
  type NftSet,
} from "../../netlink/nft-request.ts";
import type { Rule } from "../nft-rules.ts";
import { protocolNumbers, type Snat } from "../port-mapping.ts";
import type { ChainWithRules, Dispatcher } from "./dispatch.ts";
import { martians } from "./martians.ts";
import { inetTable as table } from "./sets.ts";

/**
 * The bit of the mark that needs no chain of a mapping's own: it says that a packet came by a port of
 * this host. Bit 13, which iptables uses, says that it is to be masqueraded.
 */
export const USUAL_MARK = 12;

/** Where addresses are rewritten; linux/netfilter_ipv4.h. */
const NF_IP_PRI_NAT_DST = -100;
const NF_IP_PRI_NAT_SRC = 100;

/** Types of keys as `nft` numbers them (datatype.h): 6 bits each. */
const PROTOCOL = 12;
const IPV4 = 7;
const IPV6 = 8;
const SERVICE = 13;

function setOf(name: string, types: readonly number[], leadsTo: NftSet["leadsTo"]): NftSet {
  const userData = Uint8Array.of(0, 4, 0, 0, 0, 0);
  return { table, name, keyType: concat(types), keyLength: lengthOf(types), leadsTo, userData };
}

function concat(types: readonly number[]): number {
  return types.reduce((all, type) => (all << 6) | type);
}

/** Every part of a key is filled up to 4 bytes. */
function lengthOf(types: readonly number[]): number {
  return types.reduce((sum, type) => sum + (type === IPV6 ? 16 : 4), 0);
}

function setsOf(family: 4 | 6) {
  const address = family === 4 ? IPV4 : IPV6;
  const target = { type: concat([address, SERVICE]), length: lengthOf([address, SERVICE]) };
  const name = `hostports${family}`;
  const ports = (suffix: string, leadsTo: NftSet["leadsTo"]) => ({
    one: setOf(`${name}${suffix}`, [PROTOCOL, address, SERVICE], leadsTo),
    any: setOf(`${name}-any${suffix}`, [PROTOCOL, SERVICE], leadsTo),
  });
  return {
    plain: ports("", target),
    own: ports("-if", "verdicts"),
    near: setOf(`${name}-near`, [address, address, PROTOCOL, SERVICE], "nothing"),
  };
}

/** By family: ports at one address, and at any, that lead to a container or a chain; clients. */
export const sets = /* @__PURE__ */ (() => ({ 4: setsOf(4), 6: setsOf(6) }))();

const hostports = { table, name: "hostports" };
const localhost6 = /* @__PURE__ */ new Uint8Array(16).fill(1, 15);
const loopback4 = /* @__PURE__ */ Uint8Array.of(127, 0, 0, 0);

/** From the loopback of IPv6 nothing reaches a container: connections there are left alone. */
function lookups(): readonly Rule[] {
  const isIpv4 = nft.matchFamily(nft.NFPROTO_IPV4);
  const isIpv6 = nft.matchFamily(nft.NFPROTO_IPV6);
  const toLocalhost = [...isIpv6, ...nft.matchDestination(localhost6, 128)];
  return [
    [...toLocalhost, nft.verdictOf(nft.NFT_RETURN)],
    ...lookupsOf(isIpv4, 4),
    ...lookupsOf(isIpv6, 16),
  ];
}

function lookupsOf(isFamily: Rule, length: 4 | 16): readonly Rule[] {
  const { plain, own } = sets[length === 4 ? 4 : 6];
  const loads = { one: nft.loadHostPort(length), any: nft.loadHostPort(0) };
  return (["one", "any"] as const).flatMap((at) => [
    [...isFamily, ...loads[at], nft.goWhere(own[at].name)],
    [...isFamily, ...loads[at], ...nft.destinationNatBy(plain[at].name, length, bitOf())],
  ]);
}

/** The mask of a bit of the mark. */
export function bitOf(mark = USUAL_MARK): number {
  return (1 << mark) >>> 0;
}

/** With the chains that masquerade: for all loopbacks, and for each size of the clients' networks. */
export function dispatcherFor(snat?: Snat, networks: readonly Cidr[] = []): Dispatcher {
  const { plain, own, near } = sets[4];
  const { plain: plain6, own: own6, near: near6 } = sets[6];
  const sizes = Array.from(
    new Set(
      networks.map(({ address: { length }, prefixLength }) => {
        return `${length} ${prefixLength}`;
      }),
    ),
  );
  const masquerades = () =>
    snat
      ? [
          loopbackChain(snat),
          ...sizes.map((size) => clientChain(snat, size.split(" ").map(Number))),
          martians(),
        ]
      : [];
  return {
    maps: [
      plain.one,
      plain.any,
      own.one,
      own.any,
      near,
      plain6.one,
      plain6.any,
      own6.one,
      own6.any,
      near6,
    ],
    chain: hostports,
    rules: lookups,
    entrances: () => [...entrances(), ...masquerades()],
    rulesPerChain: () => 1,
    keepsChains: false,
  };
}

/** A chain behind the hook where sources are rewritten, before those that would do it otherwise. */
function snatChain(name: string, rules: readonly Rule[]): ChainWithRules {
  const base = { type: "nat", hook: NF_INET_POST_ROUTING, priority: NF_IP_PRI_NAT_SRC - 1 };
  return { chain: { table, name: `hostports-snat-${name}`, base }, rules };
}

/** What encapsulates the packet would inherit the mark, which has done its work. */
function masqueradeMarked({ markBit }: Snat): Rule {
  return [...nft.changeMark(bitOf(markBit), false), nft.masquerade];
}

/** Nobody could answer 127.0.0.1. */
function loopbackChain(snat: Snat): ChainWithRules {
  const fromLoopback = nft.matchNetwork(loopback4, { prefixLength: 8, end: "source" });
  const rule = [
    ...nft.matchMark(bitOf(snat.markBit)),
    ...nft.matchFamily(nft.NFPROTO_IPV4),
    ...fromLoopback,
    ...masqueradeMarked(snat),
  ];
  return snatChain(`${snat.markBit ?? USUAL_MARK}`, [rule]);
}

/**
 * Clients in the container's own subnet would be answered past us. `nft` only reads the port of a
 * connection in a rule for one protocol.
 */
function clientChain(
  snat: Snat,
  [length = 4, prefixLength = 0]: readonly number[],
): ChainWithRules {
  const family = length === 4 ? 4 : 6;
  const rules = Object.values(protocolNumbers).map((protocol) => [
    ...nft.matchMark(bitOf(snat.markBit)),
    ...nft.matchFamily(family === 4 ? nft.NFPROTO_IPV4 : nft.NFPROTO_IPV6),
    ...nft.matchMeta(nft.NFT_META_L4PROTO, Uint8Array.of(protocol)),
    ...nft.loadClient(family === 4 ? 4 : 16, prefixLength),
    nft.matchIn(sets[family].near.name),
    ...masqueradeMarked(snat),
  ]);
  return snatChain(`${snat.markBit ?? USUAL_MARK}-ipv${family}-${prefixLength}`, rules);
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
