/**
 * Tables are data: a copy of their members alone, without any function, says all there is to know.
 * A second, plain interpreter reads by such copies what the first one reads, and refuses the same.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { vector } from "../../tools/vector.ts";
import { type Codec, CodecError, Reader } from "../bytes/codec.ts";
import { cstring } from "../bytes/scalar.ts";
import { addressMessage } from "./address.ts";
import { flowMessage } from "./conntrack.ts";
import { filterMessage } from "./filter.ts";
import { linkMessage, linkStateMessage, wholeLinkMessage } from "./link.ts";
import { nlmsghdr, splitMessages } from "./message.ts";
import { neighbourMessage } from "./neighbour.ts";
import { chainMessage, elementsMessage, keysMessage, ruleMessage, setMessage } from "./nftables.ts";
import { qdiscMessage } from "./qdisc.ts";
import { routeMessage } from "./route.ts";
import { policyRuleMessage } from "./rule.ts";
import { socketMessage } from "./sockets.ts";
import { portVlansMessage } from "./vlan.ts";
import { wholeRouteMessage } from "./whole-route.ts";

const tables: { readonly [name: string]: Codec<unknown> } = {
  nlmsghdr,
  addressMessage,
  chainMessage,
  elementsMessage,
  filterMessage,
  flowMessage,
  keysMessage,
  linkMessage,
  linkStateMessage,
  neighbourMessage,
  policyRuleMessage,
  portVlansMessage,
  qdiscMessage,
  routeMessage,
  ruleMessage,
  setMessage,
  socketMessage,
  wholeLinkMessage,
  wholeRouteMessage,
};

/* ---- the second interpreter ---- */

interface Row {
  readonly number: number;
  readonly codec: Data;
  readonly isRepeated?: boolean;
}
type Rows = { readonly [key: string]: Row };

/** The kinds of layouts, and what each has to say. */
type Data =
  | {
      readonly kind: "integer";
      readonly size: number;
      readonly isSigned: boolean;
      readonly isBigEndian: boolean;
    }
  | { readonly kind: "block"; readonly size: number }
  | { readonly kind: "bytes"; readonly lengths: readonly number[] }
  | { readonly kind: "text" }
  | {
      readonly kind: "struct";
      readonly size: number;
      readonly members: readonly {
        readonly name: string;
        readonly offset: number;
        readonly codec: Data;
      }[];
    }
  | { readonly kind: "message"; readonly header: Data; readonly attributes: Data }
  | { readonly kind: "attributes"; readonly rows: Rows }
  | { readonly kind: "only" | "list"; readonly row: Row }
  | {
      readonly kind: "variant";
      readonly rows: { readonly kind: Row; readonly data: { readonly number: number } };
      readonly kinds: { readonly [kind: string]: Data };
    }
  | {
      readonly kind: "shared";
      readonly parts: readonly { readonly name: string; readonly codec: Data }[];
    }
  | { readonly kind: "recursive"; readonly layout: Data }
  | { readonly kind: "counted"; readonly head: Data; readonly count: string; readonly item: Data }
  | { readonly kind: "element"; readonly index: number; readonly item: Data }
  | { readonly kind: "records"; readonly item: Data }
  | { readonly kind: "parts"; readonly rows: Rows };

/** A value, and the bytes behind it. */
interface Read {
  readonly value: unknown;
  readonly rest: Uint8Array;
}

class Refused extends Error {}

function first(bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.length < size) throw new Refused("too short");
  return bytes.slice(0, size);
}

function integer(bytes: Uint8Array, isSigned: boolean, isBigEndian: boolean): number {
  const ordered = isBigEndian ? bytes : bytes.toReversed();
  const value = Number(`0x${Buffer.from(ordered).toString("hex")}`);
  return isSigned ? value | 0 : value;
}

function* attributesIn(bytes: Uint8Array): Generator<readonly [type: number, value: Uint8Array]> {
  let rest = bytes;
  while (rest.length >= 4) {
    const length = integer(rest.slice(0, 2), false, false);
    if (length < 4 || length > rest.length) throw new Refused("length");
    yield [integer(rest.slice(2, 4), false, false) % 0x4000, rest.slice(4, length)];
    rest = rest.slice(Math.ceil(length / 4) * 4);
  }
  if (rest.length > 0) throw new Refused("stray bytes");
}

function whole(layout: Data, bytes: Uint8Array): unknown {
  const { value, rest } = read(layout, bytes);
  if (rest.length > 0) throw new Refused("too long");
  return value;
}

function readRows(rows: Rows, bytes: Uint8Array): object {
  const value: { [key: string]: unknown } = {};
  for (const [type, content] of attributesIn(bytes)) {
    for (const [key, row] of Object.entries(rows)) {
      if (row.number !== type) continue;
      const found = whole(row.codec, content);
      const before = (value[key] ?? []) as readonly unknown[];
      value[key] = row.isRepeated ? [...before, found] : found;
    }
  }
  return value;
}

function readParts(rows: Rows, bytes: Uint8Array): object {
  const value: { [key: string]: unknown } = {};
  let rest = bytes;
  while (rest.length >= 2) {
    const [type, length = 0] = rest;
    for (const [key, row] of Object.entries(rows)) {
      if (row.number === type) value[key] = read(row.codec, rest.slice(2, 2 + length)).value;
    }
    rest = rest.slice(2 + length);
  }
  return value;
}

function read(layout: Data, bytes: Uint8Array): Read {
  const all = (value: unknown): Read => ({ value, rest: new Uint8Array(0) });
  switch (layout.kind) {
    case "integer": {
      const { size, isSigned, isBigEndian } = layout;
      return { value: integer(first(bytes, size), isSigned, isBigEndian), rest: bytes.slice(size) };
    }
    case "block":
      return { value: first(bytes, layout.size), rest: bytes.slice(layout.size) };
    case "bytes": {
      const { lengths } = layout;
      if (lengths.length > 0 && !lengths.includes(bytes.length)) throw new Refused("length");
      return all(bytes);
    }
    case "text":
      return all(cstring.read(new Reader(bytes)));
    case "struct": {
      const own = first(bytes, layout.size);
      const entries = layout.members.map(({ name, offset, codec }) => [
        name,
        read(codec, own.slice(offset)).value,
      ]);
      return { value: Object.fromEntries(entries), rest: bytes.slice(layout.size) };
    }
    case "message": {
      const { value: header, rest } = read(layout.header, bytes);
      const size = bytes.length - rest.length;
      const { value: attributes } = read(layout.attributes, bytes.slice(Math.ceil(size / 4) * 4));
      return all({ header, attributes });
    }
    case "attributes":
      return all(readRows(layout.rows, bytes));
    case "only": {
      const { only } = readRows({ only: layout.row }, bytes) as { readonly only?: unknown };
      return all(only);
    }
    case "list": {
      const rows = { list: { ...layout.row, isRepeated: true } };
      const { list = [] } = readRows(rows, bytes) as { readonly list?: unknown };
      return all(list);
    }
    case "variant": {
      let kind = "";
      let data: unknown;
      for (const [type, content] of attributesIn(bytes)) {
        if (type === layout.rows.kind.number) kind = String(whole(layout.rows.kind.codec, content));
        const own = Object.hasOwn(layout.kinds, kind) ? layout.kinds[kind] : undefined;
        if (type === layout.rows.data.number && own) data = whole(own, content);
      }
      return all({ kind, data });
    }
    case "shared": {
      const entries = layout.parts.map(({ name, codec }) => [name, read(codec, bytes).value]);
      return all(Object.fromEntries(entries));
    }
    case "recursive":
      return read(layout.layout, bytes);
    case "counted": {
      const head = read(layout.head, bytes);
      const value = head.value as { readonly [count: string]: number };
      let { rest } = head;
      const items = Array.from({ length: value[layout.count] ?? 0 }, () => {
        const item = read(layout.item, rest);
        ({ rest } = item);
        return item.value;
      });
      return { value: { ...value, items }, rest };
    }
    case "element": {
      const { index, item } = layout;
      const size = "size" in item ? item.size : 0;
      const at = index * size;
      return all(bytes.length < at + size ? undefined : read(item, bytes.slice(at)).value);
    }
    case "records": {
      const items: unknown[] = [];
      let rest = bytes;
      while (rest.length > 0) {
        const length = integer(first(rest, 2), false, false);
        items.push(whole(layout.item, first(rest, length)));
        rest = rest.slice(Math.max(length + 3, 4) & ~3);
      }
      return all(items);
    }
    case "parts":
      return all(readParts(layout.rows, bytes));
  }
}

/* ---- what both say ---- */

function outcome(body: () => unknown): unknown {
  try {
    return { value: body() };
  } catch (cause) {
    if (cause instanceof Refused || cause instanceof CodecError) return "refused";
    throw cause;
  }
}

const bodies = readdirSync(join(import.meta.dirname, "vectors"))
  .flatMap((file) => splitMessages(vector(file.replace(/\.hex$/, ""))))
  .map(({ body }) => body.bytes.slice(body.at, body.end));

describe.each(Object.entries(tables))("%s", (_, table) => {
  /** Functions cannot be cloned, and what a class adds is not. */
  const copy = structuredClone(table) as unknown as Data;

  function expectSame(bytes: Uint8Array): void {
    const expected = outcome(() => read(copy, bytes).value);
    expect(outcome(() => table.read(new Reader(bytes)))).toEqual(expected);
  }

  it("is read by its data alone, whatever the message", () => {
    for (const bytes of bodies) expectSame(bytes);
  });

  it("is refused by its data alone, whatever is wrong", () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...bodies), fc.nat(), damage, (body, length, changes) => {
        const bytes = body.slice(0, length % (2 * body.length));
        for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
        expectSame(bytes);
      }),
      { numRuns: 500 },
    );
  });
});
