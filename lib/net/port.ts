/** A port of a bridge that is there already: compared, and joined to its bridge again. */

import { changeLink, IFF_UP } from "../netlink/link.ts";
import type { Link } from "./link.ts";
import type { Netns } from "./netns.ts";

/** What a port is to be. */
export interface PortSpec {
  readonly bridge: Pick<Link, "index" | "name">;
  readonly hairpin: boolean;
  readonly isolated: boolean;
}

/** What a port is not, in words; undefined if it is up and all is as wanted. More isolation is fine. */
export function findPortFault(port: Link, { bridge, hairpin, isolated }: PortSpec) {
  const name = `"${port.name}"`;
  if (port.master !== bridge.index) return `${name} is no port of "${bridge.name}"`;
  if (!port.isUp) return `${name} is down`;
  if (hairpin && !port.hairpin) return `${name} has no hairpin`;
  return isolated && !port.isolated ? `${name} is not isolated` : undefined;
}

/** Joins a link to a bridge, and sets it up: the same link, with the same addresses. */
export function joinBridge(ns: Netns, port: Link, { bridge, hairpin, isolated }: PortSpec): void {
  const flags = { ...(hairpin ? { hairpin: 1 } : {}), ...(isolated ? { isolated: 1 } : {}) };
  const what = `join "${port.name}" to bridge "${bridge.name}"`;
  const isJoined = port.master === bridge.index;
  ns.route.perform(
    changeLink(what, port.index, {
      set: IFF_UP,
      attributes: isJoined ? {} : { master: bridge.index },
    }),
    changeLink(what, port.index, {
      attributes: { linkInfo: { port: { kind: "bridge", data: flags } } },
    }),
  );
}
