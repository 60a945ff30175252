/** What the kernel says has changed, by the place of an entry. */

import { pack } from "../bytes/packed.ts";
import { AF_BRIDGE, RTM_NEWLINK } from "../netlink/link.ts";
import type { Received } from "../netlink/message.ts";
import { neighbourMessage, RTM_DELNEIGH, RTM_NEWNEIGH } from "../netlink/neighbour.ts";
import { RTM_DELROUTE, RTM_NEWROUTE, routeMessage } from "../netlink/route.ts";
import { type Key, placeOf } from "./entry-key.ts";

/** The place of a change of a link itself. */
const LINK = "link";

/** Knows what this process has just changed itself, among the events that tell of it. */
export class OwnChanges {
  readonly #places = new Set<string>();

  /** Entries that were set or taken away. */
  addEntries(keys: readonly Key[]): void {
    for (const key of keys) this.#places.add(placeOf(key));
  }

  /** A device's own attributes, such as its alias. */
  addLink(): void {
    this.#places.add(LINK);
  }

  get isEmpty(): boolean {
    return this.#places.size === 0;
  }

  has(event: Received): boolean {
    return this.#places.has(placeOfEvent(event) ?? "");
  }

  clear(): void {
    this.#places.clear();
  }
}

/** As `placeOf` has it of an entry; undefined for what is none of an entry's. */
function placeOfEvent({ type, body }: Received): string | undefined {
  if (type === RTM_NEWLINK) return LINK;
  if (type === RTM_NEWROUTE || type === RTM_DELROUTE) {
    const { header, attributes } = routeMessage.read(body);
    const destination = attributes?.destination;
    if (!header || !destination) return undefined;
    return pack([0, destination.length, header.destinationLength ?? 0]) + pack(destination);
  }
  if (type !== RTM_NEWNEIGH && type !== RTM_DELNEIGH) return undefined;
  const { header, attributes } = neighbourMessage.read(body);
  if (header?.family === AF_BRIDGE) return pack([2]) + pack(attributes?.mac ?? []);
  return pack([1]) + pack(attributes?.destination ?? []);
}
