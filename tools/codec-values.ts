/** Values for layouts, most of which they hold, and some that they refuse. */
import fc from "fast-check";
import type { AnyLayout } from "../lib/bytes/layout.ts";
import type { Data, Holder, Integer, Row, Rows, Variant } from "../lib/bytes/reference/data.ts";

/** So deep a layout may hold itself. */
const MOST_LEVELS = 3;

/** Values for a layout. */
export function valuesOf(layout: AnyLayout): fc.Arbitrary<unknown> {
  return valuesFor(layout.program as unknown as Data, 0);
}

/** Of ten values one is not what it should be. */
function mostly(right: fc.Arbitrary<unknown>, ...wrong: readonly fc.Arbitrary<unknown>[]) {
  return fc.oneof({ weight: 9, arbitrary: right }, { weight: 1, arbitrary: fc.oneof(...wrong) });
}

function valuesFor(data: Data, level: number): fc.Arbitrary<unknown> {
  switch (data.kind) {
    case "integer":
      return numbersOf(data);
    case "block":
      return mostly(bytesOf(data.size), fc.uint8Array({ maxLength: 40 }));
    case "bytes":
      return data.lengths.length > 0
        ? mostly(fc.constantFrom(...data.lengths).chain(bytesOf), fc.uint8Array({ maxLength: 20 }))
        : fc.uint8Array({ maxLength: 20 });
    case "text":
      return mostly(fc.string({ maxLength: 20 }), fc.string({ unit: "binary" }), anyText);
    case "struct":
      return members(data.members, level);
    case "message":
      return members(
        [
          { name: "header", codec: data.header },
          { name: "attributes", codec: data.attributes },
        ],
        level,
      );
    case "packed":
      return fc.constant("");
    case "attributes":
      return mostly(attributesOf(data.rows, level), fc.constant({ notThere: 1 }));
    case "only":
      return fc.option(rowOf(data.row, level), { nil: undefined });
    case "list":
      return fc.array(rowOf(data.row, level), { maxLength: 3 });
    case "variant":
      return variantOf(data, level);
    case "shared":
      return members(data.parts, level);
    case "recursive":
      return data.layout && level < MOST_LEVELS
        ? valuesFor(data.layout, level + 1)
        : fc.constant({});
    case "counted":
      return fc
        .tuple(members(data.head.program.members, level), itemsOf(data.item, level))
        .map(([head, items]) => ({ ...(head as object), items }));
    case "element":
      return fc.option(valuesFor(data.item.program, level), { nil: undefined });
    case "records":
      return itemsOf(data.item, level);
    case "parts":
      return members(
        Object.entries(data.rows).map(([name, { codec }]) => ({ name, codec })),
        level,
      );
  }
}

/** Also half pairs of surrogates. */
const anyText = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 10 })
  .map((codes) => String.fromCharCode(...codes));

function bytesOf(length: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: length, maxLength: length });
}

function numbersOf({ size, isSigned }: Integer): fc.Arbitrary<unknown> {
  const bits = 8 * size - (isSigned ? 1 : 0);
  const least = isSigned ? -(2 ** bits) : 0;
  const largest = Math.min(2 ** bits - 1, Number.MAX_SAFE_INTEGER);
  const edges = [least, largest, -0, least - 1, largest + 1, -1, 0.5, -0.5, 1e21, -1e300];
  return mostly(
    fc.oneof(fc.nat(255), fc.double({ min: least, max: largest, noNaN: true }).map(Math.trunc)),
    fc.constantFrom(...edges, Number.NaN, Number.POSITIVE_INFINITY),
    fc.constantFrom("7", true, null, "x"),
  );
}

interface Member {
  readonly name: string;
  readonly codec: Holder;
}

/** Some of the members, in any order. */
function members(all: readonly Member[], level: number): fc.Arbitrary<unknown> {
  const some = all.map(({ name, codec }) => {
    const value = codec.program.kind === "recursive" && level >= MOST_LEVELS;
    return fc.tuple(
      fc.constant(name),
      value ? fc.constant(undefined) : valuesFor(codec.program, level),
    );
  });
  return fc
    .tuple(fc.tuple(...some), fc.shuffledSubarray(all.map((_, i) => i)))
    .map(([entries, order]) => Object.fromEntries(order.map((i) => entries[i] ?? ["", undefined])));
}

function attributesOf(rows: Rows, level: number): fc.Arbitrary<unknown> {
  const all = Object.entries(rows).map(([key, row]) =>
    fc.tuple(
      fc.constant(key),
      row.isRepeated ? fc.array(rowOf(row, level), { maxLength: 3 }) : rowOf(row, level),
    ),
  );
  return fc
    .tuple(fc.tuple(...all), fc.shuffledSubarray(all.map((_, i) => i)))
    .map(([entries, order]) => Object.fromEntries(order.map((i) => entries[i] ?? ["", undefined])));
}

function rowOf({ codec }: Row, level: number): fc.Arbitrary<unknown> {
  return valuesFor(codec.program, level);
}

function itemsOf({ program }: Holder, level: number): fc.Arbitrary<unknown[]> {
  return fc.array(valuesFor(program, level), { maxLength: 3 });
}

function variantOf({ kinds }: Variant, level: number): fc.Arbitrary<unknown> {
  const known = Object.entries(kinds).map(([kind, { program }]) =>
    fc.record(
      { kind: fc.constant(kind), data: valuesFor(program, level) },
      { requiredKeys: ["kind"] },
    ),
  );
  const kind = fc.constantFrom("", "other", "constructor", "__proto__", "a\0b", "ü");
  return fc.oneof(...known, fc.record({ kind }));
}
