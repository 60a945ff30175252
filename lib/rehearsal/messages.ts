/** Netlink messages as the kernel told them, to be said again: a header, and attributes as bytes. */

import { Reader, Writer } from "../bytes/codec.ts";
import { type Layout, read } from "../bytes/layout.ts";
import { bytes } from "../bytes/scalar.ts";
import { type Request, request } from "../netlink/message.ts";

/** One attribute; the two top bits of its number are flags (linux/netlink.h). */
export interface RawAttribute {
  readonly number: number;
  readonly value: Uint8Array;
}

const NUMBER = 0x3fff;
const HEAD = 4;

function u16(input: Reader): number {
  return input.u8() | (input.u8() << 8);
}

/** The attributes behind the first `header` bytes of a message, or in a nested one. */
export function attributesIn(message: Uint8Array, header = 0): RawAttribute[] {
  const input = new Reader(message, header);
  const found: RawAttribute[] = [];
  while (input.left >= HEAD) {
    const [length, number] = [u16(input), u16(input)];
    found.push({ number, value: input.raw(length - HEAD) });
    input.skip(Math.min(-length & 3, input.left));
  }
  return found;
}

/** The value of an attribute by its number without flags; undefined if there is none. */
export function attributeOf(attributes: readonly RawAttribute[], number: number) {
  return attributes.find((each) => (each.number & NUMBER) === number)?.value;
}

/** All attributes but those of some numbers. */
export function without(attributes: readonly RawAttribute[], numbers: readonly number[]) {
  return attributes.filter(({ number }) => !numbers.includes(number & NUMBER));
}

/** A message of a header and attributes. */
export function messageOf(header: Uint8Array, attributes: readonly RawAttribute[]): Uint8Array {
  const out = new Writer();
  out.raw(header);
  for (const { number, value } of attributes) {
    const length = HEAD + value.length;
    out.raw(Uint8Array.of(length, length >> 8, number, number >> 8));
    out.raw(value);
    out.room(-out.at & 3);
  }
  return out.bytes().slice();
}

/** What a message is to do: in words, and by its type and flags. */
export interface Purpose {
  readonly what: string;
  readonly type: number;
  readonly flags: number;
}

/** A request that is such a message. */
export function again(purpose: Purpose, message: Uint8Array): Request {
  return request({ ...purpose, codec: bytes, value: message });
}

/** A body that was kept in bytes, decoded. */
export function decoded<T>(layout: Layout<never, T>, body: Uint8Array): T {
  return read(layout, new Reader(body));
}
