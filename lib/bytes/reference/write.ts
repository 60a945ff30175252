/** How the reference interpreter writes. */

import { CodecError, within } from "../codec.ts";
import {
  type Counted,
  type Data,
  type Fixed,
  HEAD,
  type Integer,
  type Members,
  MOST_NESTED,
  NESTED_FLAG,
  type Output,
  type Row,
  type Rows,
  type Struct,
  type Variant,
} from "./data.ts";
import { requireLength } from "./read.ts";

/** Writes a value where the output is. */
export function writeAs(data: Data, out: Output, value: unknown): void {
  switch (data.kind) {
    case "bytes":
      requireLength(value as Uint8Array, data.lengths);
      out.raw(value as Uint8Array);
      break;
    case "text":
      writeText(out, value as string, data.isTerminated);
      break;
    case "element":
      if (value === undefined) break;
      out.room(data.index * data.item.program.size);
      writeFixed(data.item.program, out, value);
      break;
    case "records":
      writeRecords(data.item.program, out, value as readonly unknown[]);
      break;
    case "counted":
      writeCounted(data, out, value as Members & { readonly items: readonly unknown[] });
      break;
    case "integer":
    case "block":
    case "struct":
      writeFixed(data, out, value);
      break;
    default:
      writeNest(data, out, value);
  }
}

type Nest = Exclude<
  Data,
  { kind: "bytes" | "text" | "element" | "records" | "counted" | "integer" | "block" | "struct" }
>;

function writeNest(data: Nest, out: Output, value: unknown): void {
  switch (data.kind) {
    case "message":
      writeMessage(data, out, value as Members);
      break;
    case "attributes":
      writeAttributes(data.rows, out, value as Members);
      break;
    case "only":
      if (value !== undefined) writeRow(data.row, out, value);
      break;
    case "list":
      writeRow({ ...data.row, isRepeated: true }, out, value);
      break;
    case "variant":
      writeVariant(data, out, value as { readonly kind: string; readonly data?: unknown });
      break;
    case "shared":
      for (const { name, codec } of data.parts) {
        const part = (value as Members)[name];
        if (part !== undefined) writeAs(codec.program, out, part);
      }
      break;
    case "recursive":
      if (data.layout) writeAs(data.layout, out, value);
      break;
    case "packed":
      throw new CodecError("a packed text is only read");
    case "parts":
      writeParts(data.rows, out, value as Members);
  }
}

/* ---- what has always the same size ---- */

function writeFixed(data: Fixed, out: Output, value: unknown): void {
  const { at } = out;
  store(data, out.room(data.size).subarray(at, at + data.size), value);
}

function store(data: Fixed, bytes: Uint8Array, value: unknown): void {
  if (data.kind === "integer") storeInteger(data, bytes, value as number);
  else if (data.kind === "block") storeBlock(bytes, value as Uint8Array);
  else storeStruct(data, bytes, value as Members);
}

function storeInteger(data: Integer, bytes: Uint8Array, value: number): void {
  const { name, size, isSigned, isBigEndian } = data;
  const bits = 8 * size - (isSigned ? 1 : 0);
  const least = isSigned ? -(2 ** bits) : 0;
  const largest = Math.min(2 ** bits - 1, Number.MAX_SAFE_INTEGER);
  if (!Number.isInteger(value) || value < least || value > largest) {
    const wanted = `must be an integer from ${least} to ${largest}`;
    throw new CodecError(`${name} ${wanted}, got ${value}`);
  }
  const digits = BigInt.asUintN(8 * size, BigInt(value))
    .toString(16)
    .padStart(2 * size, "0");
  const ordered = Buffer.from(digits, "hex");
  bytes.set(isBigEndian ? ordered : ordered.reverse());
}

function storeBlock(bytes: Uint8Array, value: Uint8Array): void {
  const { length } = value;
  if (length !== bytes.length) throw new CodecError(`${bytes.length} bytes wanted, got ${length}`);
  bytes.set(value);
}

function storeStruct({ name, members }: Struct, bytes: Uint8Array, value: Members): void {
  for (const member of members) {
    const { offset, codec } = member;
    const data = codec.program as Fixed;
    if (value[member.name] === undefined) continue;
    try {
      store(data, bytes.subarray(offset, offset + data.size), value[member.name]);
    } catch (cause) {
      within(`${name}.${member.name}`, cause);
    }
  }
}

/* ---- texts ---- */

/** Half of a pair of surrogates by itself is written like any other character. */
function writeText(out: Output, value: string, isTerminated: boolean): void {
  if (value.includes("\0")) throw new CodecError("text must not contain NUL");
  for (const character of value) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xd800 && code < 0xe000)
      out.raw(Uint8Array.of(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63)));
    else out.raw(Buffer.from(character));
  }
  if (isTerminated) out.u8(0);
}

/* ---- attributes ---- */

function writeAttribute(row: Row, out: Output, value: unknown): void {
  const data = row.codec.program;
  const { at } = out;
  out.room(HEAD);
  out.depth++;
  try {
    if (out.depth > MOST_NESTED) throw new CodecError(`nested more than ${MOST_NESTED} deep`);
    writeAs(data, out, value);
  } catch (cause) {
    within(row.name, cause);
  } finally {
    out.depth--;
  }
  const length = out.at - at;
  if (length > 0xffff) throw new CodecError(`${row.name}: longer than 65535 bytes`);
  const type = data.nested ? row.number | NESTED_FLAG : row.number;
  out.room(-length & 3).set(Uint8Array.of(length, length >> 8, type, type >> 8), at);
}

function writeRow(row: Row, out: Output, value: unknown): void {
  if (!row.isRepeated) writeAttribute(row, out, value);
  else for (const each of value as readonly unknown[]) writeAttribute(row, out, each);
}

function writeAttributes(rows: Rows, out: Output, value: Members): void {
  for (const [key, member] of Object.entries(value)) {
    const row = Object.hasOwn(rows, key) ? rows[key] : undefined;
    if (!row) throw new CodecError(`no attribute "${key}"`);
    if (member !== undefined) writeRow(row, out, member);
  }
}

interface KindAndData {
  readonly kind: string;
  readonly data?: unknown;
}

function writeVariant({ rows, kinds }: Variant, out: Output, { kind, data }: KindAndData): void {
  const own = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (kind !== "") writeRow(rows.kind, out, kind);
  if (own && data !== undefined) writeAttribute({ ...rows.data, codec: own }, out, data);
}

/* ---- layouts of layouts ---- */

function writeMessage(
  data: Data & { readonly kind: "message" },
  out: Output,
  { header, attributes }: Members,
): void {
  writeAs(data.header.program, out, header ?? {});
  out.room(-out.at & 3);
  if (attributes !== undefined) writeAs(data.attributes.program, out, attributes);
}

function writeParts(rows: Rows, out: Output, value: Members): void {
  for (const [key, { number, codec }] of Object.entries(rows)) {
    if (value[key] === undefined) continue;
    out.u8(number);
    const { at } = out;
    out.u8(0);
    writeAs(codec.program, out, value[key]);
    storeInteger(u8, out.room(0).subarray(at, at + 1), out.at - at - 1);
  }
}

const u8: Integer = { kind: "integer", name: "u8", size: 1, isSigned: false, isBigEndian: false };
const u16: Integer = { ...u8, name: "u16", size: 2 };

/* ---- arrays ---- */

function writeCounted(
  { head, count, item }: Counted,
  out: Output,
  value: Members & { readonly items: readonly unknown[] },
): void {
  const { items } = value;
  writeFixed(head.program, out, { ...value, [count]: items.length });
  for (const each of items) writeAs(item.program, out, each);
}

function writeRecords(item: Data, out: Output, items: readonly unknown[]): void {
  for (const each of items) {
    const { at } = out;
    writeAs(item, out, each);
    const length = out.at - at;
    storeInteger(u16, out.room(-length & 3).subarray(at, at + 2), length);
  }
}
