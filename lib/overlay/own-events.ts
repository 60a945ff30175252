/**
 * Which events of the kernel tell only what this process has done itself. Most bear the number of its
 * own socket and are not even heard (watch.ts). These do not, so they are known by what they say: that
 * a device, an address or an entry is as it was set.
 */

import { read, type Span } from "../bytes/layout.ts";
import { pack } from "../bytes/packed.ts";
import { type Cidr, firstAddress } from "../ip/cidr.ts";
import type { Link } from "../net/link.ts";
import { addressMessage, RTM_NEWADDR } from "../netlink/address.ts";
import {
  AF_BRIDGE,
  IFF_UP,
  type LinkAttributes,
  linkMessage,
  RTM_NEWLINK,
} from "../netlink/link.ts";
import type { Received } from "../netlink/message.ts";
import { NUD_PERMANENT, pairIn, RTM_DELNEIGH, RTM_NEWNEIGH } from "../netlink/neighbour.ts";
import { type Key, keyOf, placeOf } from "./entry-key.ts";

/** A device that this process has made right. */
export interface OwnDevice {
  readonly device: Link;
  /** True if it was made just now: then it has not been up before. */
  readonly isNew: boolean;
  /** Its addresses are the first ones of these. */
  readonly subnets: readonly Cidr[];
  /** The link that it was made on; events of it that say nothing new come with that. */
  readonly uplink: Link;
}

/** Entries of a device that were set, and that were taken away. */
export interface SentEntries {
  readonly set: readonly Key[];
  readonly removed: readonly Key[];
}

interface Known extends OwnDevice {
  hasBeenUp: boolean;
  /** The alias that it has, and the one before. */
  aliases: readonly string[];
}

/** What was done, by the indexes of devices. */
export class OwnEvents {
  readonly #devices = new Map<number, Known>();
  /** The keys of entries that were set, by device and place; "" is one that was taken away. */
  readonly #entries = new Map<string, Key>();

  /** The indexes of the devices that were made right. */
  get devices(): readonly number[] {
    return [...this.#devices.keys()];
  }

  /** True if entries were sent since `forgetEntries`. */
  get hasEntries(): boolean {
    return this.#entries.size > 0;
  }

  addDevice(own: OwnDevice): void {
    const { index, alias } = own.device;
    this.#devices.set(index, { ...own, hasBeenUp: !own.isNew, aliases: [alias] });
  }

  addAlias(index: number, alias: string): void {
    const known = this.#devices.get(index);
    if (known) known.aliases = [known.aliases.at(-1) ?? "", alias];
  }

  /** Others are not there any more. */
  keepDevices(indexes: readonly number[]): void {
    for (const index of this.devices) if (!indexes.includes(index)) this.#devices.delete(index);
  }

  addEntries(index: number, { set, removed }: SentEntries): void {
    for (const key of removed) this.#entries.set(`${index} ${placeOf(key)}`, "");
    for (const key of set) this.#entries.set(`${index} ${placeOf(key)}`, key);
  }

  forgetEntries(): void {
    this.#entries.clear();
  }

  /** True if an event says nothing but what was done. */
  has({ type, body }: Received): boolean {
    if (type === RTM_NEWNEIGH || type === RTM_DELNEIGH) return this.#isOfEntry(type, body);
    if (type === RTM_NEWLINK) return this.#isOfDevice(body);
    return type === RTM_NEWADDR && this.#isOfAddress(body);
  }

  #isOfEntry(type: number, body: Span): boolean {
    const { family, index, state, address, mac } = pairIn(body);
    const key = keyOf({ kind: family === AF_BRIDGE ? "fdb" : "neighbour", address, mac });
    const known = this.#entries.get(`${index} ${placeOf(key)}`);
    const isPermanent = (state & NUD_PERMANENT) !== 0;
    return type === RTM_DELNEIGH ? known === "" : known === key && isPermanent;
  }

  /** A device that goes down, or is not as it was made, has been changed by somebody else. */
  #isOfDevice(body: Span): boolean {
    const { header: { index = 0, flags = 0 } = {}, attributes = {} } = read(linkMessage, body);
    const isUp = (flags & IFF_UP) !== 0;
    const known = this.#devices.get(index);
    if (!known) return isUp && this.#isUplink(index, attributes);
    if (!isUp) return !known.hasBeenUp;
    known.hasBeenUp = true;
    return isSame(known.device, attributes) && known.aliases.includes(attributes.alias ?? "");
  }

  #isUplink(index: number, attributes: LinkAttributes): boolean {
    const { uplink } =
      [...this.#devices.values()].find((each) => each.uplink.index === index) ?? {};
    return uplink?.name === attributes.name && isSame(uplink, attributes);
  }

  #isOfAddress(body: Span): boolean {
    const { header, attributes } = read(addressMessage, body);
    const { subnets = [] } = this.#devices.get(header?.index ?? 0) ?? {};
    const address = pack(attributes?.address ?? []);
    return subnets.some((subnet) => pack(firstAddress(subnet)) === address);
  }
}

function isSame(link: Link | undefined, { address = none, mtu }: LinkAttributes): boolean {
  return link?.mtu === mtu && pack(link?.mac ?? none) === pack(address);
}

const none = new Uint8Array();
