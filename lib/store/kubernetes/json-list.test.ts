import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { JsonList } from "./json-list.ts";

vi.mock("host", () => ({
  decode: (bytes: Uint8Array) => {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      return undefined;
    }
  },
}));

/** Reads a text in pieces of so many bytes: the names of the items, and the list or what is wrong with it. */
function read(text: string, piece = text.length || 1, most = 1 << 20) {
  const names: unknown[] = [];
  const bytes = new TextEncoder().encode(text);
  const reader = new JsonList({ onItem: ({ name }) => names.push(name), kind: "Node", most });
  for (let at = 0; at < bytes.length; at += piece) {
    const fault = reader.push(bytes.subarray(at, at + piece));
    if (fault !== undefined) return { names, list: fault };
  }
  return { names, list: reader.finish() };
}

const item = (name: string, more: object = {}) => ({ metadata: { name }, name, ...more });
const listOf = (...items: readonly object[]) => ({
  kind: "NodeList",
  metadata: { resourceVersion: "7" },
  items,
});

describe("a list", () => {
  it.each<readonly [string, string]>([
    ["as the API server writes it", JSON.stringify(listOf(item("a"), item("b"), item("c")))],
    ["for people", JSON.stringify(listOf(item("a"), item("b"), item("c")), null, 2)],
    [
      "with its items first",
      JSON.stringify({
        items: [item("a"), item("b"), item("c")],
        kind: "NodeList",
        metadata: { resourceVersion: "7" },
      }),
    ],
    [
      "of items that look like several",
      JSON.stringify(listOf(item("a", { x: [item("y"), item("z")] }), item("b"), item("c"))),
    ],
    [
      "of items that end as lists do",
      JSON.stringify(listOf(item("a"), item("b"), item("c", { x: [{}, { y: [{}] }] }))),
    ],
    [
      "of kinds",
      JSON.stringify(
        listOf(item("a"), { kind: "Node", ...item("b") }, { kind: "Node", ...item("c") }),
      ),
    ],
  ])("%s is read, in pieces of any length", (_, text) => {
    for (const piece of [1, 7, 100, text.length]) {
      const { names, list } = read(`${text}\n`, piece);
      expect(names).toEqual(["a", "b", "c"]);
      expect(list).toEqual({ kind: "NodeList", metadata: { resourceVersion: "7" }, items: [] });
    }
  });

  it.each(["[]", "[ ]", "null"])("without items, %s, is one", (items) => {
    expect(read(`{"kind":"NodeList","items":${items},"metadata":{}}`)).toEqual({
      names: [],
      list: { kind: "NodeList", items: items === "null" ? null : [], metadata: {} },
    });
  });

  it.each([
    ["", "it is no list in JSON"],
    ["<html>", "it is no list in JSON"],
    ['{"items":[', "it breaks off"],
    ['{"items":[{"name":"a"}', "it breaks off"],
    ['{"items":[{"name":"a"}]', "it breaks off"],
    ['{"items":[{"name":"a"},', "it breaks off"],
    ['{"items":[7]}', "it breaks off"],
  ])("%j is none", (text, fault) => {
    expect(read(text).list).toBe(fault);
  });

  it("whose item does not end is refused, and not kept", () => {
    const text = `{"items":[${JSON.stringify(item("a"))},{"metadata":"${"x".repeat(5000)}`;
    expect(read(text, 100, 4096)).toEqual({
      names: ["a"],
      list: "a part of it is longer than 4 KB",
    });
  });

  it("is what JSON.parse says, whatever is in it", () => {
    const items = fc.array(fc.tuple(fc.string(), fc.jsonValue()), { maxLength: 8 });
    fc.assert(
      fc.property(items, fc.integer({ min: 1, max: 50 }), fc.nat(2), (values, piece, indent) => {
        const all = values.map(([name, value]) => item(name, { value }));
        const { names, list } = read(JSON.stringify(listOf(...all), null, indent), piece);
        expect(names).toEqual(values.map(([name]) => name));
        expect(list).toEqual(listOf());
      }),
    );
  });
});
