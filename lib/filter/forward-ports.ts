/**
 * Ports of bridges that are isolated from each other: the bridge itself forwards nothing from one
 * to another, whatever the frame. It is a flag of the port, so that it needs no packet filter, and
 * outlives what somebody flushes. What it was before is noted, since others may have set it.
 */

import { ENODEV } from "../host/errno.ts";
import { findLink, findLinks, type Link } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { isRefusal } from "../netlink/error.ts";
import * as netlink from "../netlink/link.ts";
import type { Junction, Port } from "./ingress.ts";

/** Where an attachment is: names of links on the host, as a result has them, and its container. */
export interface Whereabouts {
  readonly links: readonly string[];
  readonly container: Netns;
  readonly ifName: string;
}

/**
 * The first of the links that is a bridge, and those that are ports of it, or else the other end
 * of the container's link. There may be no port, as with macvlan. Undefined if there is no bridge.
 */
export function findJunction(host: Netns, whereabouts: Whereabouts): Junction | undefined {
  const { links } = whereabouts;
  const found = links.length > 0 ? findLinks(host, ...links) : [];
  const bridge = found.find((link) => link?.kind === "bridge");
  if (!bridge) return undefined;
  const named = found.flatMap((link) => (link && isPort(link, bridge) ? [link] : []));
  return {
    bridge: bridge.name,
    ports: named.length > 0 ? named : portOf(host, whereabouts, bridge),
  };
}

function isPort(link: Link, bridge: Link): boolean {
  return link.kind === "veth" && link.master === bridge.index;
}

/** Both ends have to say so: an index alone may be one of yet another namespace. */
function portOf(host: Netns, { container, ifName }: Whereabouts, bridge: Link): readonly Port[] {
  const inside = findLink(container, ifName);
  const outside = inside?.kind === "veth" ? findLink(host, inside.peer) : undefined;
  return outside?.peer === inside?.index && outside && isPort(outside, bridge) ? [outside] : [];
}

/** Keeps ports apart from other isolated ones; those that are apart already are left alone. */
export function isolatePorts(host: Netns, ports: readonly Port[]): void {
  for (const port of ports) if (!port.isolated) setIsolated(host, port, true);
}

/** Joins ports again, by their names; what is no port of a bridge any more is fine. */
export function joinPorts(host: Netns, names: readonly string[]): void {
  const found = names.length > 0 ? findLinks(host, ...names) : [];
  for (const link of found) {
    if (link?.kind === "veth" && link.isolated) setIsolated(host, link, false);
  }
}

/** A port that is to be joined may be gone at that very moment. */
function setIsolated(host: Netns, { index, name }: Port, isIsolated: boolean): void {
  const what = `${isIsolated ? "isolate" : "join"} port "${name}"`;
  const attributes = {
    linkInfo: { port: { kind: "bridge" as const, data: { isolated: isIsolated ? 1 : 0 } } },
  };
  const [outcome] = host.route.attempt(netlink.changeLink(what, index, { attributes }));
  if (outcome?.error && (isIsolated || !isRefusal(outcome.error, ENODEV))) throw outcome.error;
}

/** What a port lacks, in words; undefined if all are isolated. */
export function findJoinedPort({ bridge, ports }: Junction): string | undefined {
  const joined = ports.find(({ isolated }) => !isolated);
  return joined && `port "${joined.name}" of bridge "${bridge}" is not isolated`;
}

/** A note, as holder.ts has it, and behind it the ports that are to be joined again. */
export function noteOfPorts(
  note: string | undefined,
  names: readonly string[],
): string | undefined {
  return names.length > 0 ? `${note ?? "- - -"} ${names.join(",")}` : note;
}

/** The ports that notes say are to be joined again. */
export function portsIn(notes: readonly string[]): readonly string[] {
  return Array.from(new Set(notes.flatMap((note) => note.split(" ")[3]?.split(",") ?? [])));
}
