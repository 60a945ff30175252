/** The entries that a device has, as far as they are ours or lead to where it is there for. */

import type { Layout } from "../bytes/layout.ts";
import { equalAddresses, type IpAddress } from "../ip/address.ts";
import { containsAddress } from "../ip/cidr.ts";
import type { LinkRef } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { AF_INET, AF_INET6 } from "../netlink/address.ts";
import { AF_BRIDGE } from "../netlink/link.ts";
import type { Request } from "../netlink/message.ts";
import * as neighbour from "../netlink/neighbour.ts";
import {
  listRoutesOf,
  type RouteFilter,
  RTPROT_BOOT,
  RTPROT_WEFT,
  routeMessage,
} from "../netlink/route.ts";
import type { Entry } from "./entry.ts";
import { type Key, keyOf } from "./entry-key.ts";
import type { Overlay } from "./overlay.ts";

export { RTPROT_WEFT };

/** The keys of all entries that are there. */
export function foundEntries(ns: Netns, overlay: Overlay): readonly Key[] {
  const found = [AF_INET, AF_INET6].flatMap((family) => routeKeys(ns, overlay, family));
  const { device } = overlay;
  if (!device) return found;
  for (const family of [AF_INET, AF_INET6, AF_BRIDGE]) found.push(...pairKeys(ns, device, family));
  return found;
}

/**
 * Those by the device that are ours, or as flannel makes them, and those by the uplink that are
 * ours and lead to where this device is there for.
 */
function routeKeys(ns: Netns, overlay: Overlay, family: number): Key[] {
  const { device, uplink, networks } = overlay;
  const isWithin = (address: IpAddress) => networks.some((each) => containsAddress(each, address));
  const keys = (filter: RouteFilter, isDirect: boolean) =>
    dumpKeys(ns, listRoutesOf(family, filter), {
      codec: routeMessage,
      entryIn({ header, attributes: { destination: address, gateway, outputInterface } }) {
        if (outputInterface !== filter.outputInterface || !address || !gateway) return undefined;
        const destination = { address, prefixLength: header.destinationLength };
        const isMarked = header.protocol === RTPROT_WEFT;
        const isFlannels = header.protocol === RTPROT_BOOT && equalAddresses(address, gateway);
        const isOurs = isDirect ? isMarked && isWithin(address) : isMarked || isFlannels;
        if (!isOurs) return undefined;
        return { kind: "route", destination, gateway, isDirect };
      },
    });
  return [
    ...(device ? keys({ outputInterface: device.index }, false) : []),
    ...keys({ outputInterface: uplink.index, protocol: RTPROT_WEFT }, true),
  ];
}

/** Permanent ones only: the kernel adds others of its own, for multicast. */
function pairKeys(ns: Netns, device: LinkRef, family: number): Key[] {
  const kind = family === AF_BRIDGE ? "fdb" : "neighbour";
  return dumpKeys(ns, neighbour.listNeighbours(device, family), {
    codec: neighbour.neighbourMessage,
    entryIn({ header, attributes: { destination: address, mac } }) {
      const isOwn = header.index === device.index && header.family === family;
      const isPermanent = (header.state & neighbour.NUD_PERMANENT) !== 0;
      return isOwn && isPermanent && address && mac ? { kind, address, mac } : undefined;
    },
  });
}

/** How messages of one kind become entries. */
interface Reading<T> {
  readonly codec: Layout<never, T>;
  /** Undefined for what is none of ours. */
  readonly entryIn: (message: T) => Entry | undefined;
}

/** Each message becomes a key as it is read: a whole dump of them would take a lot of memory. */
function dumpKeys<T>(ns: Netns, request: Request, { codec, entryIn }: Reading<T>): Key[] {
  const keyIn = (message: T): Key => {
    const entry = entryIn(message);
    return entry ? keyOf(entry) : "";
  };
  return ns.route.dump(request, codec, keyIn).filter((key) => key !== "");
}
