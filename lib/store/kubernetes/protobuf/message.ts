/**
 * Messages of Protocol Buffers (https://protobuf.dev/programming-guides/encoding/): tables of the
 * fields that are wanted of them. All others are passed over by their lengths, and not looked at.
 *
 *   const pair = message("Pair", { name: field(1, text), values: repeated(2, text) });
 *   readMessage(pair, bytes)      // { name: "a", values: ["b", "c"] }
 *
 * A field that does not come is absent. Groups, which nobody writes any more, are refused.
 */

import { CodecError, Reader, within } from "../../../bytes/codec.ts";
import { decodePart } from "../../../host/text.ts";

/** How a value is written: a number in groups of seven bits, or bytes after their length. */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;
/** 64 bits in groups of seven. */
const LONGEST_VARINT = 10;

/** A kind of value: how it is written, and how it is read from what is its own. */
export interface Kind<T> {
  readonly wire: typeof VARINT | typeof LENGTH;
  /** Up to the input's end if it has a length; `former` is what the field has said before. */
  read(input: Reader, former: unknown): T;
}

/** One row of a table: the field's number, and what it is. */
export interface Field<T> {
  readonly number: number;
  readonly kind: Kind<T>;
}

type Fields = { readonly [name: string]: Field<unknown> };
type FieldsOf<F extends Fields> = {
  readonly [K in keyof F]?: F[K] extends Field<infer T> ? T : never;
};

/** A row of a table. */
export function field<T>(number: number, kind: Kind<T>): Field<T> {
  return { number, kind };
}

/** A row whose field comes any number of times: its value is all of them, in order. */
export function repeated<T>(number: number, kind: Kind<T>): Field<readonly T[]> {
  return { number, kind: new Repeated(kind) };
}

/** A row whose field is a table of texts by texts. */
export function map(number: number): Field<Readonly<Record<string, string>>> {
  return { number, kind: new TextMap() };
}

/** A message by its name and its table. */
export function message<F extends Fields>(name: string, fields: F): Kind<FieldsOf<F>> {
  return new MessageLayout(name, fields);
}

/** Reads all bytes as one value. Throws CodecError. */
export function readMessage<T>(kind: Kind<T>, bytes: Uint8Array): T {
  return kind.read(new Reader(bytes), undefined);
}

/** Text in UTF-8. */
export const text: Kind<string> = {
  wire: LENGTH,
  read(input) {
    const found = textIn(input, input.at, input.end);
    input.at = input.end;
    return found;
  },
};

function textIn({ bytes }: Reader, from: number, to: number): string {
  const found = decodePart(bytes, from, to);
  if (found === undefined) throw new CodecError("text that is not UTF-8");
  return found;
}

/** Bytes, as a view of those that are read. */
export const bytes: Kind<Uint8Array> = { wire: LENGTH, read: rest };

function rest(input: Reader): Uint8Array {
  const { at, end } = input;
  input.at = end;
  return input.bytes.subarray(at, end);
}

/** A number from 0 on, as far as it is exact. */
export const whole: Kind<number> = {
  wire: VARINT,
  read(input) {
    const found = readVarint(input);
    if (!Number.isSafeInteger(found))
      throw new CodecError("a number that is negative, or too large");
    return found;
  },
};

/** Whether something is so. */
export const bool: Kind<boolean> = {
  wire: VARINT,
  read: (input) => readVarint(input) !== 0,
};

class Repeated<T> implements Kind<readonly T[]> {
  readonly wire;
  readonly #kind: Kind<T>;

  constructor(kind: Kind<T>) {
    this.wire = kind.wire;
    this.#kind = kind;
  }

  read(input: Reader, former: unknown): readonly T[] {
    const list = (former ?? []) as T[];
    list.push(this.#kind.read(input, undefined));
    return list;
  }
}

class TextMap implements Kind<Readonly<Record<string, string>>> {
  readonly wire = LENGTH;

  read(input: Reader, former: unknown): Readonly<Record<string, string>> {
    const all = (former ?? Object.create(null)) as Record<string, string>;
    const valueAt = shortValueAt(input);
    if (valueAt === undefined) {
      const { key = "", value = "" } = pair.read(input, undefined);
      all[key] = value;
    } else {
      const key = textIn(input, input.at + SHORT_HEAD, valueAt - SHORT_HEAD);
      all[key] = textIn(input, valueAt, input.end);
      input.at = input.end;
    }
    return all;
  }
}

/** The tag and the length of what is shorter than 128 bytes. */
const SHORT_HEAD = 2;
const LONG = 0x80;

/**
 * Where the value of a pair begins, if it is written as usual: both are short, and the key is first.
 * A Node has dozens, and so they take a third of the time.
 */
function shortValueAt({ bytes, at, end }: Reader): number | undefined {
  const keyLength = bytes[at + 1] ?? LONG;
  const valueHead = at + SHORT_HEAD + keyLength;
  const valueLength = bytes[valueHead + 1] ?? LONG;
  const isUsual = bytes[at] === KEY_TAG && bytes[valueHead] === VALUE_TAG;
  if (!isUsual || keyLength >= LONG || valueLength >= LONG) return undefined;
  const valueAt = valueHead + SHORT_HEAD;
  return valueAt + valueLength === end ? valueAt : undefined;
}

const KEY_TAG = (1 << 3) | LENGTH;
const VALUE_TAG = (2 << 3) | LENGTH;

/** A row of a table, as it is looked up. */
interface Row {
  readonly name: string;
  readonly kind: Kind<unknown>;
}

class MessageLayout<F extends Fields> implements Kind<FieldsOf<F>> {
  readonly wire = LENGTH;
  readonly #name: string;
  /** By their numbers: an array without holes, which the engine is quick at. */
  readonly #rows: (Row | undefined)[] = [];

  constructor(name: string, fields: F) {
    this.#name = name;
    for (const [key, { number, kind }] of Object.entries(fields)) {
      while (this.#rows.length <= number) this.#rows.push(undefined);
      this.#rows[number] = { name: key, kind };
    }
  }

  read(input: Reader, former: unknown): FieldsOf<F> {
    const value = (former ?? {}) as { [name: string]: unknown };
    const rows = this.#rows;
    const { bytes, end } = input;
    let { at } = input;
    let row: Row | undefined;
    try {
      // A Node has a hundred fields nobody asks for, so these are passed over without a call.
      while (at < end) {
        let tag = bytes[at] as number;
        let length = bytes[at + 1] as number;
        if ((tag & 0x87) === LENGTH && tag > 8 && length < 0x80 && at + 1 < end) at += 2;
        else {
          input.at = at;
          tag = readTag(input);
          length = valueLength(input, tag & 7);
          at = input.at;
        }
        row = rows[tag >>> 3];
        if (length > end - at) throw new CodecError(`${length} bytes claimed, ${end - at} remain`);
        if (row !== undefined) {
          const { name, kind } = row;
          if ((tag & 7) !== kind.wire) throw new CodecError(`it is of wire type ${tag & 7}`);
          input.at = at;
          input.end = at + length;
          value[name] = kind.read(input, value[name]);
          input.end = end;
          row = undefined;
        }
        at += length;
      }
    } catch (cause) {
      within(row === undefined ? this.#name : `${this.#name}.${row.name}`, cause);
    }
    input.at = at;
    return value as FieldsOf<F>;
  }
}

const pair = /* @__PURE__ */ message("entry", { key: field(1, text), value: field(2, text) });

/** A field's number and its wire type, as they are written. */
export function readTag(input: Reader): number {
  const { at } = input;
  const tag = readVarint(input);
  if (tag >= 2 ** 32 || tag < 8) throw new CodecError(`no field has the tag ${tag}, at byte ${at}`);
  return tag;
}

/** The number of a field by its tag. */
export function numberOf(tag: number): number {
  return Math.floor(tag / 8);
}

/** How many bytes the value has that comes now, by its wire type; the input is before the first. */
export function valueLength(input: Reader, wire: number): number {
  if (wire === LENGTH) return readVarint(input);
  if (wire === FIXED64) return 8;
  if (wire === FIXED32) return 4;
  if (wire !== VARINT) throw new CodecError(`a field of wire type ${wire} at byte ${input.at}`);
  const { at } = input;
  readVarint(input);
  const length = input.at - at;
  input.at = at;
  return length;
}

/** A number in groups of seven bits, the lowest first; above 2^53 it is not exact. */
export function readVarint(input: Reader): number {
  const { bytes } = input;
  const first = bytes[input.take(1)] as number;
  if (first < 0x80) return first;
  let value = first & 0x7f;
  for (let i = 1, scale = 0x80; i < LONGEST_VARINT; i++, scale *= 0x80) {
    const byte = bytes[input.take(1)] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
  }
  throw new CodecError(`a number of more than ${LONGEST_VARINT} bytes before byte ${input.at}`);
}
