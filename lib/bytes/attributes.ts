/**
 * Netlink attributes (linux/netlink.h): length and type as u16, a value, and zeros up to the next
 * multiple of four. They come in tables, in lists, or one by itself in a nest.
 */

import { type Codec, CodecError, type Reader, type Writer, within } from "./codec.ts";

/** One row of an attribute table: its number, the kernel's name for it, and its layout. */
export interface Attribute<T> {
  readonly number: number;
  readonly name: string;
  readonly codec: Codec<T>;
}

/** A row whose attribute may come any number of times: its value is all of them, in order. */
export interface Repeated<T> extends Attribute<T> {
  readonly isRepeated: true;
}

type Row = Attribute<unknown> & { readonly isRepeated?: boolean };
type Table = { readonly [key: string]: Row };
type ValueOfRow<R> =
  R extends Repeated<infer T> ? readonly T[] : R extends Attribute<infer T> ? T : never;

/** The value of an attribute table: every attribute may be absent. */
export type AttributesOf<A extends Table> = { readonly [K in keyof A]?: ValueOfRow<A[K]> };

/** A row of an attribute table. */
export function attr<T>(number: number, name: string, codec: Codec<T>): Attribute<T> {
  return { number, name, codec };
}

/** A row of an attribute table that may come any number of times. */
export function repeated<T>(row: Attribute<T>): Repeated<T> {
  return { ...row, isRepeated: true };
}

/** A table of attributes: unknown ones are skipped, known ones of the wrong size are an error. */
export function attributes<A extends Table>(rows: A): Codec<AttributesOf<A>> {
  return new Attributes(rows);
}

const HEAD = 4;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;

class Attributes<A extends Table> implements Codec<AttributesOf<A>> {
  readonly kind = "attributes";
  readonly nested = true;
  readonly rows: A;
  /** The keys of the rows by their numbers: an array without holes, which the engine is quick at. */
  readonly #keys: (string | undefined)[] = [];

  constructor(rows: A) {
    this.rows = rows;
    for (const [key, { number }] of Object.entries(rows)) {
      while (this.#keys.length <= number) this.#keys.push(undefined);
      this.#keys[number] = key;
    }
  }

  write(out: Writer, value: AttributesOf<A>): void {
    for (const key in value) {
      const row = this.rows[key];
      const member: unknown = value[key];
      if (!row) throw new CodecError(`no attribute "${key}"`);
      if (member !== undefined) writeRow(out, row, member);
    }
  }

  read(input: Reader): AttributesOf<A> {
    const value: { [key: string]: unknown } = {};
    const keys = this.#keys;
    const { bytes, end } = input;
    let { at } = input;
    // Links have dozens of attributes nobody asks for, so these are skipped without a call.
    while (end - at >= HEAD) {
      const length = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
      if (length < HEAD || at + length > end) throw tooLong(at, length, end);
      const type = (bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8);
      const key = keys[type & NLA_TYPE_MASK];
      if (key !== undefined) {
        input.at = at + HEAD;
        input.end = at + length;
        const { name, codec, isRepeated } = this.rows[key] as Row;
        const found = readAttribute(input, name, codec);
        if (!isRepeated) value[key] = found;
        else if (value[key]) (value[key] as unknown[]).push(found);
        else value[key] = [found];
      }
      at += (length + 3) & ~3;
    }
    input.end = end;
    input.at = Math.min(at, end);
    requireEnd(input);
    return value as AttributesOf<A>;
  }
}

/** Writes an attribute, or, if the row is a repeated one, one for each value. */
function writeRow(out: Writer, row: Row, value: unknown): void {
  if (!row.isRepeated) writeAttribute(out, row, value);
  else for (const each of value as readonly unknown[]) writeAttribute(out, row, each);
}

/** Writes one attribute. */
export function writeAttribute<T>(out: Writer, row: Attribute<T>, value: T): void {
  const { number, name, codec } = row;
  const start = out.at;
  out.room(HEAD);
  try {
    codec.write(out, value);
  } catch (cause) {
    within(name, cause);
  }
  const length = out.at - start;
  if (length > 0xffff) throw new CodecError(`${name}: longer than 65535 bytes`);
  const bytes = out.room(-length & 3);
  const type = codec.nested ? number | NLA_F_NESTED : number;
  bytes[start] = length;
  bytes[start + 1] = length >> 8;
  bytes[start + 2] = type;
  bytes[start + 3] = type >> 8;
}

/** Reads the value of an attribute to its last byte. */
export function readAttribute<T>(input: Reader, name: string, codec: Codec<T>): T {
  try {
    const value = codec.read(input);
    if (input.left > 0) throw new CodecError(`${input.left} bytes too many at byte ${input.at}`);
    return value;
  } catch (cause) {
    return within(name, cause);
  }
}

/** Calls `each` for every attribute up to the input's end, with the input narrowed to its value. */
export function eachAttribute(input: Reader, each: (type: number) => void): void {
  const { bytes, end } = input;
  while (end - input.at >= HEAD) {
    const { at } = input;
    const length = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    if (length < HEAD || at + length > end) throw tooLong(at, length, end);
    input.at = at + HEAD;
    input.end = at + length;
    each(((bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8)) & NLA_TYPE_MASK);
    input.end = end;
    input.at = Math.min(at + ((length + 3) & ~3), end);
  }
  requireEnd(input);
}

function tooLong(at: number, length: number, end: number): CodecError {
  return new CodecError(`attribute at byte ${at} claims ${length} bytes, ${end - at} remain`);
}

function requireEnd(input: Reader): void {
  if (input.left > 0) throw new CodecError(`${input.left} stray bytes at byte ${input.at}`);
}

/** A nest of which one attribute matters: its value is that of the nest. */
export function only<T>(row: Attribute<T>): Codec<T | undefined> {
  return new Only(row);
}

class Only<T> implements Codec<T | undefined> {
  readonly kind = "only";
  readonly nested = true;
  readonly row: Attribute<T>;

  constructor(row: Attribute<T>) {
    this.row = row;
  }

  write(out: Writer, value: T | undefined): void {
    if (value !== undefined) writeAttribute(out, this.row, value);
  }

  read(input: Reader): T | undefined {
    let found: T | undefined;
    const { number, name, codec } = this.row;
    eachAttribute(input, (type) => {
      if (type === number) found = readAttribute(input, name, codec);
    });
    return found;
  }
}

/** A nest of attributes that all have the same number: its value is theirs, in order. */
export function list<T>(row: Attribute<T>): Codec<readonly T[]> {
  return new List(row);
}

class List<T> implements Codec<readonly T[]> {
  readonly kind = "list";
  readonly nested = true;
  readonly row: Attribute<T>;

  constructor(row: Attribute<T>) {
    this.row = row;
  }

  write(out: Writer, values: readonly T[]): void {
    for (const value of values) writeAttribute(out, this.row, value);
  }

  read(input: Reader): readonly T[] {
    const values: T[] = [];
    const { number, name, codec } = this.row;
    eachAttribute(input, (type) => {
      if (type === number) values.push(readAttribute(input, name, codec));
    });
    return values;
  }
}
