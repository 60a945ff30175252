import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { joined, lengthField, utf8, varint } from "../../../../spec-tests/agent/kube-protobuf.ts";
import { CodecError } from "../../../bytes/codec.ts";
import { bytes, field, map, message, readMessage, repeated, text, whole } from "./message.ts";

vi.mock("host", () => ({
  decode: (given: Uint8Array, from: number, to: number) => {
    try {
      const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
      return decoder.decode(given.subarray(from, to));
    } catch {
      return undefined;
    }
  },
}));

const inner = message("Inner", { name: field(1, text), far: field(300, whole) });
const outer = message("Outer", {
  name: field(1, text),
  count: field(2, whole),
  raw: field(3, bytes),
  one: field(4, inner),
  all: repeated(5, inner),
  words: repeated(6, text),
  labels: map(7),
});

/** A field that is a number. */
const numberField = (number: number, value: number | bigint) =>
  joined(varint(number * 8), varint(value));

interface Inner {
  readonly name?: string | undefined;
  readonly far?: number | undefined;
}

function innerBytes({ name, far }: Inner): Uint8Array {
  return joined(
    ...(name === undefined ? [] : [lengthField(1, utf8(name))]),
    ...(far === undefined ? [] : [numberField(300, far)]),
  );
}

const absent = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const words = fc.string({ unit: "grapheme", maxLength: 200 });
const inners = fc.record({ name: absent(words), far: absent(fc.maxSafeNat()) });
const values = fc.record({
  name: absent(words),
  count: absent(fc.maxSafeNat()),
  raw: absent(fc.uint8Array({ maxLength: 300 })),
  one: absent(inners),
  all: absent(fc.array(inners, { minLength: 1, maxLength: 4 })),
  words: absent(fc.array(words, { minLength: 1, maxLength: 4 })),
  labels: absent(fc.dictionary(words, words, { minKeys: 1, maxKeys: 4 })),
});

/** Fields that the table does not have. */
const strange = fc.oneof(
  fc
    .tuple(fc.integer({ min: 8, max: 2 ** 29 - 1 }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
    .map(([number, value]) => numberField(number, value)),
  fc
    .tuple(fc.integer({ min: 8, max: 2 ** 29 - 1 }), fc.uint8Array({ maxLength: 300 }))
    .map(([number, value]) => lengthField(number, value)),
  fc
    .integer({ min: 8, max: 2 ** 29 - 1 })
    .map((number) => joined(varint(number * 8 + 1), new Uint8Array(8))),
  fc
    .integer({ min: 8, max: 2 ** 29 - 1 })
    .map((number) => joined(varint(number * 8 + 5), new Uint8Array(4))),
);

type Outer = typeof values extends fc.Arbitrary<infer T> ? T : never;

/** Its fields, each by itself, as a plain writer has them. */
function outerFields({ name, count, raw, one, all = [], words: list = [], labels }: Outer) {
  const pairs = Object.entries(labels ?? {});
  return [
    ...(name === undefined ? [] : [lengthField(1, utf8(name))]),
    ...(count === undefined ? [] : [numberField(2, count)]),
    ...(raw === undefined ? [] : [lengthField(3, raw)]),
    ...(one === undefined ? [] : [lengthField(4, innerBytes(one))]),
    ...all.map((each) => lengthField(5, innerBytes(each))),
    ...list.map((each) => lengthField(6, utf8(each))),
    ...pairs.map(([key, value]) =>
      lengthField(7, joined(lengthField(1, utf8(key)), lengthField(2, utf8(value)))),
    ),
  ];
}

/** Without the members that are undefined. */
function compact(value: unknown): unknown {
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(compact);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([key, member]) => [key, compact(member)]));
}

describe("a message", () => {
  it("is what was written, whatever else comes between its fields", () => {
    const extra = fc.array(strange, { maxLength: 5 });
    fc.assert(
      fc.property(values, extra, fc.infiniteStream(fc.nat()), (value, others, places) => {
        const fields = outerFields(value);
        for (const other of others) {
          fields.splice((places.next().value ?? 0) % (fields.length + 1), 0, other);
        }
        expect(compact(readMessage(outer, joined(...fields)))).toEqual(compact(value));
      }),
      { numRuns: 500 },
    );
  });

  it("has what a field says last, and of messages what each of them says", () => {
    const twice = joined(
      lengthField(1, utf8("a")),
      lengthField(4, innerBytes({ name: "b" })),
      lengthField(1, utf8("c")),
      lengthField(4, innerBytes({ far: 7 })),
    );
    expect(readMessage(outer, twice)).toEqual({ name: "c", one: { name: "b", far: 7 } });
    expect(readMessage(outer, new Uint8Array(0))).toEqual({});
  });

  it.each<readonly [string, Uint8Array, string]>([
    ["breaks off in a tag", Uint8Array.of(0x80), "Outer: 1 bytes wanted at byte 1, 0 remain"],
    ["breaks off before a length", Uint8Array.of(10), "Outer: 1 bytes wanted at byte 1, 0 remain"],
    ["breaks off in a text", Uint8Array.of(10, 2, 97), "Outer.name: 2 bytes claimed, 1 remain"],
    [
      "breaks off in what it does not know",
      Uint8Array.of(122, 9),
      "Outer: 9 bytes claimed, 0 remain",
    ],
    [
      "has a part that is longer than itself",
      Uint8Array.of(34, 2, 10, 9, 0),
      "Outer.one.Inner.name: 9 bytes claimed, 0 remain",
    ],
    [
      "has a text that is not UTF-8",
      Uint8Array.of(10, 1, 0xff),
      "Outer.name: text that is not UTF-8",
    ],
    ["has a number for a text", Uint8Array.of(8, 1), "Outer.name: it is of wire type 0"],
    ["has a text for a number", Uint8Array.of(18, 1, 0), "Outer.count: it is of wire type 2"],
    [
      "has a number below zero",
      numberField(2, -1),
      "Outer.count: a number that is negative, or too large",
    ],
    ["has a group", Uint8Array.of(99), "Outer: a field of wire type 3 at byte 1"],
    [
      "has a field without a number",
      Uint8Array.of(2, 0),
      "Outer: no field has the tag 2, at byte 0",
    ],
    [
      "has a number that does not end",
      joined(varint(8 * 8), new Uint8Array(11).fill(0x80)),
      "Outer: a number of more than 10 bytes before byte 11",
    ],
  ])("that %s is refused", (_, given, fault) => {
    expect(() => readMessage(outer, given)).toThrow(new CodecError(fault));
  });

  it("that is damaged or cut off is a value or an error, at once", () => {
    fc.assert(
      fc.property(values, fc.nat(), fc.nat(255), fc.boolean(), (value, place, byte, isCut) => {
        const given = joined(...outerFields(value));
        const at = place % (given.length + 1);
        const damaged = isCut
          ? given.subarray(0, at)
          : given.map((old, i) => (i === at ? byte : old));
        try {
          readMessage(outer, damaged);
        } catch (cause) {
          expect(cause).toBeInstanceOf(CodecError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
