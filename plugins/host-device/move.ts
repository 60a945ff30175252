/** The device on its way into the container, and back if ADD fails. */

import type { AddCall } from "../../lib/cni/call.ts";
import type { Undo } from "../../lib/cni/undo.ts";
import { formatMac } from "../../lib/ip/mac.ts";
import { findLink, getLink, type Link } from "../../lib/net/link.ts";
import {
  bringHome,
  type Device,
  findMoved,
  giveBack,
  type listToKeep,
  moveAway,
} from "../../lib/net/moved.ts";
import type { Netns } from "../../lib/net/netns.ts";

/** A device of the host, and where it is to be. */
interface Way {
  readonly host: Netns;
  readonly container: Netns;
  readonly device: Device;
  /** The addresses that it loses on the way. */
  readonly kept: ReturnType<typeof listToKeep>;
}

/** Moves the device into the container, where it is down; if ADD fails it is home as it was. */
export function moveIn({ attachment }: AddCall<unknown>, way: Way, undo: Undo): Link {
  const { host, container, device, kept } = way;
  undo.before(`device "${device.home.name}"`, () => {
    const moved = findMoved(container, attachment) ?? findHalfMoved(way);
    if (moved) bringHome(host, container, moved);
    giveBack(host, device, kept);
  });
  moveAway(host, device, { container, owner: attachment });
  return getLink(container, attachment.ifName);
}

/** In the container, but still as it was on the host: its name there was taken meanwhile. */
function findHalfMoved({ host, container, device: { link, home } }: Way): Device | undefined {
  if (findLink(host, link.index)?.name === link.name) return undefined;
  const inside = findLink(container, link.name);
  const isIt = inside?.alias === link.alias && formatMac(inside.mac) === formatMac(link.mac);
  return inside && isIt ? { link: inside, home } : undefined;
}
