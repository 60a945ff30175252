/** What a real API server has answered (kube-apiserver 1.34.4), in both codings. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { objectBytes } from "../../../spec-tests/agent/kube-protobuf.ts";
import type { JsonObject } from "../../overlay/contract/host.ts";
import { annotationNames } from "./annotations.ts";
import { listReader, statusMessage, watchReader } from "./coding.ts";
import { factsOf } from "./node.ts";
import type { WatchEvent } from "./reading.ts";

vi.mock("host", () => ({
  decode: (bytes: Uint8Array, from?: number, to?: number) => {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(from, to));
    } catch {
      return undefined;
    }
  },
}));

interface Answer {
  readonly status: number;
  readonly type: string;
  /** In Protocol Buffers it is kept in base64. */
  readonly body: string;
}

const file = resolve(import.meta.dirname, "../../../spec-tests/agent/recorded-answers.json");
const recorded = JSON.parse(readFileSync(file, "utf8")) as Readonly<
  Record<string, { readonly protobuf: Answer; readonly json: Answer }>
>;

const PROTOBUF = "application/vnd.kubernetes.protobuf";
const names = annotationNames("flannel.alpha.coreos.com");

function answers(name: string): readonly (readonly [type: string, body: Uint8Array])[] {
  const { protobuf, json } = recorded[name] ?? {};
  if (!protobuf || !json) throw new Error(name);
  expect(protobuf.type).toMatch(/^application\/vnd\.kubernetes\.protobuf/);
  expect(json.type).toBe("application/json");
  return [
    [protobuf.type, Buffer.from(protobuf.body, "base64")],
    [json.type, Buffer.from(json.body)],
  ];
}

function pieces(body: Uint8Array, size: number): readonly Uint8Array[] {
  const count = Math.ceil(body.length / size);
  return Array.from({ length: count }, (_, i) => body.subarray(i * size, (i + 1) * size));
}

function readList(type: string, body: Uint8Array, size = body.length || 1) {
  const items: JsonObject[] = [];
  const reader = listReader(type, {
    onItem: (item) => items.push(item),
    kind: "Node",
    most: 1 << 20,
  });
  for (const piece of pieces(body, size)) {
    const fault = reader.push(piece.slice());
    if (fault !== undefined) return { items, list: fault };
  }
  return { items, list: reader.finish() };
}

function readWatch(type: string, body: Uint8Array, size = body.length || 1) {
  const events: WatchEvent[] = [];
  const onEvent = (event: WatchEvent) => events.push(event);
  const reader = watchReader(type, { onEvent, isOver: () => false, most: 1 << 20 });
  for (const piece of pieces(body, size)) {
    const fault = reader.push(piece.slice());
    if (fault !== undefined) return { events, fault };
  }
  return { events, fault: reader.finish() };
}

const factsOfEvents = (events: readonly WatchEvent[]) =>
  events.map(({ type, object }) => [type, factsOf(object, names)]);

describe("a recorded list", () => {
  it.each(["list", "page"])("(%s) says the same in both codings, in pieces of any size", (name) => {
    const [protobuf, json] = answers(name).map(([type, body]) => {
      const all = [1, 7, 100, 4096].map((size) => readList(type, body, size));
      const [first] = all;
      for (const each of all) expect(each).toEqual(first);
      return first;
    });
    if (!protobuf || !json) throw new Error(name);
    expect(protobuf.items.map((item) => factsOf(item, names))).toEqual(
      json.items.map((item) => factsOf(item, names)),
    );
    expect(protobuf.items.length).toBe(name === "list" ? 3 : 2);
    expect(factsOf(protobuf.items[0], names)).toMatchObject({
      name: "node1",
      podCidrs: ["10.244.1.0/24", "fd10:0:0:1::/64"],
      annotations: { managed: "true", publicIP: "192.0.2.1" },
    });
    const [a, b] = [protobuf.list, json.list] as { metadata: Record<string, unknown> }[];
    expect(a).toMatchObject({ kind: "NodeList" });
    expect(a?.metadata.resourceVersion).toBe(b?.metadata.resourceVersion);
    expect(a?.metadata.continue || undefined).toBe(b?.metadata.continue);
  });

  it("is of Nodes of which nothing but what is needed is kept", () => {
    const [[type = "", body = new Uint8Array(0)] = []] = answers("list");
    const [node] = readList(type, body).items;
    expect(Object.keys(node ?? {})).toEqual(["metadata", "spec"]);
    expect(node?.metadata).toMatchObject({
      annotations: { "example.com/words": "Grüße, 世界 🙂" },
    });
  });

  it("that is damaged or cut off is one, or a fault, in Protocol Buffers", () => {
    const [[type = "", body = new Uint8Array(0)] = []] = answers("list");
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.nat(255), fc.boolean(), (at, byte, isCut) => {
        const damaged = isCut ? body.slice(0, at) : body.map((old, i) => (i === at ? byte : old));
        const { items, list } = readList(type, damaged, 1000);
        expect(items.length).toBeLessThanOrEqual(3);
        // What comes behind the object itself says nothing that is wanted.
        const isWhole = typeof list !== "string" && "resourceVersion" in Object(list.metadata);
        if (isCut && at < body.length - 4) expect(isWhole).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a recorded watch", () => {
  it("says the same in both codings, in pieces of any size", () => {
    const [protobuf = [], json = []] = answers("watch").map(([type, body]) => {
      const all = [1, 7, 100, 4096].map((size) => readWatch(type, body, size));
      for (const each of all) expect(each).toEqual(all[0]);
      expect(all[0]?.fault).toBeUndefined();
      return factsOfEvents(all[0]?.events ?? []);
    });
    expect(protobuf).toEqual(json.map(([type, facts]) => [type, facts]));
    const types = protobuf.map(([type]) => type);
    expect(types).toEqual(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "BOOKMARK"]);
  });

  it("that is too old is an error by its code", () => {
    for (const [type, body] of answers("gone")) {
      const { events } = readWatch(type, body);
      expect(events).toHaveLength(1);
      expect(events[0]).toMatchObject({
        type: "ERROR",
        object: { code: 410, message: "too old resource version: 207 (210)" },
      });
    }
  });

  it("that is damaged or cut off says events, or what is wrong, in Protocol Buffers", () => {
    const [[type = "", body = new Uint8Array(0)] = []] = answers("watch");
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.nat(255), fc.boolean(), (at, byte, isCut) => {
        const damaged = isCut ? body.slice(0, at) : body.map((old, i) => (i === at ? byte : old));
        expect(readWatch(type, damaged, 1000).events.length).toBeLessThanOrEqual(5);
      }),
      { numRuns: 2000 },
    );
  });

  it("whose event is too long is refused before it comes", () => {
    const { fault } = readWatch(`${PROTOBUF};stream=watch`, Uint8Array.of(0x7f, 0, 0, 0));
    expect(fault).toBe("it sent what is no event of a watch: it is longer than 1024 KB");
  });
});

describe("a recorded refusal", () => {
  it.each([
    ["missing", 404, 'nodes "nobody" not found'],
    ["forbidden", 403, /^pods is forbidden: User "system:serviceaccount:kube-flannel:flannel"/],
    ["unauthorized", 401, "Unauthorized"],
    ["ahead", 504, "Timeout: Too large resource version"],
    ["expired", 410, "The provided continue parameter is too old"],
  ])("(%s) has its words in both codings", (name, status, words) => {
    const { protobuf, json } = recorded[name] ?? {};
    expect([protobuf?.status, json?.status]).toEqual([status, status]);
    const told = answers(name).map(([type, body]) => statusMessage(type, body));
    for (const each of told) expect(each).toMatch(words);
  });

  it.each(["", "k8s", "k8s\0", "<html>", "{}"])("that is %j has none", (body) => {
    expect(statusMessage(PROTOBUF, Buffer.from(body))).toBeUndefined();
    expect(statusMessage("text/html", Buffer.from(body))).toBeUndefined();
  });

  it("is not taken for one by a kind that is not read", () => {
    for (const kind of ["constructor", "Pod", ""])
      expect(statusMessage(PROTOBUF, objectBytes(kind, {}))).toBeUndefined();
  });
});
