import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attr, attributes, list, only, repeated } from "./attributes.ts";
import { CodecError, Reader } from "./codec.ts";
import * as layout from "./layout.ts";
import { parts } from "./parts.ts";
import { bytes, cstring, u8, u16be } from "./scalar.ts";
import { recursive, resolved, shared, variant } from "./variant.ts";

function written<T>(codec: layout.Layout<T>, value: T): readonly number[] {
  return Array.from(layout.write(codec, value));
}

function read<T>(codec: layout.Layout<T>, ...bytes: readonly number[]): T {
  return layout.read(codec, new Reader(Uint8Array.from(bytes)));
}

const one = attr(1, "ONE", u8);
const two = attr(2, "TWO", u16be);
const table = attributes({ one, two });

describe("a table of attributes", () => {
  it("has what is given, in that order, each up to a multiple of four", () => {
    const all = [6, 0, 2, 0, 1, 2, 0, 0, 5, 0, 1, 0, 7, 0, 0, 0];
    expect(written(table, { two: 0x0102, one: 7 })).toEqual(all);
    expect(read(table, ...all)).toEqual({ two: 0x0102, one: 7 });
    expect(read(table)).toEqual({});
  });

  it("passes over what it does not know, and refuses what it knows in another size", () => {
    expect(read(table, 4, 0, 9, 0, 5, 0, 1, 0x40, 7)).toEqual({ one: 7 });
    expect(() => read(table, 6, 0, 1, 0, 7, 7)).toThrow("ONE: 1 bytes too many at byte 5");
    expect(() => read(table, 4, 0, 2, 0)).toThrow("TWO: 2 bytes wanted at byte 4, 0 remain");
    expect(() => read(table, 9, 0, 2, 0)).toThrow("attribute at byte 0 claims 9 bytes, 4 remain");
    expect(() => read(table, 3, 0, 2, 0)).toThrow(CodecError);
    expect(() => read(table, 4, 0, 9, 0, 1)).toThrow("1 stray bytes at byte 4");
  });

  it("refuses names it does not have, and values longer than their length can say", () => {
    const value = { three: 3 } as unknown as { readonly one: number };
    expect(() => written(table, value)).toThrow('no attribute "three"');
    const raw = attributes({ raw: attr(1, "RAW", bytes) });
    expect(written(raw, { raw: new Uint8Array(65_531) }).slice(0, 4)).toEqual([255, 255, 1, 0]);
    expect(() => written(raw, { raw: new Uint8Array(65_532) })).toThrow("RAW: longer than 65535");
  });

  it("marks nests, and names the way to what is wrong in one", () => {
    const outer = attributes({ inner: attr(3, "INNER", table) });
    const bytes = [12, 0, 3, 0x80, 5, 0, 1, 0, 7, 0, 0, 0];
    expect(written(outer, { inner: { one: 7 } })).toEqual(bytes);
    expect(read(outer, ...bytes)).toEqual({ inner: { one: 7 } });
    expect(() => written(outer, { inner: { one: 256 } })).toThrow(/^INNER\.ONE: u8 must be/);
  });
});

describe("repeated attributes", () => {
  const mixed = attributes({ one, all: repeated(two) });

  it("are one value between others", () => {
    const all = [6, 0, 2, 0, 0, 3, 0, 0, 5, 0, 1, 0, 7, 0, 0, 0, 6, 0, 2, 0, 0, 4, 0, 0];
    expect(read(mixed, ...all)).toEqual({ one: 7, all: [3, 4] });
    expect(written(mixed, { all: [3] })).toEqual([6, 0, 2, 0, 0, 3, 0, 0]);
    expect(read(mixed, 5, 0, 1, 0, 7)).toEqual({ one: 7 });
  });

  it("are a list where there are no others", () => {
    const twos = list(two);
    expect(read(twos, 6, 0, 2, 0, 0, 3, 0, 0, 5, 0, 1, 0, 7)).toEqual([3]);
    fc.assert(
      fc.property(fc.array(fc.nat(65_535)), (values) => {
        const all = written(twos, values);
        expect(read(twos, ...all)).toEqual(values);
        expect(read(mixed, ...all)).toEqual(values.length > 0 ? { all: values } : {});
      }),
    );
  });
});

describe("a nest of which one attribute matters", () => {
  it("is the value of that attribute", () => {
    const codec = attributes({ inner: attr(3, "INNER", only(two)) });
    const bytes = [20, 0, 3, 0x80, 5, 0, 1, 0, 7, 0, 0, 0, 6, 0, 2, 0, 0, 3, 0, 0];
    expect(read(codec, ...bytes)).toEqual({ inner: 3 });
    expect(written(codec, { inner: 3 })).toEqual([12, 0, 3, 0x80, 6, 0, 2, 0, 0, 3, 0, 0]);
    expect(read(only(two), 5, 0, 1, 0, 7)).toBeUndefined();
    expect(written(only(two), undefined)).toEqual([]);
  });
});

describe("a variant", () => {
  const rows = { kind: attr(1, "KIND", cstring), data: { number: 2, name: "DATA" } };
  const codec = variant(rows, { table, short: u8 });
  const kind = [6, 0, 1, 0, 0x78, 0, 0, 0];

  it("has the data of its kind", () => {
    for (const value of [
      { kind: "short", data: 3 },
      { kind: "table", data: { one: 7 } },
      { kind: "table" },
    ] as const) {
      expect(read(codec, ...written(codec, value))).toEqual(value);
    }
    expect(() => written(codec, { kind: "short", data: 256 })).toThrow(/^DATA: u8 must be/);
  });

  it("passes over the data of kinds it does not know, whatever their names", () => {
    expect(read(codec, ...kind, 5, 0, 2, 0, 9, 0, 0, 0)).toEqual({ kind: "x" });
    for (const name of ["constructor", "__proto__", "toString"]) {
      const all = written(attributes({ kind: rows.kind }), { kind: name });
      expect(read(codec, ...all, 5, 0, 2, 0, 9, 0, 0, 0)).toEqual({ kind: name });
    }
  });

  it("may have no kind, and then has no data", () => {
    expect(read(codec, 5, 0, 2, 0, 9, 0, 0, 0)).toEqual({ kind: "" });
    expect(written(codec, { kind: "" })).toEqual([]);
  });

  it("shares its nest with another", () => {
    const other = { kind: attr(4, "OTHER", cstring), data: { number: 5, name: "OTHER_DATA" } };
    const both = shared({ own: codec, port: variant(other, { short: u16be }) });
    const value = { own: { kind: "short", data: 3 }, port: { kind: "short", data: 0x0102 } };
    expect(read(both, ...written(both, value as never))).toEqual(value);
    const none = { own: { kind: "" }, port: { kind: "short", data: 1 } };
    expect(read(both, ...written(both, { port: none.port } as never))).toEqual(none);
  });
});

describe("a recursive layout", () => {
  interface Tree {
    readonly label?: number;
    readonly branches?: readonly Tree[];
  }
  const branch = recursive<Tree>();
  const branches = list(attr(1, "BRANCH", branch));
  const rows = { label: attr(1, "LABEL", u8), branches: attr(2, "BRANCHES", branches) };
  const tree: layout.Layout<Tree> = resolved(branch, attributes(rows));

  it("holds itself", () => {
    const trees = fc.letrec<{ tree: Tree }>((tie) => ({
      tree: fc.record(
        {
          label: fc.nat(255),
          branches: fc.array(tie("tree"), { maxLength: 2 }),
        },
        { requiredKeys: [] },
      ),
    })).tree;
    fc.assert(
      fc.property(trees, (value) => {
        expect(read(tree, ...written(tree, value))).toEqual(value);
      }),
      { numRuns: 50 },
    );
  });
});

describe("parts of user data", () => {
  const codec = parts({
    comment: attr(0, "COMMENT", cstring),
    holder: attr(64, "HOLDER", cstring),
  });

  it("have a byte of type and a byte of length", () => {
    const all = [0, 2, 0x61, 0, 64, 1, 0];
    expect(written(codec, { holder: "", comment: "a" })).toEqual(all);
    expect(read(codec, ...all)).toEqual({ comment: "a", holder: "" });
  });

  it("of others are passed over, and whatever is no part", () => {
    expect(read(codec, 7, 1, 9, 0, 1, 0x61, 3)).toEqual({ comment: "a" });
    expect(read(codec, 0, 200, 0x61)).toEqual({ comment: "a" });
    fc.assert(
      fc.property(fc.uint8Array(), (all) => {
        expect(() => read(codec, ...all)).not.toThrow();
      }),
    );
  });

  it("are no longer than their length can say", () => {
    expect(() => written(codec, { comment: "x".repeat(255) })).toThrow("u8 must be an integer");
  });
});
