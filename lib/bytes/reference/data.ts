/**
 * The reference interpreter: reads and writes by layouts as native/layout.c does, plainly and slowly.
 * Unit tests run by it, and compare C with it; it is in no image. This is what a layout's data says.
 */

import { Reader, Writer } from "../codec.ts";

/** Input that knows how many attributes are around what is read. */
export class Input extends Reader {
  depth = 0;
}

/** Output that knows the same of what is written. */
export class Output extends Writer {
  depth = 0;
}

/** One attribute, or one part of user data. */
export interface Row {
  readonly number: number;
  readonly name: string;
  readonly codec: Holder;
  readonly isRepeated?: boolean;
}

export type Rows = { readonly [key: string]: Row };

/** A member of a structure. */
export interface Member {
  readonly name: string;
  readonly offset: number;
  readonly codec: Holder;
}

/** A layout as its makers give it: its data once more, which may get to know more later. */
export interface Holder {
  readonly program: Data;
}

export interface Integer {
  readonly kind: "integer";
  readonly name: string;
  readonly size: 1 | 2 | 4 | 8;
  readonly isSigned: boolean;
  readonly isBigEndian: boolean;
}

export interface Block {
  readonly kind: "block";
  readonly size: number;
}

export interface Struct {
  readonly kind: "struct";
  readonly name: string;
  readonly size: number;
  readonly members: readonly Member[];
}

export interface Variant {
  readonly kind: "variant";
  readonly nested: true;
  readonly rows: { readonly kind: Row; readonly data: { readonly number: number; name: string } };
  readonly kinds: { readonly [kind: string]: Holder };
}

export interface Counted {
  readonly kind: "counted";
  readonly head: { readonly program: Struct };
  readonly count: string;
  readonly item: Holder;
}

export interface Packed {
  readonly kind: "packed";
  readonly header: { readonly program: Struct };
  readonly attributes: { readonly program: { readonly rows: Rows } };
}

/** The layouts that have always the same size. */
export type Fixed = Integer | Block | Struct;

/** The kinds of layouts, and what each has to say. */
export type Data = (
  | Fixed
  | { readonly kind: "bytes"; readonly lengths: readonly number[] }
  | { readonly kind: "text"; readonly isTerminated: boolean }
  | { readonly kind: "message"; readonly header: Holder; readonly attributes: Holder }
  | Packed
  | { readonly kind: "attributes"; readonly nested: true; readonly rows: Rows }
  | { readonly kind: "only" | "list"; readonly nested: true; readonly row: Row }
  | Variant
  | { readonly kind: "shared"; readonly nested: true; readonly parts: readonly Member[] }
  | { readonly kind: "recursive"; layout?: Data }
  | Counted
  | { readonly kind: "element"; readonly index: number; readonly item: { program: Fixed } }
  | { readonly kind: "records"; readonly item: Holder }
  | { readonly kind: "parts"; readonly rows: Rows }
) & { readonly nested?: boolean };

/** So many attributes may lie in each other. */
export const MOST_NESTED = 32;
export const HEAD = 4;
export const NESTED_FLAG = 0x8000;
export const TYPE_MASK = 0x3fff;

/** Any value, of which something is read. */
export type Members = { readonly [name: string]: unknown };
