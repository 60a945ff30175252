/**
 * Netlink attributes (linux/netlink.h): length and type as u16, a value, and zeros up to the next
 * multiple of four. They come in tables, in lists, or one by itself in a nest.
 */

import { type Layout, made } from "./layout.ts";

/** One row of an attribute table: its number, the kernel's name for it, and its layout. */
export interface Attribute<T> {
  readonly number: number;
  readonly name: string;
  readonly codec: Layout<T, unknown>;
}

/** A row whose attribute may come any number of times: its value is all of them, in order. */
export interface Repeated<T> extends Attribute<T> {
  readonly isRepeated: true;
}

type Row = Attribute<never> & { readonly isRepeated?: boolean };
type Table = { readonly [key: string]: Row };
type ValueOfRow<R> =
  R extends Repeated<infer T> ? readonly T[] : R extends Attribute<infer T> ? T : never;

/** The value of an attribute table: every attribute may be absent. */
export type AttributesOf<A extends Table> = { readonly [K in keyof A]?: ValueOfRow<A[K]> };

/** A row of an attribute table. */
export function attr<T>(number: number, name: string, codec: Layout<T, unknown>): Attribute<T> {
  return { number, name, codec };
}

/** A row of an attribute table that may come any number of times. */
export function repeated<T>(row: Attribute<T>): Repeated<T> {
  return { ...row, isRepeated: true };
}

/** A table of attributes: unknown ones are skipped, known ones of the wrong size are an error. */
export function attributes<A extends Table>(rows: A): Layout<AttributesOf<A>> {
  return made({ kind: "attributes", nested: true, rows });
}

/** A nest of which one attribute matters: its value is that of the nest. */
export function only<T>(row: Attribute<T>): Layout<T | undefined> {
  return made({ kind: "only", nested: true, row });
}

/** A nest of attributes that all have the same number: its value is theirs, in order. */
export function list<T>(row: Attribute<T>): Layout<readonly T[]> {
  return made({ kind: "list", nested: true, row });
}
