/** Structures of fixed size and netlink attributes (linux/netlink.h), each as a table of codecs. */

import { type Codec, CodecError, type Reader, type ValueOf, type Writer, within } from "./codec.ts";

type Fields = { readonly [name: string]: Codec<unknown> };
type StructOf<F extends Fields> = { readonly [K in keyof F]?: ValueOf<F[K]> };
type FullStructOf<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> };

/** A structure: written with zeros for the members left out, read whole. */
export interface Struct<F extends Fields> extends Codec<StructOf<F>> {
  read(input: Reader): FullStructOf<F>;
}

/** A C structure: its members in order, each of fixed size. All is zero but what is given. */
export function struct<F extends Fields>(name: string, fields: F): Struct<F> {
  const members = Object.entries(fields);
  const size = members.reduce((sum, [, codec]) => sum + codec.size, 0);
  return {
    size,
    write(out, value) {
      const start = out.at;
      out.zeros(size);
      out.at = start;
      for (const [key, codec] of members) {
        const member = value[key];
        const { at } = out;
        try {
          if (member !== undefined) codec.write(out, member);
        } catch (cause) {
          within(`${name}.${key}`, cause);
        }
        out.at = at + codec.size;
      }
    },
    read(input) {
      const value: { [key: string]: unknown } = {};
      try {
        for (const [key, codec] of members) value[key] = codec.read(input);
      } catch (cause) {
        within(name, cause);
      }
      return value as FullStructOf<F>;
    },
  };
}

/** One row of an attribute table: its number, the kernel's name for it, and its codec. */
export interface Attribute<T> {
  readonly number: number;
  readonly name: string;
  readonly codec: Codec<T>;
}

type Table = { readonly [key: string]: Attribute<unknown> };

/** The value of an attribute table: every attribute may be absent. */
export type AttributesOf<A extends Table> = {
  readonly [K in keyof A]?: A[K] extends Attribute<infer T> ? T : never;
};

/** A row of an attribute table. */
export function attr<T>(number: number, name: string, codec: Codec<T>): Attribute<T> {
  return { number, name, codec };
}

const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;

/** Writes one attribute: length and type as u16, the value, padding. */
export function writeAttribute<T>(out: Writer, row: Attribute<T>, value: T): void {
  const start = out.at;
  out.u16(0);
  out.u16(row.codec.nested ? row.number | NLA_F_NESTED : row.number);
  try {
    row.codec.write(out, value);
  } catch (cause) {
    within(row.name, cause);
  }
  if (out.at - start > 0xffff) throw new CodecError(`${row.name}: longer than 65535 bytes`);
  out.patchU16(start, out.at - start);
  out.align();
}

function tooLong(at: number, length: number, end: number): CodecError {
  return new CodecError(`attribute at byte ${at} claims ${length} bytes, ${end - at} remain`);
}

/** The number of the attribute the input stands at; the input is narrowed to its value, and `next`
 * goes on behind it. */
function attributeAt(input: Reader, end: number): number {
  const { bytes, at } = input;
  const length = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
  if (length < 4 || at + length > end) throw tooLong(at, length, end);
  input.at = at + 4;
  input.end = at + length;
  return ((bytes[at + 2] ?? 0) | ((bytes[at + 3] ?? 0) << 8)) & NLA_TYPE_MASK;
}

/** Moves the input behind the attribute that began at `start`, and its padding. */
function next(input: Reader, start: number, end: number): void {
  const length = input.end - start;
  input.end = end;
  input.at = Math.min(start + ((length + 3) & ~3), end);
}

function refuseRest(input: Reader): void {
  if (input.left > 0) throw new CodecError(`${input.left} stray bytes at byte ${input.at}`);
}

/** Calls `each` for every attribute up to the input's end, with the input narrowed to its value. */
export function eachAttribute(input: Reader, each: (type: number) => void): void {
  const { end } = input;
  while (end - input.at >= 4) {
    const start = input.at;
    each(attributeAt(input, end));
    next(input, start, end);
  }
  refuseRest(input);
}

/** A table of attributes: unknown ones are skipped, known ones of the wrong size are an error. */
export function attributes<A extends Table>(table: A): Codec<AttributesOf<A>> {
  const rows: (readonly [key: string, row: Attribute<unknown>] | undefined)[] = [];
  for (const [key, row] of Object.entries(table)) rows[row.number] = [key, row];
  return {
    size: 0,
    nested: true,
    write(out, value) {
      for (const key in value) {
        const row = table[key];
        const member: unknown = value[key];
        if (!row) throw new CodecError(`no attribute "${key}"`);
        if (member !== undefined) writeAttribute(out, row, member);
      }
    },
    read(input) {
      const value: { [key: string]: unknown } = {};
      const { bytes, end } = input;
      let { at } = input;
      // Links have dozens of attributes nobody asks for, so these are skipped without a call.
      while (end - at >= 4) {
        const length = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
        if (length < 4 || at + length > end) throw tooLong(at, length, end);
        const type = (bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8);
        const known = rows[type & NLA_TYPE_MASK];
        if (known) {
          input.at = at + 4;
          input.end = at + length;
          value[known[0]] = readAttribute(input, known[1]);
        }
        at += (length + 3) & ~3;
      }
      input.end = end;
      input.at = Math.min(at, end);
      refuseRest(input);
      return value as AttributesOf<A>;
    },
  };
}

function readAttribute(input: Reader, row: Attribute<unknown>): unknown {
  try {
    const value = row.codec.read(input);
    if (input.left > 0) throw new CodecError(`${input.left} bytes too many at byte ${input.at}`);
    return value;
  } catch (cause) {
    return within(row.name, cause);
  }
}

/** A list: every element is an attribute of the same number. */
export function list<T>(row: Attribute<T>): Codec<readonly T[]> {
  return {
    size: 0,
    nested: true,
    write(out: Writer, values: readonly T[]) {
      for (const value of values) writeAttribute(out, row, value);
    },
    read(input: Reader): readonly T[] {
      const values: T[] = [];
      eachAttribute(input, (type) => {
        if (type === row.number) values.push(readAttribute(input, row) as T);
      });
      return values;
    },
  };
}

/** A message body: a structure and the attributes that follow it. */
export interface Message<H, A> {
  readonly header: H;
  readonly attributes: A;
}

/** The codec of a structure followed by attributes. */
export function message<F extends Fields, A>(
  header: Struct<F>,
  table: Codec<A>,
): Codec<{ readonly header?: StructOf<F>; readonly attributes?: A }> & {
  read(input: Reader): Message<FullStructOf<F>, A>;
} {
  return {
    size: 0,
    write(out, value) {
      header.write(out, value.header ?? {});
      out.align();
      if (value.attributes !== undefined) table.write(out, value.attributes);
    },
    read(input) {
      const head = header.read(input);
      input.at = Math.min((input.at + 3) & ~3, input.end);
      return { header: head, attributes: table.read(input) };
    },
  };
}

type Variants = { readonly [kind: string]: Codec<unknown> };

/** The value of a variant: a kind, and the data that goes with it. */
export type VariantOf<V extends Variants> = {
  [K in keyof V & string]: { readonly kind: K; readonly data?: ValueOf<V[K]> };
}[keyof V & string];

/** A nested pair of attributes: one names the kind, the other holds what that kind says. */
export function variant<V extends Variants>(
  kind: Attribute<string>,
  data: { readonly number: number; readonly name: string },
  variants: V,
): Codec<VariantOf<V> | { readonly kind: string; readonly data?: undefined }> {
  return {
    size: 0,
    nested: true,
    write(out: Writer, value: { readonly kind: string; readonly data?: unknown }) {
      writeAttribute(out, kind, value.kind);
      const codec = variants[value.kind];
      if (value.data !== undefined && codec) {
        writeAttribute(out, { ...data, codec }, value.data);
      }
    },
    read(input: Reader) {
      let name = "";
      let found: unknown;
      eachAttribute(input, (type) => {
        if (type === kind.number) name = kind.codec.read(input);
        const codec = variants[name];
        if (type === data.number && codec) found = readAttribute(input, { ...data, codec });
      });
      return { kind: name, data: found } as VariantOf<V>;
    },
  };
}
