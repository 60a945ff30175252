/** Arrays: of items that a structure before them counts, of any length, of items that say theirs. */

import { type Codec, CodecError, type FixedCodec, type Reader, type Writer } from "./codec.ts";
import { u16 } from "./scalar.ts";

/** A structure and the items that follow it, which one of its members counts. */
export function counted<H, T>(
  head: FixedCodec<H>,
  count: keyof H & string,
  item: FixedCodec<T>,
): Codec<H & { readonly items: readonly T[] }> {
  return new Counted(head, count, item);
}

class Counted<H, T> implements Codec<H & { readonly items: readonly T[] }> {
  readonly kind = "counted";
  readonly head: FixedCodec<H>;
  readonly count: keyof H & string;
  readonly item: FixedCodec<T>;

  constructor(head: FixedCodec<H>, count: keyof H & string, item: FixedCodec<T>) {
    this.head = head;
    this.count = count;
    this.item = item;
  }

  write(out: Writer, value: H & { readonly items: readonly T[] }): void {
    const { items } = value;
    this.head.write(out, { ...value, [this.count]: items.length });
    for (const item of items) this.item.write(out, item);
  }

  read(input: Reader): H & { readonly items: readonly T[] } {
    const head = this.head.read(input);
    const length = Number(head[this.count]);
    return { ...head, items: Array.from({ length }, () => this.item.read(input)) };
  }
}

/** One item of an array; undefined if the kernel's array is shorter. Written it is the last one. */
export function element<T>(index: number, item: FixedCodec<T>): Codec<T | undefined> {
  return new Element(index, item);
}

class Element<T> implements Codec<T | undefined> {
  readonly kind = "element";
  readonly index: number;
  readonly item: FixedCodec<T>;

  constructor(index: number, item: FixedCodec<T>) {
    this.index = index;
    this.item = item;
  }

  write(out: Writer, value: T | undefined): void {
    if (value === undefined) return;
    out.room(this.index * this.item.size);
    this.item.write(out, value);
  }

  read(input: Reader): T | undefined {
    const at = input.at + this.index * this.item.size;
    const isThere = at + this.item.size <= input.end;
    input.at = input.end;
    return isThere ? this.item.load(input.bytes, at) : undefined;
  }
}

/**
 * Items that begin with their own length, 16 bits that count the whole item, as struct rtnexthop
 * does; each begins at a multiple of four. The layout has that member, and need not be given it.
 */
export function records<T>(item: Codec<T>): Codec<readonly T[]> {
  return new Records(item);
}

class Records<T> implements Codec<readonly T[]> {
  readonly kind = "records";
  readonly item: Codec<T>;

  constructor(item: Codec<T>) {
    this.item = item;
  }

  write(out: Writer, value: readonly T[]): void {
    for (const each of value) {
      const { at } = out;
      this.item.write(out, each);
      const length = out.at - at;
      u16.store(out.room(-length & 3), at, length);
    }
  }

  read(input: Reader): readonly T[] {
    const { end } = input;
    const found: T[] = [];
    while (input.at < end) {
      const { at } = input;
      const length = u16.load(input.bytes, input.take(u16.size));
      if (at + length > end) {
        throw new CodecError(`item at byte ${at} claims ${length} bytes, ${end - at} remain`);
      }
      input.at = at;
      input.end = at + length;
      found.push(this.item.read(input));
      if (input.left > 0) throw new CodecError(`${input.left} bytes too many at byte ${input.at}`);
      input.end = end;
      input.at = Math.min(at + ((length + 3) & ~3), end);
    }
    return found;
  }
}
