/**
 * The host's loopback and the links with `route_localnet`: no such link without the guard. All who
 * meet one, on any command, see to it; who meets none pays nothing.
 */

import type { Netns } from "../net/netns.ts";
import * as guard from "./loopback-guard.ts";

/** Of the links given, those by which 127.0.0.0/8 passes are guarded afterwards, or closed. */
export function guardLoopback(host: Netns, ...links: readonly (guard.Opening | undefined)[]): void {
  const open = links.flatMap((link) => (link?.routeLocalnet === 1 ? [link] : []));
  if (open.length > 0) guard.guardOrClose(host, open);
}

/** The same for all bridges and host ends of a network: what GC has to go by. */
export function guardLoopbackOf(host: Netns, network: string): void {
  guard.guardNetwork(host, network);
}

/** What is missing of the guard, in words, if a link needs it; undefined if nothing is. */
export function findGuardFault(
  host: Netns,
  ...links: readonly (guard.Opening | undefined)[]
): string | undefined {
  const open = links.find((link) => link?.routeLocalnet === 1);
  return open && guard.findFault(host, open);
}

/** The same for all bridges and host ends of a network. */
export function findGuardFaultOf(host: Netns, network: string): string | undefined {
  return guard.findFaultOfNetwork(host, network);
}
