import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { counted, element, records } from "./array.ts";
import { attr, attributes } from "./attributes.ts";
import { CodecError, Reader } from "./codec.ts";
import * as layout from "./layout.ts";
import { block, u8, u16, u16be, u32, u64 } from "./scalar.ts";
import { message, struct } from "./struct.ts";

function written<T>(codec: layout.Layout<T>, value: T): readonly number[] {
  return Array.from(layout.write(codec, value));
}

function read<T>(codec: layout.Layout<T>, ...bytes: readonly number[]): T {
  return layout.read(codec, new Reader(Uint8Array.from(bytes)));
}

const pair = struct("pair", { small: u8, pad: u8, large: u16be });

describe("a structure", () => {
  it("has zeros for members that are left out, and holds structures", () => {
    const outer = struct("outer", { first: pair, rest: block(2), last: u8 });
    expect(outer.size).toBe(7);
    expect(written(outer, { last: 9, first: { large: 0x0102 } })).toEqual([0, 0, 1, 2, 0, 0, 9]);
    const value = {
      first: { small: 1, pad: 2, large: 0x0304 },
      rest: Uint8Array.of(5, 6),
      last: 7,
    };
    expect(read(outer, 1, 2, 3, 4, 5, 6, 7)).toEqual(value);
  });

  it("names the member that does not fit, and is read whole or not at all", () => {
    expect(() => written(pair, { large: 65_536 })).toThrow(/^pair\.large: u16be must be .* 65535/);
    expect(() => read(pair, 1, 2, 3)).toThrow("pair: 4 bytes wanted at byte 0, 3 remain");
    expect(() => written(block(3), Uint8Array.of(1))).toThrow(CodecError);
  });

  it("comes back as it was", () => {
    const whole = struct("whole", { a: u8, b: u16, c: u32, d: u64 });
    const values = fc.record({
      a: fc.nat(255),
      b: fc.nat(65_535),
      c: fc.nat(2 ** 32 - 1),
      d: fc.maxSafeNat(),
    });
    fc.assert(
      fc.property(values, (value) => {
        expect(read(whole, ...written(whole, value))).toEqual(value);
      }),
    );
  });
});

describe("a message", () => {
  const three = struct("three", { all: block(3) });
  const codec = message(three, attributes({ id: attr(1, "ID", u8) }));

  it("has its attributes at a multiple of four", () => {
    const bytes = [1, 2, 3, 0, 5, 0, 1, 0, 7, 0, 0, 0];
    const value = { header: { all: Uint8Array.of(1, 2, 3) }, attributes: { id: 7 } };
    expect(written(codec, value)).toEqual(bytes);
    expect(read(codec, ...bytes)).toEqual(value);
    expect(written(codec, {})).toEqual([0, 0, 0, 0]);
    expect(read(codec, 1, 2, 3)).toEqual({ header: value.header, attributes: {} });
  });
});

describe("a counted array", () => {
  const codec = counted(struct("head", { flags: u8, count: u8 }), "count", u16be);

  it("is as long as its head says", () => {
    expect(written(codec, { flags: 5, items: [1, 2] })).toEqual([5, 2, 0, 1, 0, 2]);
    expect(read(codec, 5, 1, 0, 1, 9, 9)).toEqual({ flags: 5, count: 1, items: [1] });
    expect(() => read(codec, 5, 3, 0, 1)).toThrow(CodecError);
  });

  it("has no more items than its head can count", () => {
    const items = Array.from({ length: 256 }, () => 0);
    expect(() => written(codec, { items })).toThrow("head.count: u8 must be an integer");
  });

  it("comes back as it was", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(65_535), { maxLength: 255 }), (items) => {
        const value = { flags: 1, count: items.length, items };
        expect(read(codec, ...written(codec, value))).toEqual(value);
      }),
    );
  });
});

describe("an element of an array", () => {
  it("is there if the array is long enough", () => {
    const codec = element(2, u16be);
    expect(read(codec, 0, 1, 0, 2, 0, 3, 0, 4)).toBe(3);
    expect(read(codec, 0, 1, 0, 2, 0)).toBeUndefined();
    expect(written(codec, 3)).toEqual([0, 0, 0, 0, 0, 3]);
    expect(written(codec, undefined)).toEqual([]);
  });
});

describe("records", () => {
  const head = struct("head", { length: u16, kind: u8, pad: u8 });
  const codec = records(message(head, attributes({ id: attr(1, "ID", u8) })));

  it("begin with their length, each at a multiple of four", () => {
    const bytes = [9, 0, 7, 0, 5, 0, 1, 0, 6, 0, 0, 0, 4, 0, 8, 0];
    const value = [
      { header: { length: 9, kind: 7, pad: 0 }, attributes: { id: 6 } },
      { header: { length: 4, kind: 8, pad: 0 }, attributes: {} },
    ];
    expect(read(codec, ...bytes)).toEqual(value);
    expect(read(codec)).toEqual([]);
    const [first, second] = value;
    const written12 = [12, 0, 7, 0, 5, 0, 1, 0, 6, 0, 0, 0, 4, 0, 8, 0];
    expect(
      written(
        codec,
        [first, second].flatMap((each) => each ?? []),
      ),
    ).toEqual(written12);
  });

  it("are refused where a length lies", () => {
    expect(() => read(codec, 5, 0, 7, 0)).toThrow("item at byte 0 claims 5 bytes, 4 remain");
    expect(() => read(codec, 0, 0, 7, 0)).toThrow(CodecError);
    expect(() => read(codec, 4, 0, 7, 0, 9)).toThrow(CodecError);
  });
});
