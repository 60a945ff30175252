/** Arrays: of items that a structure before them counts, of any length, of items that say theirs. */

import { type FixedLayout, type Layout, made } from "./layout.ts";

/** A structure and the items that follow it, which one of its members counts. */
export function counted<H, T>(
  head: FixedLayout<H, unknown>,
  count: keyof H & string,
  item: FixedLayout<T, unknown>,
): Layout<H & { readonly items: readonly T[] }> {
  return made({ kind: "counted", head, count, item });
}

/** One item of an array; undefined if the kernel's array is shorter. Written it is the last one. */
export function element<T>(index: number, item: FixedLayout<T, unknown>): Layout<T | undefined> {
  return made({ kind: "element", index, item });
}

/**
 * Items that begin with their own length, 16 bits that count the whole item, as struct rtnexthop
 * does; each begins at a multiple of four. The layout has that member, and need not be given it.
 */
export function records<T>(item: Layout<T, unknown>): Layout<readonly T[]> {
  return made({ kind: "records", item });
}
