/** Layouts that depend on something else: on a kind, on each other's bytes, on one further out. */

import { type Attribute, eachAttribute, readAttribute, writeAttribute } from "./attributes.ts";
import type { Codec, Reader, ValueOf, Writer } from "./codec.ts";

type Kinds = { readonly [kind: string]: Codec<unknown> };

/** The value of a variant: a kind, and the data that goes with it. */
export type VariantOf<V extends Kinds> = {
  [K in keyof V & string]: { readonly kind: K; readonly data?: ValueOf<V[K]> };
}[keyof V & string];

/** A kind whose data nobody reads, or "" for none. */
interface OtherKind {
  readonly kind: string;
  readonly data?: undefined;
}

/** Two attributes: one names a kind, the other, behind it, has the layout of that kind. */
interface VariantRows {
  readonly kind: Attribute<string>;
  readonly data: { readonly number: number; readonly name: string };
}

/** A nest that names a kind and holds what that kind says; data of other kinds is passed over. */
export function variant<V extends Kinds>(
  rows: VariantRows,
  kinds: V,
): Codec<VariantOf<V> | OtherKind> {
  return new Variant(rows, kinds) as Codec<unknown> as Codec<VariantOf<V> | OtherKind>;
}

interface KindAndData {
  readonly kind: string;
  readonly data?: unknown;
}

class Variant implements Codec<KindAndData> {
  readonly kind = "variant";
  readonly nested = true;
  readonly rows: VariantRows;
  readonly kinds: Kinds;

  constructor(rows: VariantRows, kinds: Kinds) {
    this.rows = rows;
    this.kinds = { __proto__: null, ...kinds } as unknown as Kinds;
  }

  write(out: Writer, { kind, data }: KindAndData): void {
    const codec = this.kinds[kind];
    if (kind !== "") writeAttribute(out, this.rows.kind, kind);
    if (codec && data !== undefined) writeAttribute(out, { ...this.rows.data, codec }, data);
  }

  read(input: Reader): KindAndData {
    let kind = "";
    let data: unknown;
    const { rows } = this;
    eachAttribute(input, (type) => {
      if (type === rows.kind.number) kind = rows.kind.codec.read(input);
      const codec = type === rows.data.number ? this.kinds[kind] : undefined;
      if (codec) data = readAttribute(input, rows.data.name, codec);
    });
    return { kind, data };
  }
}

/** Several layouts that lie in one nest, and each pass over what is another's. */
export function shared<P extends Kinds>(
  parts: P,
): Codec<{ readonly [K in keyof P]?: ValueOf<P[K]> }> {
  return new Shared(parts) as Codec<unknown> as Codec<{ readonly [K in keyof P]?: ValueOf<P[K]> }>;
}

interface Part {
  readonly name: string;
  readonly codec: Codec<unknown>;
}

class Shared implements Codec<{ readonly [name: string]: unknown }> {
  readonly kind = "shared";
  readonly nested = true;
  readonly parts: readonly Part[];

  constructor(parts: Kinds) {
    this.parts = Object.entries(parts).map(([name, codec]) => ({ name, codec }));
  }

  write(out: Writer, value: { readonly [name: string]: unknown }): void {
    for (const { name, codec } of this.parts) {
      if (value[name] !== undefined) codec.write(out, value[name]);
    }
  }

  read(input: Reader): { readonly [name: string]: unknown } {
    const value: { [name: string]: unknown } = {};
    const { at } = input;
    for (const { name, codec } of this.parts) {
      input.at = at;
      value[name] = codec.read(input);
    }
    return value;
  }
}

/** A layout that is used before it is made, because it holds itself: `resolved` says which it is. */
export function recursive<T>(): Recursive<T> {
  return new RecursiveLayout<T>();
}

interface Unresolved {
  layout: Codec<unknown> | undefined;
}

/** A layout that is known later. */
export interface Recursive<T> extends Codec<T>, Unresolved {}

/** The layout that a recursive one stands for, which knows it from now on. */
export function resolved<L extends Codec<unknown>>(recursive: Unresolved, layout: L): L {
  recursive.layout = layout;
  return layout;
}

class RecursiveLayout<T> implements Recursive<T> {
  readonly kind = "recursive";
  layout: Codec<unknown> | undefined;

  write(out: Writer, value: T): void {
    this.layout?.write(out, value);
  }

  read(input: Reader): T {
    return this.layout?.read(input) as T;
  }
}
