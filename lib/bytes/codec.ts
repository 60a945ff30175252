/** Bytes one after the other, in and out, where no layout says what they are (layout.ts). */

/** Bytes that are not what a layout says, or a value that no layout can hold. */
export class CodecError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CodecError";
  }
}

/** Output that grows, and is zero where nothing has been written. */
export class Writer {
  #bytes = new Uint8Array(1024);
  /** Where the next byte goes. */
  at = 0;

  /** Passes over so many bytes and gives all, to write there: valid until there is more. */
  room(count: number): Uint8Array {
    this.at += count;
    if (this.at > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 4, this.at));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return this.#bytes;
  }

  u8(value: number): void {
    const { at } = this;
    this.room(1)[at] = value;
  }

  raw(value: Uint8Array): void {
    const { at } = this;
    this.room(value.length).set(value, at);
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

  /** Passes over so many bytes and tells where they begin. */
  take(count: number): number {
    const { at } = this;
    if (at + count > this.end) {
      throw new CodecError(`${count} bytes wanted at byte ${at}, ${this.left} remain`);
    }
    this.at = at + count;
    return at;
  }

  u8(): number {
    return this.bytes[this.take(1)] as number;
  }

  /** A copy of the next bytes, so that it outlives the buffer it came from. */
  raw(count: number): Uint8Array {
    const at = this.take(count);
    return this.bytes.slice(at, at + count);
  }

  /** Never back: a length that is too small is as wrong as one that is too large. */
  skip(count: number): void {
    if (count < 0) throw new CodecError(`${count} bytes to skip at byte ${this.at}`);
    this.take(count);
  }
}

/** Rethrows an error with the name of the member it happened in. */
export function within(name: string, cause: unknown): never {
  if (!(cause instanceof CodecError)) throw cause;
  const joint = /^[a-z]\w*[:.]/i.test(cause.message) ? "." : ": ";
  throw new CodecError(`${name}${joint}${cause.message}`);
}
