/** Forgetting tracked connections whose address translation is out of date. */

import { ENOENT } from "../host/errno.ts";
import { equalAddresses, type IpAddress } from "../ip/address.ts";
import {
  deleteFlow,
  type Flow,
  type FlowFilter,
  flowMessage,
  listFlows,
} from "../netlink/conntrack.ts";
import { isRefusal } from "../netlink/error.ts";
import type { Netns } from "./netns.ts";

/** How many connections one datagram deletes. */
const CHUNK = 500;

/** Deletes the connections to a port of these addresses, and returns how many there were. */
export function forgetConnections(
  ns: Netns,
  filter: FlowFilter,
  destinations: readonly IpAddress[],
): number {
  const { family, protocol, destinationPort } = filter;
  const stale = ns.netfilter.dump(listFlows(filter), flowMessage).flatMap(({ attributes }) => {
    const { original, id, zone } = attributes;
    const { ports, addresses } = original ?? {};
    const to = addresses?.destination4 ?? addresses?.destination6;
    const isMeant =
      ports?.protocol === protocol &&
      ports.destination === destinationPort &&
      to !== undefined &&
      destinations.some((address) => equalAddresses(address, to));
    return isMeant && original && id !== undefined ? [{ family, original, id, zone }] : [];
  });
  deleteFlows(ns, stale);
  return stale.length;
}

/** Deletes connections; those that are gone by now are fine. */
export function deleteFlows(ns: Netns, flows: readonly Flow[]): void {
  for (let at = 0; at < flows.length; at += CHUNK) {
    for (const { error } of ns.netfilter.attempt(...flows.slice(at, at + CHUNK).map(deleteFlow))) {
      if (error && !isRefusal(error, ENOENT)) throw error;
    }
  }
}
