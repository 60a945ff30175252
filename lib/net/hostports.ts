/**
 * Ports of this host that lead to containers, by nf_tables.
 *
 *   table inet weft
 *     chains hostports-in, -out (nat hooks)  to an address of this host: go to hostports
 *     chain hostports                        what the packet asks for  ->  one of four maps
 *     maps hostports4, hostports6            tcp . 192.0.2.1 . 8080 "network containerID ifName"
 *     maps hostports4-any, hostports6-any    tcp . 8080 "network containerID ifName"
 *     chain tcp-10.1.2.3-80.3-…              from 10.1.2.0/24 or 127.0.0.0/8: mark; to 10.1.2.3:80
 *     chain hostports-snat-13 (nat hook)     with the mark: masquerade
 *     chain martians (filter hook)           127.0.0.0/8 from another link than lo: drop
 *
 * A new connection costs at most two lookups, and a mapping one element, however many there are.
 * What goes to other addresses than this host's, such as forwarded packets, is never looked up.
 */

import { hash32Hex } from "../bytes/hash.ts";
import { formatAddress, type IpAddress } from "../ip/address.ts";
import { type Cidr, firstAddress, formatCidr, networkOf } from "../ip/cidr.ts";
import * as nft from "../netlink/nft-expression.ts";
import {
  getElement,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
  type NftSet,
  type NftTable,
} from "../netlink/nft-request.ts";
import { NetError } from "./error.ts";
import type { Netns } from "./netns.ts";
import { elementIn, listOwnedElements, type OwnedElement, type Rule } from "./nft.ts";
import {
  addEntries,
  type ChainWithRules,
  checkEntries,
  collectEntries,
  type Dispatcher,
  deleteEntries,
  type Entry,
  ensureChain,
  type Place,
} from "./nft-dispatch.ts";
import type { Owner } from "./nft-owner.ts";

/** A transport protocol that has ports. */
export type Protocol = "tcp" | "udp" | "sctp";

/** Their numbers, linux/in.h. */
export const protocolNumbers: { readonly [P in Protocol]: number } = { tcp: 6, udp: 17, sctp: 132 };

/** A port of this host: at one address, or at any of it. */
export interface HostPort {
  readonly protocol: Protocol;
  readonly address: IpAddress | undefined;
  readonly port: number;
}

/** A port of this host, and the container's to which it leads. */
export interface PortMapping extends HostPort {
  readonly containerPort: number;
}

/** What else a packet must be like for a mapping to apply. */
export type Condition =
  | { readonly end: "source" | "destination"; readonly cidr: Cidr; readonly isNot: boolean }
  | { readonly link: string; readonly isNot: boolean };

/** How the container sees clients that it could not answer: under an address of this host. */
export interface Snat {
  /** All clients, not only those of its own subnet and of this host's loopback. */
  readonly isForAll: boolean;
  /** The bit of the packet mark that tells them, 0 to 31. */
  readonly markBit: number;
}

/** The mappings of one address of a container, with the prefix length of its subnet. */
export interface Target {
  readonly container: Cidr;
  readonly mappings: readonly PortMapping[];
  readonly conditions: readonly Condition[];
}

/** What an attachment is to have. */
export interface HostPorts {
  readonly owner: Owner;
  readonly targets: readonly Target[];
  readonly snat: Snat | undefined;
}

/** Where addresses are rewritten, and before connections are tracked; linux/netfilter_ipv4.h. */
const NF_IP_PRI_RAW = -300;
const NF_IP_PRI_NAT_DST = -100;
const NF_IP_PRI_NAT_SRC = 100;

const table: NftTable = { family: nft.NFPROTO_INET, name: "weft" };

/** Types of keys as `nft` numbers them (datatype.h): 6 bits each. */
const PROTOCOL = 12;
const IPV4 = 7;
const IPV6 = 8;
const SERVICE = 13;

function mapOf(name: string, keyLength: number, types: readonly number[]): NftSet {
  const keyType = types.reduce((all, type) => (all << 6) | type);
  const userData = Uint8Array.of(0, 4, 0, 0, 0, 0);
  return { table, name, keyType, keyLength, leadsTo: "verdicts", userData };
}

/** By family: the map of ports at one address, and of those at any. */
const maps = /* @__PURE__ */ (() => ({
  4: {
    one: mapOf("hostports4", 12, [PROTOCOL, IPV4, SERVICE]),
    any: mapOf("hostports4-any", 8, [PROTOCOL, SERVICE]),
  },
  6: {
    one: mapOf("hostports6", 24, [PROTOCOL, IPV6, SERVICE]),
    any: mapOf("hostports6-any", 8, [PROTOCOL, SERVICE]),
  },
}))();

const hostports = { table, name: "hostports" };
const localhost6 = /* @__PURE__ */ new Uint8Array(16).fill(1, 15);
const loopback4 = /* @__PURE__ */ Uint8Array.of(127, 0, 0, 0);

/** From the loopback of IPv6 nothing reaches a container: connections there are left alone. */
function lookups(): readonly Rule[] {
  const isIpv4 = nft.matchFamily(nft.NFPROTO_IPV4);
  const isIpv6 = nft.matchFamily(nft.NFPROTO_IPV6);
  return [
    [...isIpv4, ...nft.loadHostPort(4), nft.goWhere(maps[4].one.name)],
    [...isIpv4, ...nft.loadHostPort(0), nft.goWhere(maps[4].any.name)],
    [...isIpv6, ...nft.matchDestination(localhost6, 128), nft.verdictOf(nft.NFT_RETURN)],
    [...isIpv6, ...nft.loadHostPort(16), nft.goWhere(maps[6].one.name)],
    [...isIpv6, ...nft.loadHostPort(0), nft.goWhere(maps[6].any.name)],
  ];
}

function dispatcherFor(snat?: Snat): Dispatcher {
  return {
    maps: [maps[4].one, maps[4].any, maps[6].one, maps[6].any],
    chain: hostports,
    rules: lookups,
    entrances: () => [...entrances(), ...(snat ? [masquerading(snat), martians()] : [])],
    rulesPerChain: (name) => Number(/\.(\d)-[\da-f]{8}$/.exec(name)?.[1] ?? 0),
    keepsChains: false,
  };
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

/** The mark has done its work; what encapsulates the packet would inherit it. */
function masquerading({ markBit }: Snat): ChainWithRules {
  const bit = (1 << markBit) >>> 0;
  const base = { type: "nat", hook: NF_INET_POST_ROUTING, priority: NF_IP_PRI_NAT_SRC - 1 };
  return {
    chain: { table, name: `hostports-snat-${markBit}`, base },
    rules: [[...nft.matchMark(bit), ...nft.changeMark(bit, false), nft.masquerade]],
  };
}

/** With `route_localnet` neighbours could reach what listens on the loopback (CVE-2020-8558). */
function martians(): ChainWithRules {
  const lo = new Uint8Array(16);
  lo.set([0x6c, 0x6f]);
  const isForeign = nft.matchOtherMeta(nft.NFT_META_IIFNAME, lo);
  const base = { type: "filter", hook: NF_INET_PRE_ROUTING, priority: NF_IP_PRI_RAW };
  return {
    chain: { table, name: "martians", base },
    rules: (["source", "destination"] as const).map((end) => [
      ...isForeign,
      ...nft.matchFamily(nft.NFPROTO_IPV4),
      ...nft.matchNetwork(loopback4, { prefixLength: 8, end }),
      nft.verdictOf(nft.NF_DROP),
    ]),
  };
}

/** Makes only the guard of the loopback; false if the kernel has no nf_tables. */
export function addGuard(host: Netns): boolean {
  return ensureChain(host, martians());
}

/** Leads ports to a container; throws NetError (conflict) if another attachment has one of them. */
export function addHostPorts(host: Netns, wanted: HostPorts): void {
  const entries = entriesOf(wanted);
  addEntries(host, dispatcherFor(wanted.snat), {
    owner: wanted.owner,
    entries,
    refusal: (taken) => conflict(wanted.owner, taken),
    rivals: () => findRivals(host, wanted),
  });
}

function conflict({ ifName }: Owner, { set, key, comment }: OwnedElement): NetError {
  const [network = "", containerID = "", holder = ""] = comment.split(" ");
  const whose = `interface "${holder}" of container "${containerID}" in network "${network}"`;
  const what = `${describe(placedAt(set, key))} to "${ifName}"`;
  return new NetError("conflict", `Cannot lead ${what}: it is taken by ${whose}`);
}

/** Mappings of others that overlap: at any address with at one, and the other way round. */
function findRivals(host: Netns, { targets }: HostPorts): readonly OwnedElement[] {
  return targets.flatMap(({ container, mappings }) => {
    const { one, any } = maps[familyOf(container)];
    const wide = mappings.filter(({ address }) => address === undefined).map(nameOf);
    const narrow = mappings.filter(({ address }) => address !== undefined);
    const places = narrow.map((port) =>
      placeOf(familyOf(container), { ...port, address: undefined }),
    );
    const questions = places.map(({ map, key }) => getElement(map, key));
    const answers = questions.length > 0 ? host.netfilter.attempt(...questions) : [];
    const found = wide.length > 0 ? listOwnedElements(host, one) : [];
    return [
      ...answers.flatMap((answer) => elementIn(answer, any) ?? []),
      ...found.filter(({ set, key }) => wide.includes(nameOf(placedAt(set, key)))),
    ];
  });
}

function nameOf({ protocol, port }: HostPort): string {
  return `${protocol} ${port}`;
}

function familyOf({ address }: Cidr): 4 | 6 {
  return address.length === 4 ? 4 : 6;
}

function entriesOf({ targets, snat }: HostPorts): readonly Entry[] {
  return targets.flatMap((target) =>
    target.mappings.map((mapping) => {
      const rules = rulesFor(target, mapping, snat);
      const name = chainName(target, mapping, { snat, count: rules.length });
      return {
        ...placeOf(familyOf(target.container), mapping),
        what: describe(mapping),
        chain: { table, name },
        rules,
      };
    }),
  );
}

/** `nft` reads letters, digits, `-`, `_`, `.` and `/` in names, but no colons. */
function chainName(
  { container, conditions }: Target,
  { protocol, containerPort }: PortMapping,
  { snat, count }: { readonly snat: Snat | undefined; readonly count: number },
): string {
  const terms = conditions.map((term) =>
    "cidr" in term ? { ...term, cidr: formatCidr(term.cidr) } : term,
  );
  const options = hash32Hex(JSON.stringify([container.prefixLength, snat, terms]));
  const address = formatAddress(container.address).replaceAll(":", "_");
  return `${protocol}-${address}-${containerPort}.${count}-${options}`;
}

function rulesFor(
  { container, conditions }: Target,
  { protocol, containerPort }: PortMapping,
  snat: Snat | undefined,
): readonly Rule[] {
  const isIpv4 = container.address.length === 4;
  const all = [
    ...nft.matchFamily(isIpv4 ? nft.NFPROTO_IPV4 : nft.NFPROTO_IPV6),
    ...conditions.flatMap(stepsOf),
  ];
  const transport = Uint8Array.of(protocolNumbers[protocol]);
  const port = Uint8Array.of(containerPort >> 8, containerPort & 255);
  return [
    ...(snat ? marking(container, snat) : []).map((steps) => [...all, ...steps]),
    [
      ...all,
      ...nft.matchMeta(nft.NFT_META_L4PROTO, transport),
      ...nft.destinationNat(container.address, port),
    ],
  ];
}

/** Clients in the container's own subnet would be answered past us, those of 127/8 never. */
function marking(container: Cidr, { isForAll, markBit }: Snat): readonly Rule[] {
  const mark = nft.changeMark((1 << markBit) >>> 0, true);
  if (isForAll) return [mark];
  const from = (first: IpAddress, prefixLength: number) => [
    ...nft.matchNetwork(first, { prefixLength, end: "source" }),
    ...mark,
  ];
  const subnet = networkOf(container);
  const neighbours = from(firstAddress(subnet), subnet.prefixLength);
  return container.address.length === 4 ? [neighbours, from(loopback4, 8)] : [neighbours];
}

function stepsOf(condition: Condition): Rule {
  if ("cidr" in condition) {
    const { cidr, end, isNot } = condition;
    const { prefixLength } = cidr;
    return nft.matchNetwork(firstAddress(cidr), { prefixLength, end, isOutside: isNot });
  }
  const name = new Uint8Array(16);
  name.set(Array.from(condition.link, (unit) => unit.charCodeAt(0)).slice(0, 15));
  const match = condition.isNot ? nft.matchOtherMeta : nft.matchMeta;
  return match(nft.NFT_META_IIFNAME, name);
}

function placeOf(family: 4 | 6, { protocol, address, port }: HostPort): Place {
  const map = address ? maps[family].one : maps[family].any;
  const key = new Uint8Array(map.keyLength);
  key[0] = protocolNumbers[protocol];
  if (address) key.set(address, 4);
  key.set([port >> 8, port & 255], map.keyLength - 4);
  return { map, key };
}

/** What the key of an element stands for. */
function placedAt({ keyLength }: NftSet, key: Uint8Array): HostPort {
  const found = (["tcp", "udp", "sctp"] as const).find((name) => protocolNumbers[name] === key[0]);
  return {
    protocol: found ?? "tcp",
    address: keyLength > 8 ? key.slice(4, keyLength - 4) : undefined,
    port: ((key[keyLength - 4] ?? 0) << 8) | (key[keyLength - 3] ?? 0),
  };
}

function describe({ protocol, address, port }: HostPort): string {
  const at = address === undefined ? "" : ` of ${formatAddress(address)}`;
  return `${protocol} port ${port}${at}`;
}

/** A port that led to a container until now. */
export interface FormerPort extends HostPort {
  readonly family: 4 | 6;
}

/** Takes an attachment's ports back; none is fine. Known ports spare a search. */
export function deleteHostPorts(
  host: Netns,
  owner: Owner,
  known: readonly HostPort[],
): readonly FormerPort[] {
  const places = ([4, 6] as const).flatMap((family) =>
    known
      .filter(({ address }) => address === undefined || address.length === (family === 4 ? 4 : 16))
      .map((port) => placeOf(family, port)),
  );
  const deleted = deleteEntries(host, dispatcherFor(), { owner, known: places });
  return deleted.map(({ set, key }) => ({
    ...placedAt(set, key),
    family: set.name.startsWith(maps[4].one.name) ? 4 : 6,
  }));
}

/** What an attachment's ports lack, in words; undefined if all lead to it. */
export function checkHostPorts(host: Netns, wanted: HostPorts): string | undefined {
  const { owner } = wanted;
  return checkEntries(host, dispatcherFor(wanted.snat), { owner, entries: entriesOf(wanted) });
}

/** Takes back the ports of all attachments of a network but the valid ones. */
export function collectHostPorts(host: Netns, network: string, valid: readonly Owner[]): void {
  collectEntries(host, dispatcherFor(), { network, valid });
}
