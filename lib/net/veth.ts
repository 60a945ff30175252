/** veth pairs: one end in the host's namespace, the other in the container's. */

import { hash32Hex } from "../bytes/hash.ts";
import { EEXIST, EXFULL } from "../host/errno.ts";
import { randomBytes } from "../host/random.ts";
import type { Mac } from "../ip/mac.ts";
import { decodeReply } from "../netlink/connection.ts";
import { isRefusal, NetlinkError } from "../netlink/error.ts";
import * as netlink from "../netlink/link.ts";
import { type Link, type LinkRef, type LinkState, toLink, toLinkState } from "./link.ts";
import { onceLoaded } from "./make.ts";
import type { Netns } from "./netns.ts";
import type { Owner } from "./owner.ts";
import { performNamed } from "./together.ts";

/**
 * The name of an attachment's host end: `veth` and eight digits, as network managers know to leave
 * alone. Computed, so that DEL finds it without any record; `attempt` tells collisions apart.
 */
export function hostVethName(owner: Owner, attempt = 0): string {
  return `veth${hash32Hex(`${owner.network}/${owner.containerID}/${owner.ifName}`, attempt)}`;
}

/** A random, locally administered, unicast hardware address. */
export function randomMac(): Mac {
  const mac = randomBytes(6);
  mac[0] = ((mac[0] ?? 0) & 0xfe) | 0x02;
  return mac;
}

/** The end of a veth pair that is made in the namespace it is asked for in. */
export interface HostEnd {
  readonly name: string;
  readonly master?: LinkRef;
  readonly alias?: string;
  readonly hairpin?: boolean;
  readonly isolated?: boolean;
  /** True to set it up at once. */
  readonly isUp?: boolean;
}

/** The other end, made directly in its own namespace. */
export interface ContainerEnd {
  readonly name: string;
  /** Undefined for a pair with both ends in one namespace. */
  readonly netns: Netns | undefined;
  readonly mac?: Mac | undefined;
}

/** A veth pair to be; MTU 0 leaves it to the kernel. */
export interface VethSpec {
  readonly host: HostEnd;
  readonly container: ContainerEnd;
  readonly mtu: number;
}

/** A veth pair as it was made: the container's end down, all there is to know of them known. */
export interface Veth {
  /** Also whether 127.0.0.0/8 passes by it; if it is a port, its bridge tells. */
  readonly outside: LinkState & Partial<Pick<Link, "routeLocalnet">>;
  readonly inside: VethEnd;
}

/** The container's end of a veth pair. */
export type VethEnd = Pick<Link, "index" | "name" | "mac" | "mtu">;

/** Makes a veth pair in one datagram; throws EEXIST if either name is taken. */
export function addVeth(ns: Netns, { host, container, mtu }: VethSpec): Veth {
  const mac = container.mac ?? randomMac();
  const what = `create veth pair "${host.name}" and "${container.name}"`;
  const port = { attributes: portAttributes(host), ...(host.isUp ? { set: netlink.IFF_UP } : {}) };
  const requests = {
    pair: {
      ...netlink.newLink(what, pairAttributes(host, { ...container, mac }, mtu)),
      explain: (error: NetlinkError) => explained(error, host),
    },
    port: netlink.changeLink(`name the owner of "${host.name}"`, host.name, port),
    outside: netlink.getLink(host.name),
  };
  const answers = onceLoaded(ns, "veth", () => performNamed(ns, requests));
  const outside = host.master
    ? toLinkState(decodeReply(answers.outside, netlink.linkStateMessage))
    : toLink(decodeReply(answers.outside, netlink.wholeLinkMessage));
  const inside = { index: outside.peer, name: container.name, mac, mtu: outside.mtu };
  return { outside, inside };
}

function pairAttributes(
  host: HostEnd,
  container: ContainerEnd & { readonly mac: Mac },
  mtu: number,
): netlink.LinkAttributes {
  const size = mtu > 0 ? { mtu } : {};
  const peer = {
    header: {},
    attributes: {
      name: container.name,
      address: container.mac,
      ...(container.netns && container.netns.fd >= 0 ? { netnsFd: container.netns.fd } : {}),
      ...size,
    },
  };
  return {
    name: host.name,
    address: randomMac(),
    ...size,
    ...(host.master ? { master: host.master.index } : {}),
    linkInfo: { own: { kind: "veth", data: { peer } } },
  };
}

function portAttributes({ alias, master, hairpin, isolated }: HostEnd): netlink.LinkAttributes {
  const flags = { ...(hairpin ? { hairpin: 1 } : {}), ...(isolated ? { isolated: 1 } : {}) };
  const port =
    master && (hairpin || isolated) ? { kind: "bridge" as const, data: flags } : undefined;
  return {
    ...(alias === undefined ? {} : { alias }),
    ...(port ? { linkInfo: { port } } : {}),
  };
}

/** True if both are veths that name each other as the other end: an index alone may be another's. */
export function isPair(outside: Link, inside: Link): boolean {
  const areVeths = outside.kind === "veth" && inside.kind === "veth";
  return areVeths && outside.peer === inside.index && inside.peer === outside.index;
}

/** EXFULL is the kernel's word for a bridge without a free port number (BR_MAX_PORTS, 1,024). */
function explained(error: NetlinkError, { master }: HostEnd): NetlinkError {
  if (!isRefusal(error, EXFULL) || !master) return error;
  const what = `attach another link to bridge "${master.name}", a Linux bridge has at most 1,024 ports`;
  return new NetlinkError(what, EXFULL);
}

/** True if making a link failed because its name is taken. */
export function isNameTaken(cause: unknown): boolean {
  return isRefusal(cause, EEXIST);
}
