/** The entries that a device has, as far as they are ours or lead to where it is there for. */

import type { Layout } from "../bytes/layout.ts";
import { isWithin, type PackedAddress, packCidr } from "../ip/packed.ts";
import type { LinkRef } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { AF_INET, AF_INET6 } from "../netlink/address.ts";
import { AF_BRIDGE } from "../netlink/link.ts";
import type { Request } from "../netlink/message.ts";
import * as neighbour from "../netlink/neighbour.ts";
import {
  listRoutesOf,
  packedLink,
  packedRoute,
  type RouteFilter,
  RTPROT_BOOT,
  RTPROT_WEFT,
} from "../netlink/route.ts";
import { type Key, pairKey, routeKey } from "./entry-key.ts";
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
  const { device, uplink } = overlay;
  const networks = overlay.networks.map(packCidr);
  const isMeant = (address: PackedAddress) => networks.some((each) => isWithin(each, address));
  const keyIn = (route: string, isDirect: boolean) => {
    const { protocol, address, gateway } = routeIn(route);
    if (address === NOTHING || gateway === NOTHING) return "";
    const isMarked = protocol === RTPROT_WEFT;
    const isFlannels = protocol === RTPROT_BOOT && address === gateway;
    const isOurs = isDirect ? isMarked && isMeant(address) : isMarked || isFlannels;
    return isOurs ? routeKey(isDirect, address + route.charAt(1) + gateway) : "";
  };
  const keysBy = ({ index }: LinkRef, isDirect: boolean) => {
    const link = packedLink(index);
    const by = { outputInterface: index };
    const filter: RouteFilter = isDirect ? { ...by, protocol: RTPROT_WEFT } : by;
    return dumpKeys(ns, listRoutesOf(family, filter), {
      layout: packedRoute,
      keyIn: (route) => (route.startsWith(link, LINK_AT) ? keyIn(route, isDirect) : ""),
    });
  };
  return [...(device ? keysBy(device, false) : []), ...keysBy(uplink, true)];
}

/** Where in a packed route its link is, and behind that its address. */
const LINK_AT = 2;
const ADDRESS_AT = 7;

/** An attribute that is not there. */
const NOTHING = "\0";

/** Of a packed route that has a link. */
function routeIn(route: string) {
  const end = ADDRESS_AT + 1 + route.charCodeAt(ADDRESS_AT);
  const [address, gateway] = [route.slice(ADDRESS_AT, end), route.slice(end)];
  return { protocol: route.charCodeAt(0), address, gateway };
}

/** Permanent ones only: the kernel adds others of its own, for multicast. */
function pairKeys(ns: Netns, device: LinkRef, family: number): Key[] {
  const kind = family === AF_BRIDGE ? "fdb" : "neighbour";
  const head = neighbour.packedHead(family, device);
  const [stateAt, macAt] = [head.length, head.length + 2];
  const keyIn = (pair: string) => {
    const isPermanent = (pair.charCodeAt(stateAt) & neighbour.NUD_PERMANENT) !== 0;
    if (!isPermanent || !pair.startsWith(head)) return "";
    const hasBoth = pair.charCodeAt(macAt) === MAC_SIZE && pair.length > macAt + MAC_SIZE + 2;
    return hasBoth ? pairKey(kind, pair.slice(macAt)) : "";
  };
  const layout = neighbour.packedNeighbour;
  return dumpKeys(ns, neighbour.listNeighbours(device, family), { layout, keyIn });
}

const MAC_SIZE = 6;

/**
 * Each message becomes a key as it is read: a whole dump of them would take a lot of memory. `keyIn`
 * is "" for what is none of ours.
 */
interface Reading {
  readonly layout: Layout<never, string>;
  readonly keyIn: (message: string) => Key;
}

function dumpKeys(ns: Netns, request: Request, { layout, keyIn }: Reading): Key[] {
  return ns.route.dump(request, layout, keyIn).filter((key) => key !== "");
}
