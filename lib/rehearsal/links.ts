/**
 * Links of a namespace made again in another, with their names, indexes, MACs and MTUs. What is made
 * of software alone is made as it is; hardware, and ends of pairs whose other end is elsewhere, are
 * ends of veth pairs instead, which lead to a namespace beyond.
 *
 *   the host        eth0   cni0 ◀─ veth1f2e ─ ─ ─ eth0 of a container
 *   the copy        eth0   cni0 ◀─ veth1f2e
 *   beyond          w2             w7
 */

import { bytes } from "../bytes/scalar.ts";
import { type Link, toLink } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import * as netlink from "../netlink/link.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "../netlink/message.ts";
import {
  again,
  attributeOf,
  attributesIn,
  decoded,
  messageOf,
  type RawAttribute,
} from "./messages.ts";

/** A link as the kernel told it, read and in its bytes. */
export interface ToldLink {
  readonly link: Link;
  readonly body: Uint8Array;
}

/** All links of a namespace. */
export function tellLinks(ns: Netns): readonly ToldLink[] {
  return ns.route
    .dump(netlink.listLinks(), bytes)
    .map((body) => ({ body, link: toLink(decoded(netlink.wholeLinkMessage, body)) }));
}

/** The namespaces that links are made in: `beyond` has the other ends. */
export interface Places {
  readonly host: Netns;
  readonly container: Netns;
  readonly beyond: Netns;
}

/** Links of a host and of a container on it. */
export interface ToldLinks {
  readonly host: readonly ToldLink[];
  readonly container: readonly ToldLink[];
}

/**
 * Makes the links of a host and of a container again, down and without a bridge. Returns in words
 * what something else stands for.
 */
export function makeLinks(told: ToldLinks, places: Places): readonly string[] {
  const made = new Set<string>();
  const pairs = pairsOf(told);
  for (const pair of pairs) {
    makePair(pair, places);
    for (const { where, link } of pair) made.add(`${where} ${link.index}`);
  }
  const rest = (["host", "container"] as const)
    .flatMap((where) => told[where].map((each) => ({ where, ...each })))
    .filter(({ where, link }) => link.name !== "lo" && !made.has(`${where} ${link.index}`));
  const [above, plain] = [rest.filter(isAbove), rest.filter((each) => !isAbove(each))];
  return [...plain, ...above].flatMap((each) => makeLink(each, places));
}

/** Where a link is, with what is known of it. */
export interface Placed extends ToldLink {
  readonly where: "host" | "container";
}

/** Links that are on another one have to wait for that. */
function isAbove({ link }: Placed): boolean {
  return link.peer !== 0 && link.kind !== "veth";
}

/* ---- pairs: both ends are known ---- */

type Pair = readonly [Placed, Placed];

/** Ends belong together if each says the index of the other, and whether that is elsewhere. */
function pairsOf({ host, container }: ToldLinks): readonly Pair[] {
  const veths = [
    ...host.map((each) => ({ ...each, where: "host" as const })),
    ...container.map((each) => ({ ...each, where: "container" as const })),
  ].filter(({ link }) => link.kind === "veth");
  return veths.flatMap((one, i) => {
    const other = veths.slice(i + 1).find((each) => arePair(one, each));
    return other ? [[one, other] as const] : [];
  });
}

function arePair(a: Placed, b: Placed): boolean {
  const isHere = a.where === b.where;
  return (
    a.link.peer === b.link.index &&
    b.link.peer === a.link.index &&
    a.link.isPeerHere === isHere &&
    b.link.isPeerHere === isHere
  );
}

function makePair([one, other]: Pair, places: Places): void {
  const { name, mac, mtu, index } = other.link;
  const isHere = one.where === other.where;
  const peer = {
    header: { index },
    attributes: {
      ...{ name, address: mac, mtu },
      ...(isHere ? {} : { netnsFd: places[other.where].fd }),
    },
  };
  makeVeth(one.link, places[one.where], peer);
}

/** The other end of a pair, as a request says it. */
interface Peer {
  readonly header: { readonly index?: number };
  readonly attributes: netlink.LinkAttributes;
}

function makeVeth({ name, mac, mtu, index }: Link, ns: Netns, peer: Peer): void {
  const own = { kind: "veth" as const, data: { peer } };
  const attributes = { name, address: mac, mtu, linkInfo: { own } };
  ns.route.perform(netlink.newLink(`make a copy of link "${name}"`, attributes, index));
}

/* ---- all others ---- */

/** Kinds that are made of software alone, so that a copy is as good. */
const soft = ["bridge", "vxlan", "macvlan", "macvtap", "ipvlan", "vlan", "vrf", "ifb", "dummy"];

/** Makes a link as it is, or an end of a pair in its place: what that is, in words. */
function makeLink(each: Placed, places: Places): readonly string[] {
  const { kind, name } = each.link;
  if (soft.includes(kind) && makeAsItIs(each, places)) return [];
  makeStandIn(each, places);
  const isUsual = kind === "" || kind === "veth";
  return isUsual ? [] : [`a veth stands for link "${name}", which is a ${kind}`];
}

/** Numbers of attributes, linux/if_link.h. */
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_FD = 28;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const SAID_AGAIN = [IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK];
/** Settings of a bridge, IFLA_BR_*: it tells more than it takes. */
const OF_BRIDGE = [1, 2, 3, 4, 5, 6, 7, 8, 9, 23, 36, 37, 38, 39, 46];

/**
 * False if the kernel refuses it, also without what the link tells of itself. A link that is on one
 * of the host is made from there.
 */
function makeAsItIs({ where, link, body }: Placed, places: Places): boolean {
  const attributes = attributesIn(body, netlink.ifinfomsg.size);
  const info = attributesIn(attributeOf(attributes, IFLA_LINKINFO) ?? NONE);
  const isFromHost = where === "container" && link.peer !== 0 && !link.isPeerHere;
  const ns = isFromHost ? places.host : places[where];
  return [infoOf(link, info), chosen(info, [IFLA_INFO_KIND])].some((own) => {
    const message = messageOf(headerOf(link.index), [
      ...chosen(attributes, SAID_AGAIN),
      { number: IFLA_LINKINFO, value: messageOf(NONE, own) },
      ...(isFromHost ? [{ number: IFLA_NET_NS_FD, value: u32(places.container.fd) }] : []),
    ]);
    const flags = NLM_F_CREATE | NLM_F_EXCL;
    const what = `make a copy of link "${link.name}"`;
    const [outcome] = ns.route.attempt(again({ what, type: netlink.RTM_NEWLINK, flags }, message));
    return outcome?.error === undefined;
  });
}

const NONE = new Uint8Array(0);

/** Its kind, and what it tells of that, as far as it can be told to a new link. */
function infoOf({ kind }: Link, info: readonly RawAttribute[]): readonly RawAttribute[] {
  const own = chosen(info, [IFLA_INFO_KIND, IFLA_INFO_DATA]);
  if (kind !== "bridge") return own;
  return own.map(({ number, value }) =>
    number === IFLA_INFO_DATA
      ? { number, value: messageOf(NONE, chosen(attributesIn(value), OF_BRIDGE)) }
      : { number, value },
  );
}

function chosen(attributes: readonly RawAttribute[], numbers: readonly number[]) {
  return attributes.filter(({ number }) => numbers.includes(number & 0x3fff));
}

/** A struct ifinfomsg with nothing but an index. */
function headerOf(index: number): Uint8Array {
  const header = new Uint8Array(netlink.ifinfomsg.size);
  new DataView(header.buffer).setInt32(4, index, true);
  return header;
}

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

/** The other end is up, so that the link has a carrier as soon as it is up itself. */
function makeStandIn({ where, link }: Placed, places: Places): void {
  const name = `${where.slice(0, 1)}${link.index}`;
  const { netnsFd, mtu } = { netnsFd: places.beyond.fd, mtu: link.mtu };
  makeVeth(link, places[where], { header: {}, attributes: { name, mtu, netnsFd } });
  const up = { set: netlink.IFF_UP };
  places.beyond.route.perform(netlink.changeLink(`set "${name}" up`, name, up));
}
