/**
 * The ways from this host to the other ends of its vxlan devices, as the kernel knows them: nothing
 * is sent.
 */

import { family, formatAddress, type IpAddress } from "../ip/address.ts";
import { type Link, listWholeLinks } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { familyNumber } from "../netlink/address.ts";
import { decodeReply, type Outcome } from "../netlink/connection.ts";
import { AF_BRIDGE } from "../netlink/link.ts";
import * as neighbour from "../netlink/neighbour.ts";
import { getRoute, routeMessage } from "../netlink/route.ts";

/** The way to one other host. */
export interface Path {
  readonly device: string;
  readonly peer: IpAddress;
  /** The largest packet of a container on the device, wrapped: an IP packet of so many bytes. */
  readonly largest: number;
  /** Undefined if no route leads there. */
  readonly way: Way | undefined;
}

/** By which link, and what is known of it. */
export interface Way {
  readonly link: string;
  /** False if nothing is at the other end of its cable, or it is down. */
  readonly hasCarrier: boolean;
  /** The largest packet, if a route says it or a router has told; else it is that of the link. */
  readonly mtu: number | undefined;
  /** Who has to take the packets: the peer, or a router. */
  readonly nextHop: IpAddress;
  /** True if the kernel asked for its hardware address, and nobody answered. */
  readonly isSilent: boolean;
}

/** Ethernet inside, and VXLAN, UDP and IP around it. */
const WRAPPING = { 4: 50, 6: 70 } as const;

/** Those of all vxlan devices, one for each other end that they are told of for good. */
export function listPaths(host: Netns): readonly Path[] {
  const links = listWholeLinks(host);
  const failed = new Map<number, ReadonlySet<string>>();
  return links
    .filter(({ kind }) => kind === "vxlan")
    .flatMap((device) => {
      const peers = peersOf(host, device);
      const answers = askAll(host, peers);
      return peers.map((peer, i) => ({
        device: device.name,
        peer,
        largest: device.mtu + WRAPPING[family(peer)],
        way: wayOf({ host, links, failed }, peer, answers[i]),
      }));
    });
}

/** The hosts that fdb entries lead to. */
function peersOf(host: Netns, device: Link): readonly IpAddress[] {
  const entries = host.route.dump(
    neighbour.listNeighbours(device, AF_BRIDGE),
    neighbour.neighbourMessage,
  );
  const found = entries.flatMap(({ header, attributes: { destination } }) => {
    const isOwn = header.index === device.index && (header.state & neighbour.NUD_PERMANENT) !== 0;
    return isOwn && destination ? [[formatAddress(destination), destination] as const] : [];
  });
  return [...new Map(found).values()];
}

/** How many requests one datagram holds. */
const BATCH = 128;

function askAll(host: Netns, peers: readonly IpAddress[]): readonly Outcome[] {
  const answers: Outcome[] = [];
  for (let at = 0; at < peers.length; at += BATCH) {
    answers.push(...host.route.attempt(...peers.slice(at, at + BATCH).map(getRoute)));
  }
  return answers;
}

interface Known {
  readonly host: Netns;
  readonly links: readonly Link[];
  /** By link and family, what was asked for already. */
  readonly failed: Map<number, ReadonlySet<string>>;
}

function wayOf(known: Known, peer: IpAddress, answer: Outcome | undefined): Way | undefined {
  if (!answer || answer.error) return undefined;
  const { outputInterface, gateway, metrics } = decodeReply(answer, routeMessage).attributes;
  const link = known.links.find(({ index }) => index === outputInterface);
  if (!link) return undefined;
  const nextHop = gateway ?? peer;
  const isSilent = silentOn(known, link, nextHop).has(formatAddress(nextHop));
  return {
    link: link.name,
    hasCarrier: link.operationalState !== IF_OPER_DOWN,
    mtu: metrics?.mtu,
    nextHop,
    isSilent,
  };
}

/** linux/if.h: what sends nothing; a link that does not tell its state has another one. */
const IF_OPER_DOWN = 2;

/** linux/neighbour.h: asked for in vain. */
const NUD_FAILED = 0x20;

function silentOn({ host, failed }: Known, link: Link, of: IpAddress): ReadonlySet<string> {
  const key = link.index * 10 + family(of);
  const found = failed.get(key) ?? silentNeighbours(host, link, familyNumber(of));
  failed.set(key, found);
  return found;
}

function silentNeighbours(host: Netns, link: Link, number: number): ReadonlySet<string> {
  const all = host.route.dump(neighbour.listNeighbours(link, number), neighbour.neighbourMessage);
  const silent = all.flatMap(({ header, attributes: { destination } }) =>
    header.index === link.index && (header.state & NUD_FAILED) !== 0 && destination
      ? [formatAddress(destination)]
      : [],
  );
  return new Set(silent);
}
