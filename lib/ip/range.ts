import { compareAddresses, type IpAddress } from "./address.ts";

/** The addresses from `start` to `end`, both included, of one family, in order. */
export interface AddressRange {
  readonly start: IpAddress;
  readonly end: IpAddress;
}

/** Whether the address lies in the range. */
export function rangeContains(range: AddressRange, address: IpAddress): boolean {
  return overlapRanges(range, { start: address, end: address });
}

/** Whether the ranges share an address. */
export function overlapRanges(a: AddressRange, b: AddressRange): boolean {
  return compareAddresses(a.start, b.end) <= 0 && compareAddresses(b.start, a.end) <= 0;
}

/** How many addresses the range holds, capped at Number.MAX_SAFE_INTEGER; 0 if it runs backwards. */
export function rangeSize(range: AddressRange): number {
  let distance = 0;
  for (const [i, byte] of range.end.entries()) {
    distance = distance * 256 + byte - (range.start[i] ?? 0);
  }
  return Math.min(Math.max(distance + 1, 0), Number.MAX_SAFE_INTEGER);
}
