/**
 * Layouts as values: a Codec knows how one thing is written and read, and a table of codecs is a
 * kernel structure. Errors name the path to the member that is wrong.
 */

/** Bytes that are not what a layout says, or a value that no layout can hold. */
export class CodecError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CodecError";
  }
}

/** One layout: `size` is 0 where it depends on the value; `nested` if it is a list of attributes. */
export interface Codec<T> {
  readonly size: number;
  readonly nested?: boolean;
  write(out: Writer, value: T): void;
  read(input: Reader): T;
}

/** The type of the values of a codec. */
export type ValueOf<C> = C extends Codec<infer T> ? T : never;

/** Output that grows; numbers are in the byte order of the machine unless the name ends in BE. */
export class Writer {
  #bytes = new Uint8Array(1024);
  /** Where the next byte goes. */
  at = 0;

  /** The bytes, with room up to `end`; numbers look for themselves, which saves a call for each. */
  #roomTo(end: number): Uint8Array {
    if (end <= this.#bytes.length) return this.#bytes;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 4, end));
    larger.set(this.#bytes);
    this.#bytes = larger;
    return larger;
  }

  u8(value: number): void {
    const { at } = this;
    if (at >= this.#bytes.length) this.#roomTo(at + 1);
    this.#bytes[at] = value;
    this.at = at + 1;
  }

  u16(value: number, littleEndian = true): void {
    const { at } = this;
    const bytes = at + 2 > this.#bytes.length ? this.#roomTo(at + 2) : this.#bytes;
    bytes[at] = littleEndian ? value : value >> 8;
    bytes[at + 1] = littleEndian ? value >> 8 : value;
    this.at = at + 2;
  }

  u32(value: number, littleEndian = true): void {
    const { at } = this;
    const bytes = at + 4 > this.#bytes.length ? this.#roomTo(at + 4) : this.#bytes;
    const first = littleEndian ? 0 : 3;
    bytes[at + first] = value;
    bytes[at + (first ^ 1)] = value >> 8;
    bytes[at + (first ^ 2)] = value >> 16;
    bytes[at + (first ^ 3)] = value >> 24;
    this.at = at + 4;
  }

  raw(value: Uint8Array): void {
    const { at } = this;
    this.at = at + value.length;
    this.#roomTo(this.at).set(value, at);
  }

  zeros(count: number): void {
    const { at } = this;
    this.at = at + count;
    this.#roomTo(this.at).fill(0, at, this.at);
  }

  /** Zeros up to the next multiple of four, as netlink aligns. */
  align(): void {
    if (this.at & 3) this.zeros(4 - (this.at & 3));
  }

  /** Writes a length known only now into a place left for it. */
  patchU16(at: number, value: number): void {
    this.#bytes[at] = value;
    this.#bytes[at + 1] = value >>> 8;
  }

  patchU32(at: number, value: number): void {
    this.patchU16(at, value);
    this.patchU16(at + 2, value >>> 16);
  }

  /** All that was written, as a view: valid until the next write. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.at);
  }
}

/** Input with a cursor and an end; reading past the end is a CodecError. */
export class Reader {
  readonly bytes: Uint8Array;
  at: number;
  end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  #take(count: number): number {
    const at = this.at;
    if (at + count > this.end) {
      throw new CodecError(`${count} bytes wanted at byte ${at}, ${this.left} remain`);
    }
    this.at = at + count;
    return at;
  }

  u8(): number {
    return this.bytes[this.#take(1)] as number;
  }

  #u16At(at: number, littleEndian: boolean): number {
    const first = this.bytes[at] as number;
    const second = this.bytes[at + 1] as number;
    return littleEndian ? first | (second << 8) : (first << 8) | second;
  }

  u16(littleEndian = true): number {
    return this.#u16At(this.#take(2), littleEndian);
  }

  u32(littleEndian = true): number {
    const at = this.#take(4);
    const first = this.#u16At(at, littleEndian);
    const second = this.#u16At(at + 2, littleEndian);
    return (littleEndian ? first | (second << 16) : (first << 16) | second) >>> 0;
  }

  /** A copy of the next bytes, so that it outlives the buffer it came from. */
  raw(count: number): Uint8Array {
    const at = this.#take(count);
    return this.bytes.slice(at, at + count);
  }

  /** Never back: a length that is too small is as wrong as one that is too large. */
  skip(count: number): void {
    if (count < 0) throw new CodecError(`${count} bytes to skip at byte ${this.at}`);
    this.#take(count);
  }
}

/** Rethrows an error with the name of the member it happened in. */
export function within(name: string, cause: unknown): never {
  if (!(cause instanceof CodecError)) throw cause;
  const joint = /^[a-z]\w*[:.]/i.test(cause.message) ? "." : ": ";
  throw new CodecError(`${name}${joint}${cause.message}`);
}

function notAnInteger(name: string, value: number, largest: number): CodecError {
  return new CodecError(`${name} must be an integer from 0 to ${largest}, got ${value}`);
}

function integer(name: string, size: 1 | 2 | 4, littleEndian: boolean): Codec<number> {
  const largest = 2 ** (8 * size) - 1;
  return {
    size,
    write(out, value) {
      if ((size === 4 ? value >>> 0 : value & largest) !== value)
        throw notAnInteger(name, value, largest);
      if (size === 1) out.u8(value);
      else if (size === 2) out.u16(value, littleEndian);
      else out.u32(value, littleEndian);
    },
    read(input) {
      if (size === 1) return input.u8();
      return size === 2 ? input.u16(littleEndian) : input.u32(littleEndian);
    },
  };
}

export const u8: Codec<number> = /* @__PURE__ */ integer("u8", 1, true);
export const u16: Codec<number> = /* @__PURE__ */ integer("u16", 2, true);
export const u32: Codec<number> = /* @__PURE__ */ integer("u32", 4, true);
export const u16be: Codec<number> = /* @__PURE__ */ integer("u16be", 2, false);
export const u32be: Codec<number> = /* @__PURE__ */ integer("u32be", 4, false);

/** A signed 32-bit number; netlink uses it for errors and interface indexes. */
export const s32: Codec<number> = {
  size: 4,
  write(out, value) {
    if ((value | 0) !== value) throw new CodecError(`s32 must be a 32-bit integer, got ${value}`);
    out.u32(value >>> 0);
  },
  read(input) {
    return input.u32() | 0;
  },
};

/** A 64-bit big-endian number that fits a double exactly (nf_tables counts and handles). */
export const u64be: Codec<number> = {
  size: 8,
  write(out, value) {
    const largest = Number.MAX_SAFE_INTEGER;
    if (!Number.isSafeInteger(value) || value < 0) throw notAnInteger("u64be", value, largest);
    out.u32(Math.floor(value / 2 ** 32), false);
    out.u32(value % 2 ** 32, false);
  },
  read(input) {
    return input.u32(false) * 2 ** 32 + input.u32(false);
  },
};

/** All bytes that remain, uninterpreted. */
export const bytes: Codec<Uint8Array> = {
  size: 0,
  write(out, value) {
    out.raw(value);
  },
  read(input) {
    return input.raw(input.left);
  },
};

/** An IPv4 or IPv6 address: 4 or 16 bytes. */
export const ip: Codec<Uint8Array> = {
  size: 0,
  write(out, value) {
    checkAddress(value);
    out.raw(value);
  },
  read(input) {
    const value = input.raw(input.left);
    checkAddress(value);
    return value;
  },
};

function checkAddress(value: Uint8Array): void {
  if (value.length !== 4 && value.length !== 16) {
    throw new CodecError(`address must be 4 or 16 bytes, got ${value.length}`);
  }
}

/** Text that ends with a NUL, as the kernel's own names. */
export const cstring: Codec<string> = {
  size: 0,
  write(out, value) {
    writeText(out, value);
    out.u8(0);
  },
  read(input) {
    const value = input.raw(input.left);
    const end = value.indexOf(0);
    return readText(end < 0 ? value : value.subarray(0, end));
  },
};

/** Text that the kernel takes without an end mark, and gives back with one (interface aliases). */
export const text: Codec<string> = {
  size: 0,
  write(out, value) {
    writeText(out, value);
  },
  read(input) {
    return cstring.read(input);
  },
};

/** Text as the kernel has it: bytes, which by convention are UTF-8 (RFC 3629). */
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

/** Bytes as text; those that are not UTF-8 stand for themselves. */
function readText(value: Uint8Array): string {
  let text = "";
  let isAscii = true;
  for (const byte of value) {
    text += String.fromCharCode(byte);
    if (byte >= 0x80) isAscii = false;
  }
  if (isAscii) return text;
  return text.replace(/[\xc2-\xf4][\x80-\xbf]{1,3}/g, (bytes) => {
    const [first = 0, ...rest] = Array.from(bytes, (byte) => byte.charCodeAt(0));
    const lead = first & (0x7f >> (rest.length + 1));
    return String.fromCodePoint(rest.reduce((code, byte) => (code << 6) | (byte & 0x3f), lead));
  });
}

/** An attribute whose presence is its value. */
export const flag: Codec<true> = {
  size: 0,
  write() {},
  read() {
    return true;
  },
};
