/** Bytes that come in pieces of any size, kept until all are there. */

const BLOCK = 16 << 10;

/** Copies what comes into blocks, so many small pieces take no more room than few large ones. */
export class Gather {
  #blocks: Uint8Array[] = [];
  /** How much of the last block is taken. */
  #used = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Makes room in one piece, if nothing has come yet. */
  expect(length: number): void {
    if (this.#blocks.length === 0 && length > 0) this.#blocks.push(new Uint8Array(length));
  }

  /** Appends bytes, which stay the caller's. */
  add(bytes: Uint8Array): void {
    this.#length += bytes.length;
    for (let rest = bytes; rest.length > 0; ) rest = rest.subarray(this.#put(rest));
  }

  #put(bytes: Uint8Array): number {
    let block = this.#blocks.at(-1);
    if (!block || this.#used === block.length) {
      block = new Uint8Array(BLOCK);
      this.#blocks.push(block);
      this.#used = 0;
    }
    const count = Math.min(bytes.length, block.length - this.#used);
    block.set(bytes.subarray(0, count), this.#used);
    this.#used += count;
    return count;
  }

  /** All bytes in one piece; it begins anew. */
  take(): Uint8Array {
    const [only] = this.#blocks;
    const whole = only && this.#blocks.length === 1 ? only.subarray(0, this.#length) : this.#join();
    this.#blocks = [];
    this.#used = 0;
    this.#length = 0;
    return whole;
  }

  #join(): Uint8Array {
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const block of this.#blocks) {
      whole.set(block.subarray(0, this.#length - at), at);
      at += block.length;
    }
    return whole;
  }
}
