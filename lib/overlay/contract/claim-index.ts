/**
 * All claims of the hosts of a network, kept from one change to the next: whether a claim touches
 * another is asked in microseconds, where contract/claims.ts compares all of them to say who is
 * wrong. So thousands of hosts are compared only when somebody claims what another does.
 */

import { pack } from "../../bytes/packed.ts";
import { contains, containsText, hasTouchingTexts, type Part } from "./claims.ts";

/** Claims as short texts in the order of their addresses, the larger one of two first. */
export class ClaimIndex {
  readonly #texts: string[] = [];
  /** Which prefix lengths there have been, by space. */
  readonly #lengths = new Map<number, Set<number>>();

  get size(): number {
    return this.#texts.length;
  }

  /** Takes in many at once: to add thousands one by one takes a hundred times as long. */
  addAll(parts: Iterable<Part>): void {
    for (const part of parts) {
      this.#note(part);
      this.#texts.push(textOf(part));
    }
    this.#texts.sort();
  }

  add(part: Part): void {
    this.#note(part);
    const text = textOf(part);
    this.#texts.splice(this.#placeOf(text), 0, text);
  }

  /** Takes back one claim that was added; nothing if there is none. */
  remove(part: Part): void {
    const text = textOf(part);
    const at = this.#placeOf(text);
    if (this.#texts[at] === text) this.#texts.splice(at, 1);
  }

  /** True if a claim that was added is there once, and touches no other. */
  isAlone(part: Part): boolean {
    const text = textOf(part);
    const at = this.#placeOf(text);
    const next = this.#texts[at + 1] ?? "";
    return this.#texts[at] === text && !containsText(text, next) && !this.#isWithin(part);
  }

  /** True if a claim is the same as one of these, lies within one, or around one. */
  touches(part: Part): boolean {
    const text = textOf(part);
    const next = this.#texts[this.#placeOf(text)];
    return (next !== undefined && contains(part, partOf(next))) || this.#isWithin(part);
  }

  #isWithin(part: Part): boolean {
    for (const length of this.#lengths.get(part.space) ?? []) {
      if (length < part.prefixLength && this.#has(textOf(shortened(part, length)))) return true;
    }
    return false;
  }

  /** True if any two of these are the same, or one within the other. */
  hasTouching(): boolean {
    return hasTouchingTexts(this.#texts);
  }

  #note({ space, prefixLength }: Part): void {
    const known = this.#lengths.get(space);
    if (known) known.add(prefixLength);
    else this.#lengths.set(space, new Set([prefixLength]));
  }

  #has(text: string): boolean {
    return this.#texts[this.#placeOf(text)] === text;
  }

  /** The number of the first that does not come before a text. */
  #placeOf(text: string): number {
    const texts = this.#texts;
    let [low, high] = [0, texts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((texts[middle] ?? "") < text) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function textOf({ space, address, prefixLength }: Part): string {
  return String.fromCharCode(space) + pack(address) + String.fromCharCode(prefixLength);
}

function partOf(text: string): Part {
  const address = Uint8Array.from(text.slice(1, -1), (each) => each.charCodeAt(0));
  const [space, prefixLength] = [text.charCodeAt(0), text.charCodeAt(text.length - 1)];
  return { space, address, prefixLength };
}

/** The part of a length that contains another. */
function shortened({ space, address }: Part, prefixLength: number): Part {
  const masked = address.map((byte, i) => {
    const bits = Math.max(0, Math.min(8, prefixLength - 8 * i));
    return byte & (0xff << (8 - bits)) & 0xff;
  });
  return { space, address: masked, prefixLength };
}
