/** Layouts without parts: numbers, bytes, addresses and texts. */

import {
  type Codec,
  CodecError,
  Fixed,
  type FixedCodec,
  type Reader,
  type Writer,
} from "./codec.ts";

interface IntegerOf {
  readonly name: string;
  readonly size: 1 | 2 | 4 | 8;
  readonly isSigned?: boolean;
  readonly isBigEndian?: boolean;
}

/** A number in the byte order of the machine, or big-endian; of 8 bytes only what is exact. */
class Integer extends Fixed<number> {
  readonly kind = "integer";
  readonly name: string;
  readonly size: 1 | 2 | 4 | 8;
  readonly isSigned: boolean;
  readonly isBigEndian: boolean;

  constructor({ name, size, isSigned = false, isBigEndian = false }: IntegerOf) {
    super();
    this.name = name;
    this.size = size;
    this.isSigned = isSigned;
    this.isBigEndian = isBigEndian;
  }

  store(bytes: Uint8Array, at: number, value: number): void {
    if (!holds(this, value)) throw refusal(this, value);
    const { size, isBigEndian } = this;
    if (size === 8) {
      const half = isBigEndian ? u32be : u32;
      half.store(bytes, isBigEndian ? at : at + 4, Math.floor(value / 2 ** 32));
      half.store(bytes, isBigEndian ? at + 4 : at, value % 2 ** 32);
      return;
    }
    const step = isBigEndian ? -1 : 1;
    const lowest = isBigEndian ? at + size - 1 : at;
    bytes[lowest] = value;
    if (size === 1) return;
    bytes[lowest + step] = value >> 8;
    if (size === 2) return;
    bytes[lowest + 2 * step] = value >> 16;
    bytes[lowest + 3 * step] = value >> 24;
  }

  load(bytes: Uint8Array, at: number): number {
    const { size } = this;
    const first = bytes[at] as number;
    if (size === 1) return first;
    const { isBigEndian } = this;
    const second = bytes[at + 1] as number;
    if (size === 2) return isBigEndian ? (first << 8) | second : (second << 8) | first;
    if (size === 8) {
      const half = isBigEndian ? u32be : u32;
      const high = half.load(bytes, isBigEndian ? at : at + 4);
      return high * 2 ** 32 + half.load(bytes, isBigEndian ? at + 4 : at);
    }
    const third = bytes[at + 2] as number;
    const fourth = bytes[at + 3] as number;
    const value = isBigEndian
      ? (first << 24) | (second << 16) | (third << 8) | fourth
      : (fourth << 24) | (third << 16) | (second << 8) | first;
    return this.isSigned ? value : value >>> 0;
  }
}

function holds({ size, isSigned }: IntegerOf, value: number): boolean {
  if (size === 4) return (isSigned ? value | 0 : value >>> 0) === value;
  if (size === 8) return Number.isSafeInteger(value) && value >= 0;
  return (value & (size === 1 ? 0xff : 0xffff)) === value;
}

function refusal({ name, size, isSigned }: IntegerOf, value: number): CodecError {
  const bits = 8 * size - (isSigned ? 1 : 0);
  const least = isSigned ? -(2 ** bits) : 0;
  const largest = Math.min(2 ** bits - 1, Number.MAX_SAFE_INTEGER);
  return new CodecError(`${name} must be an integer from ${least} to ${largest}, got ${value}`);
}

function integer(parameters: IntegerOf): FixedCodec<number> {
  return new Integer(parameters);
}

export const u8 = /* @__PURE__ */ integer({ name: "u8", size: 1 });
export const u16 = /* @__PURE__ */ integer({ name: "u16", size: 2 });
export const u32 = /* @__PURE__ */ integer({ name: "u32", size: 4 });
export const u64 = /* @__PURE__ */ integer({ name: "u64", size: 8 });
export const u16be = /* @__PURE__ */ integer({ name: "u16be", size: 2, isBigEndian: true });
export const u32be = /* @__PURE__ */ integer({ name: "u32be", size: 4, isBigEndian: true });
export const u64be = /* @__PURE__ */ integer({ name: "u64be", size: 8, isBigEndian: true });
/** Netlink uses it for errors and interface indexes. */
export const s32 = /* @__PURE__ */ integer({ name: "s32", size: 4, isSigned: true });

/** Bytes that are given no meaning, of a fixed number. */
class Block extends Fixed<Uint8Array> {
  readonly kind = "block";
  readonly size: number;

  constructor(size: number) {
    super();
    this.size = size;
  }

  store(bytes: Uint8Array, at: number, value: Uint8Array): void {
    const { size } = this;
    if (value.length !== size) throw new CodecError(`${size} bytes wanted, got ${value.length}`);
    bytes.set(value, at);
  }

  load(bytes: Uint8Array, at: number): Uint8Array {
    return bytes.slice(at, at + this.size);
  }
}

/** So many bytes, uninterpreted. */
export function block(size: number): FixedCodec<Uint8Array> {
  return new Block(size);
}

/** Bytes up to the end; if their number matters, of one of some lengths. */
class Bytes implements Codec<Uint8Array> {
  readonly kind = "bytes";
  readonly lengths: readonly number[];

  constructor(...lengths: readonly number[]) {
    this.lengths = lengths;
  }

  write(out: Writer, value: Uint8Array): void {
    if (this.lengths.length > 0) requireLength(value, this.lengths);
    out.raw(value);
  }

  read(input: Reader): Uint8Array {
    const value = input.raw(input.left);
    if (this.lengths.length > 0) requireLength(value, this.lengths);
    return value;
  }
}

function requireLength({ length }: Uint8Array, lengths: readonly number[]): void {
  if (!lengths.includes(length))
    throw new CodecError(`must be ${lengths.join(" or ")} bytes, got ${length}`);
}

/** All bytes that remain, uninterpreted. */
export const bytes: Codec<Uint8Array> = /* @__PURE__ */ new Bytes();

/** An IPv4 or IPv6 address: 4 or 16 bytes. */
export const ip: Codec<Uint8Array> = /* @__PURE__ */ new Bytes(4, 16);

/** Text as the kernel has it: bytes, which by convention are UTF-8 (RFC 3629). */
class Text implements Codec<string> {
  readonly kind = "text";
  /** It is written with a NUL at its end; read it is with and without. */
  readonly isTerminated: boolean;

  constructor(isTerminated: boolean) {
    this.isTerminated = isTerminated;
  }

  write(out: Writer, value: string): void {
    writeText(out, value);
    if (this.isTerminated) out.u8(0);
  }

  read(input: Reader): string {
    const { bytes, at, end } = input;
    let value = "";
    let isAscii = true;
    for (let i = at; i < end; i++) {
      const byte = bytes[i] as number;
      if (byte === 0) break;
      if (byte >= 0x80) isAscii = false;
      value += String.fromCharCode(byte);
    }
    input.at = end;
    return isAscii ? value : fromUtf8(value);
  }
}

/** Text that ends with a NUL, as the kernel's own names. */
export const cstring: Codec<string> = /* @__PURE__ */ new Text(true);

/** Text that the kernel takes without an end mark, and gives back with one (interface aliases). */
export const text: Codec<string> = /* @__PURE__ */ new Text(false);

function writeText(out: Writer, value: string): void {
  for (let i = 0; i < value.length; i++) {
    const code = value.codePointAt(i) ?? 0;
    if (code === 0) throw new CodecError("text must not contain NUL");
    if (code < 0x80) out.u8(code);
    else writeMultibyte(out, code);
    if (code >= 0x10000) i++;
  }
}

function writeMultibyte(out: Writer, code: number): void {
  const more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  out.u8((0xff & (0xf00 >> (more + 1))) | (code >> (6 * more)));
  for (let i = more - 1; i >= 0; i--) out.u8(0x80 | ((code >> (6 * i)) & 0x3f));
}

/** A text of bytes as what they say in UTF-8; those that are none stand for themselves. */
function fromUtf8(value: string): string {
  return value.replace(/[\xc2-\xf4][\x80-\xbf]{1,3}/g, (bytes) => {
    const [first = 0, ...rest] = Array.from(bytes, (byte) => byte.charCodeAt(0));
    const lead = first & (0x7f >> (rest.length + 1));
    return String.fromCodePoint(rest.reduce((code, byte) => (code << 6) | (byte & 0x3f), lead));
  });
}
