/** Mappings beside each other: which are one and the same, which exclude each other, which lead nowhere. */

import { configError } from "../../lib/cni/error.ts";
import type { PortMapping } from "../../lib/filter/port-mapping.ts";
import { family, formatAddress, isLoopback } from "../../lib/ip/address.ts";

/** A mapping as configured: where in the list, and for which family, if not for both. */
export interface Mapping extends PortMapping {
  readonly place: number;
  readonly family: 4 | 6 | undefined;
}

/** Where a mapping is in the configuration. */
export function pathOf({ place }: Pick<Mapping, "place">): string {
  return `runtimeConfig.portMappings[${place}]`;
}

/** A port has one target: throws code 7 if two mappings would lead the same packets to two. */
export function requireOneTarget(mappings: readonly Mapping[], given: readonly unknown[]): void {
  const usable = mappings.filter((mapping) => !isToLoopback6(mapping));
  for (const [i, mapping] of usable.entries()) {
    const rival = usable
      .slice(0, i)
      .find((other) => overlap(mapping, other) && other.containerPort !== mapping.containerPort);
    if (!rival) continue;
    const expected = `another port, or the same target, as portMappings[${rival.place}]`;
    throw configError(pathOf(mapping), expected, given[mapping.place]);
  }
}

function overlap(a: Mapping, b: Mapping): boolean {
  return includes(a, b) || includes(b, a);
}

/** True if every packet that one mapping is for is one that the other is for as well. */
function includes(wide: Mapping, narrow: Mapping): boolean {
  if (wide.protocol !== narrow.protocol || wide.port !== narrow.port) return false;
  if (wide.family !== undefined && wide.family !== narrow.family) return false;
  return !wide.address || wide.address.join() === narrow.address?.join();
}

/** Each target once, by the widest mapping: the same port at any address has that at one in it. */
export function withoutTwins(mappings: readonly Mapping[]): readonly Mapping[] {
  const isSame = (a: Mapping, b: Mapping) => a.containerPort === b.containerPort;
  return mappings.filter((mapping, i) => {
    const isIn = (other: Mapping) => isSame(other, mapping) && includes(other, mapping);
    const others = mappings.filter((other, j) => j !== i && isIn(other));
    return !others.some((other) => !includes(mapping, other) || mappings.indexOf(other) < i);
  });
}

/** IPv6 has no way from the loopback to a container, so that `::1` leads nowhere. */
function isToLoopback6({ address }: Mapping): boolean {
  return address !== undefined && family(address) === 6 && isLoopback(address);
}

/** What a container with addresses of these families cannot be reached by. */
export function isLost(mapping: Mapping, families: readonly number[]): boolean {
  if (isToLoopback6(mapping)) return true;
  const { family } = mapping;
  return family === undefined ? families.length === 0 : !families.includes(family);
}

/** Why a mapping leads nowhere, in a sentence. */
export function lossOf(mapping: Mapping): string {
  const { protocol, port, address, family } = mapping;
  const at = address === undefined ? "" : ` of ${formatAddress(address)}`;
  const container = `the container has no ${family === undefined ? "" : `IPv${family} `}address`;
  const cause = isToLoopback6(mapping) ? "nothing leads from there to a container" : container;
  return `${pathOf(mapping)}: ${protocol} port ${port}${at} is not mapped, ${cause}`;
}
