/** Which subnets of a network are free. */

import { addToAddress, type IpAddress } from "../../ip/address.ts";
import { type Cidr, containsAddress, firstAddress, overlapCidrs } from "../../ip/cidr.ts";
import type { NetworkFamily } from "../network.ts";

/** More subnets of a network are not counted. */
const MOST = 2 ** 32;

/** Whether a host may have this subnet, as far as the configuration says. */
export function isFit(family: NetworkFamily, subnet: Cidr): boolean {
  if (subnet.address.length !== family.network.address.length) return false;
  if (subnet.prefixLength !== family.subnetLength) return false;
  if (!containsAddress(family.network, subnet.address)) return false;
  const at = indexOf(family, subnet.address);
  return at >= 0 && at < countOf(family);
}

/** How many subnets there are for hosts. */
export function countOf(family: NetworkFamily): number {
  return Math.min(indexOf(family, family.last) + 1, MOST);
}

/** A free subnet: one of those wished for, or else any; undefined if all are taken. */
export function chooseSubnet(
  family: NetworkFamily,
  others: { readonly taken: readonly Cidr[]; readonly wished: readonly Cidr[] },
  random: () => number,
): Cidr | undefined {
  const { taken, wished } = others;
  const isFree = (subnet: Cidr) => !taken.some((other) => overlapCidrs(other, subnet));
  return (
    wished.find((each) => isFit(family, each) && isFree(each)) ?? anyFree(family, taken, random)
  );
}

/** Each free subnet is as likely as any other. */
function anyFree(family: NetworkFamily, taken: readonly Cidr[], random: () => number) {
  const count = countOf(family);
  const spans = takenSpans(family, taken, count);
  const used = spans.reduce((sum, [from, to]) => sum + to - from, 0);
  if (used >= count) return undefined;
  let index = Math.floor(random() * (count - used));
  for (const [from, to] of spans) {
    if (index < from) break;
    index += to - from;
  }
  return subnetAt(family, index);
}

type Span = readonly [from: number, to: number];

/** What is taken, as ranges of indexes in order that do not touch each other's insides. */
function takenSpans(family: NetworkFamily, taken: readonly Cidr[], count: number): readonly Span[] {
  const { network, subnetLength } = family;
  const all = taken
    .filter((other) => overlapCidrs(other, network))
    .map((other): Span => {
      const from = indexOf(family, firstAddress(other));
      return [from, from + 2 ** Math.max(0, subnetLength - other.prefixLength)];
    })
    .sort(([a], [b]) => a - b);
  const spans: Span[] = [];
  let end = 0;
  for (const [from, to] of all) {
    const span: Span = [Math.max(from, end), Math.min(to, count)];
    if (span[0] < span[1]) spans.push(span);
    end = Math.max(end, span[1]);
  }
  return spans;
}

/** How many subnets lie between the first and the one with this address; negative before it. */
function indexOf({ first, subnetLength }: NetworkFamily, address: IpAddress): number {
  const bytes = Math.ceil(subnetLength / 8);
  let distance = 0;
  for (let i = 0; i < bytes; i++) distance = distance * 256 + (address[i] ?? 0) - (first[i] ?? 0);
  return Math.floor(distance / 2 ** (8 * bytes - subnetLength));
}

function subnetAt({ first, subnetLength }: NetworkFamily, index: number): Cidr {
  const bytes = Math.ceil(subnetLength / 8);
  const address = first.slice();
  address.set(addToAddress(first.subarray(0, bytes), index * 2 ** (8 * bytes - subnetLength)));
  return { address, prefixLength: subnetLength };
}
