/** Blocks of addresses as intervals: what they leave out is cut out, and what touches is joined. */

import {
  compareAddresses,
  type Family,
  family,
  type IpAddress,
  nextAddress,
  previousAddress,
} from "../../ip/address.ts";
import { firstAddress, lastAddress } from "../../ip/cidr.ts";
import type { Interval } from "../../netlink/nft-counted.ts";
import type { Block } from "../ruleset.ts";

/** From an address to another, both included. */
interface Span {
  readonly first: IpAddress;
  readonly last: IpAddress;
}

/** What is in any of the blocks of a family, as intervals in order that do not touch. */
export function intervalsOf(blocks: readonly Block[], of: Family): readonly Interval[] {
  const mine = blocks.filter(({ block }) => family(block.address) === of);
  return joined(mine.flatMap(spansOf)).map(({ first, last }) => ({
    first,
    end: isHighest(last) ? undefined : nextAddress(last),
  }));
}

function spanOf(cidr: Block["block"]): Span {
  return { first: firstAddress(cidr), last: lastAddress(cidr) };
}

/** A block without what it leaves out. */
function spansOf({ block, except }: Block): readonly Span[] {
  const holes = joined(
    except.filter(({ address }) => family(address) === family(block.address)).map(spanOf),
  );
  const spans: Span[] = [];
  let { first } = spanOf(block);
  const { last } = spanOf(block);
  for (const hole of holes) {
    if (isBefore(hole.last, first) || isBefore(last, hole.first)) continue;
    if (isBefore(first, hole.first)) spans.push({ first, last: previousAddress(hole.first) });
    if (!isBefore(hole.last, last)) return spans;
    first = nextAddress(hole.last);
  }
  return [...spans, { first, last }];
}

function joined(spans: readonly Span[]): readonly Span[] {
  const all: Span[] = [];
  for (const span of [...spans].sort((a, b) => compareAddresses(a.first, b.first))) {
    const before = all.at(-1);
    const touches =
      before && (isHighest(before.last) || !isBefore(nextAddress(before.last), span.first));
    if (!touches) all.push(span);
    else if (isBefore(before.last, span.last)) {
      all[all.length - 1] = { first: before.first, last: span.last };
    }
  }
  return all;
}

function isBefore(a: IpAddress, b: IpAddress): boolean {
  return compareAddresses(a, b) < 0;
}

function isHighest(address: IpAddress): boolean {
  return address.every((byte) => byte === 255);
}
