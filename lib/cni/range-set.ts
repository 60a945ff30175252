/** Range sets: which addresses there are to give. */

import { equalAddresses, formatAddress, type IpAddress, parseAddress } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";
import { overlapRanges, rangeContains, rangeSize } from "../ip/range.ts";

/** Addresses from `start` to `end` inclusive, without the gateway. */
export interface Range {
  readonly subnet: Cidr;
  readonly start: IpAddress;
  readonly end: IpAddress;
  readonly gateway: IpAddress;
}

/** Ranges of one family that are alternatives: an attachment gets one address of each set. */
export type RangeSet = readonly Range[];

/** The range of a set that an address is in; its gateway is in it as well. */
export function rangeOf(set: RangeSet, address: IpAddress): Range | undefined {
  return set.find(
    (range) => range.start.length === address.length && rangeContains(range, address),
  );
}

/** True if an address of a set may be given: it is in a range, and no gateway. */
export function isUsable(set: RangeSet, address: IpAddress): boolean {
  const range = rangeOf(set, address);
  return range !== undefined && !equalAddresses(address, range.gateway);
}

/** True if there is an address in both sets. */
export function overlapSets(a: RangeSet, b: RangeSet): boolean {
  return a.some((x) => b.some((y) => x.start.length === y.start.length && overlapRanges(x, y)));
}

/** How many addresses of a set are in use, and how many it has. */
export function usage(reserved: readonly string[], set: RangeSet): { used: number; size: number } {
  const used = reserved.filter((text) => {
    const address = parseAddress(text);
    return address !== undefined && isUsable(set, address);
  }).length;
  const size = set.reduce((sum, range) => {
    const gateway =
      range.gateway.length === range.start.length && rangeContains(range, range.gateway);
    return sum + rangeSize(range) - (gateway ? 1 : 0);
  }, 0);
  return { used, size };
}

/** `10.1.0.1-10.1.0.254`, as errors show it. */
export function describeRange({ start, end }: Range): string {
  return `${formatAddress(start)}-${formatAddress(end)}`;
}

/** The ranges of a set, comma-separated. */
export function describeSet(set: RangeSet): string {
  return set.map(describeRange).join(",");
}
