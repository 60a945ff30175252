/** Arrays of equal items: counted by a member of the structure before them, or of any length. */

import type { Codec, FixedCodec, Reader, Writer } from "./codec.ts";

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
