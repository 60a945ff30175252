/** How the reference interpreter reads. */

import { CodecError, within } from "../codec.ts";
import {
  type Counted,
  type Data,
  type Fixed,
  HEAD,
  type Input,
  type Integer,
  type Member,
  MOST_NESTED,
  type Packed,
  type Row,
  type Rows,
  TYPE_MASK,
  type Variant,
} from "./data.ts";

/** The value that begins where the input is. */
export function readAs(data: Data, input: Input): unknown {
  switch (data.kind) {
    case "integer":
    case "block":
    case "struct":
      return readFixed(data, input);
    case "bytes":
      return readBytes(data.lengths, input);
    case "text":
      return textOf(input.raw(input.left));
    case "message":
      return readMessage(data, input);
    case "packed":
      return readPacked(data, input);
    case "attributes":
      return readAttributes(data.rows, input);
    case "only":
      return readAll(data.row, input).at(-1);
    case "list":
      return readAll(data.row, input);
    case "variant":
      return readVariant(data, input);
    case "shared":
      return readShared(data.parts, input);
    case "recursive":
      return data.layout && readAs(data.layout, input);
    case "counted":
      return readCounted(data, input);
    case "element":
      return readElement(data, input);
    case "records":
      return readRecords(data.item.program, input);
    case "parts":
      return readParts(data.rows, input);
  }
}

/* ---- what has always the same size ---- */

function readFixed(data: Fixed, input: Input): unknown {
  try {
    const at = input.take(data.size);
    return load(data, input.bytes.slice(at, at + data.size));
  } catch (cause) {
    if (data.kind === "struct") within(data.name, cause);
    throw cause;
  }
}

function load(data: Fixed, bytes: Uint8Array): unknown {
  if (data.kind === "block") return bytes;
  if (data.kind === "integer") return loadInteger(data, bytes);
  const entries = data.members.map(({ name, offset, codec }) => {
    const member = codec.program as Fixed;
    return [name, load(member, bytes.slice(offset, offset + member.size))];
  });
  return Object.fromEntries(entries);
}

function loadInteger({ isSigned, isBigEndian }: Integer, bytes: Uint8Array): number {
  const ordered = isBigEndian ? bytes : bytes.toReversed();
  const value = ordered.reduce((all, byte) => all * 0x100n + BigInt(byte), 0n);
  return Number(isSigned ? BigInt.asIntN(8 * bytes.length, value) : value);
}

/* ---- bytes and texts ---- */

function readBytes(lengths: readonly number[], input: Input): Uint8Array {
  const value = input.raw(input.left);
  requireLength(value, lengths);
  return value;
}

/** Refuses bytes that are not of one of some lengths; none means any. */
export function requireLength({ length }: Uint8Array, lengths: readonly number[]): void {
  if (lengths.length > 0 && !lengths.includes(length))
    throw new CodecError(`must be ${lengths.join(" or ")} bytes, got ${length}`);
}

/** Characters of several bytes, well-formed: RFC 3629, 4. */
const multibyte =
  /[\xc2-\xdf][\x80-\xbf]|(?:\xe0[\xa0-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]|\xed[\x80-\x9f])[\x80-\xbf]|(?:\xf0[\x90-\xbf]|[\xf1-\xf3][\x80-\xbf]|\xf4[\x80-\x8f])[\x80-\xbf]{2}/g;

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  const whole = String.fromCharCode(...bytes.subarray(0, end < 0 ? bytes.length : end));
  return whole.replace(multibyte, (character) => Buffer.from(character, "latin1").toString());
}

/* ---- attributes ---- */

/** Calls `each` for every attribute up to the input's end, with the input narrowed to its value. */
function eachAttribute(input: Input, each: (type: number) => void): void {
  const { bytes, end } = input;
  const u16 = (at: number) => (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  while (end - input.at >= HEAD) {
    const { at } = input;
    const length = u16(at);
    if (length < HEAD || at + length > end) throw tooLong("attribute", { at, length, end });
    input.at = at + HEAD;
    input.end = at + length;
    each(u16(at + 2) & TYPE_MASK);
    input.end = end;
    input.at = Math.min(at + ((length + 3) & ~3), end);
  }
  if (input.left > 0) throw new CodecError(`${input.left} stray bytes at byte ${input.at}`);
}

/** What claims to go on past an end. */
interface Claim {
  readonly at: number;
  readonly length: number;
  readonly end: number;
}

/** The refusal of such a claim. */
export function tooLong(what: string, { at, length, end }: Claim): CodecError {
  return new CodecError(`${what} at byte ${at} claims ${length} bytes, ${end - at} remain`);
}

/** The value of an attribute, to its last byte. */
function readWhole(name: string, data: Data, input: Input): unknown {
  input.depth++;
  try {
    if (input.depth > MOST_NESTED) throw new CodecError(`nested more than ${MOST_NESTED} deep`);
    const value = readAs(data, input);
    requireEnd(input);
    return value;
  } catch (cause) {
    return within(name, cause);
  } finally {
    input.depth--;
  }
}

function requireEnd(input: Input): void {
  if (input.left > 0) throw new CodecError(`${input.left} bytes too many at byte ${input.at}`);
}

function readAttributes(rows: Rows, input: Input): unknown {
  const value: { [key: string]: unknown } = {};
  eachAttribute(input, (type) => {
    const found = Object.entries(rows).findLast(([, { number }]) => number === type);
    if (!found) return;
    const [key, { name, codec, isRepeated }] = found;
    const each = readWhole(name, codec.program, input);
    value[key] = isRepeated ? [...((value[key] ?? []) as readonly unknown[]), each] : each;
  });
  return value;
}

function readAll({ number, name, codec }: Row, input: Input): unknown[] {
  const values: unknown[] = [];
  eachAttribute(input, (type) => {
    if (type === number) values.push(readWhole(name, codec.program, input));
  });
  return values;
}

function readVariant({ rows, kinds }: Variant, input: Input): unknown {
  let kind = "";
  let data: unknown;
  eachAttribute(input, (type) => {
    if (type === rows.kind.number) kind = String(readAs(rows.kind.codec.program, input));
    const own = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    if (type === rows.data.number && own) data = readWhole(rows.data.name, own.program, input);
  });
  return { kind, data };
}

/* ---- layouts of layouts ---- */

function readMessage(data: Data & { readonly kind: "message" }, input: Input): unknown {
  const header = readAs(data.header.program, input);
  input.at = Math.min((input.at + 3) & ~3, input.end);
  return { header, attributes: readAs(data.attributes.program, input) };
}

function readPacked({ header, attributes }: Packed, input: Input): string {
  const { members } = header.program;
  const start = input.at;
  readFixed(header.program, input);
  const head = members.map(({ offset, codec }) => {
    const { size } = codec.program as Fixed;
    return bytesAsText(input.bytes.slice(start + offset, start + offset + size));
  });
  input.at = Math.min((input.at + 3) & ~3, input.end);
  const rows = Object.values(attributes.program.rows);
  const values = rows.map(() => "\0");
  eachAttribute(input, (type) => {
    const i = rows.findLastIndex(({ number }) => number === type);
    const row = rows[i];
    if (!row) return;
    const bytes = input.bytes.slice(input.at, input.end);
    readWhole(row.name, row.codec.program, input);
    if (bytes.length > 255) within(row.name, new CodecError("longer than 255 bytes"));
    values[i] = String.fromCharCode(bytes.length) + bytesAsText(bytes);
  });
  return head.join("") + values.join("");
}

function bytesAsText(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function readShared(parts: readonly Omit<Member, "offset">[], input: Input): unknown {
  const { at } = input;
  const entries = parts.map(({ name, codec }) => {
    input.at = at;
    return [name, readAs(codec.program, input)];
  });
  return Object.fromEntries(entries);
}

function readParts(rows: Rows, input: Input): unknown {
  const { end } = input;
  const found: { [key: string]: unknown } = {};
  while (input.left >= 2) {
    const number = input.u8();
    input.end = Math.min(end, input.u8() + input.at);
    for (const [key, row] of Object.entries(rows))
      if (row.number === number) found[key] = readAs(row.codec.program, input);
    input.at = input.end;
    input.end = end;
  }
  input.at = end;
  return found;
}

/* ---- arrays ---- */

function readCounted({ head, count, item }: Counted, input: Input): unknown {
  const value = readAs(head.program, input) as { readonly [name: string]: unknown };
  const length = Number(value[count]);
  return { ...value, items: Array.from({ length }, () => readAs(item.program, input)) };
}

function readElement({ index, item }: Data & { readonly kind: "element" }, input: Input): unknown {
  const { program } = item;
  const bytes = input.raw(input.left).subarray(index * program.size);
  return bytes.length < program.size ? undefined : load(program, bytes.slice(0, program.size));
}

function readRecords(item: Data, input: Input): unknown {
  const { end } = input;
  const found: unknown[] = [];
  while (input.at < end) {
    const { at } = input;
    const length = input.bytes[input.take(2)] as number;
    const claimed = length | ((input.bytes[at + 1] as number) << 8);
    if (claimed < 2 || at + claimed > end) throw tooLong("item", { at, length: claimed, end });
    input.at = at;
    input.end = at + claimed;
    found.push(readAs(item, input));
    requireEnd(input);
    input.end = end;
    input.at = Math.min(at + ((claimed + 3) & ~3), end);
  }
  return found;
}
