/** Pods and Namespaces in Protocol Buffers that are damaged: nothing of them is believed that is not there. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { CodecError } from "../../lib/bytes/codec.ts";
import { parseAddress } from "../../lib/ip/address.ts";
import type { JsonObject } from "../../lib/overlay/contract/host.ts";
import { readObject } from "../../lib/store/kubernetes/protobuf/objects.ts";
import { objectBytes } from "../../spec-tests/agent/kube-protobuf.ts";
import { readNamespace, readPod } from "./objects.ts";
import { Unreadable } from "./unreadable.ts";

vi.mock("host", () => ({
  decode: (bytes: Uint8Array, from?: number, to?: number) => {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(from, to));
    } catch {
      return undefined;
    }
  },
}));

const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,11}$/);
const labels = fc.dictionary(word, word, { maxKeys: 4 });
const port = fc.record({
  name: word,
  containerPort: fc.integer({ min: 1, max: 65_535 }),
  protocol: fc.constantFrom("TCP", "UDP", "SCTP"),
});
const address = fc.oneof(
  fc.ipV4(),
  fc.integer({ min: 1, max: 65_535 }).map((last) => `fd00::${last.toString(16)}`),
);
const pod = fc
  .record({
    name: word,
    namespace: word,
    labels,
    ports: fc.array(port, { maxLength: 3 }),
    nodeName: fc.constantFrom("here", "there"),
    hostNetwork: fc.boolean(),
    phase: fc.constantFrom("Running", "Pending", "Succeeded"),
    ips: fc.array(address, { maxLength: 2 }),
  })
  .map(({ name, namespace, labels, ports, nodeName, hostNetwork, phase, ips }) => ({
    metadata: { name, namespace, labels, resourceVersion: "7", annotations: { a: "b" } },
    spec: { nodeName, hostNetwork, containers: [{ name: "main", ports }] },
    status: { phase, podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) },
  }));
const namespace = fc
  .record({ name: word, labels })
  .map(({ name, labels }) => ({ metadata: { name, labels, resourceVersion: "7" } }));

/** Bytes that are changed, left out, doubled, put in or cut off. */
const damage = fc.array(
  fc.record({
    at: fc.nat(10_000),
    how: fc.constantFrom("change", "leave out", "double", "put in", "cut"),
    byte: fc.integer({ min: 0, max: 255 }),
    length: fc.integer({ min: 1, max: 9 }),
  }),
  { minLength: 1, maxLength: 3 },
);

type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

function damaged(bytes: Uint8Array, all: Damage): Uint8Array {
  let now = [...bytes];
  for (const { at: place, how, byte, length } of all) {
    const at = place % (now.length + 1);
    const part = now.slice(at, at + length);
    const [head, tail] = [now.slice(0, at), now.slice(at + length)];
    if (how === "change") now = [...head, byte, ...now.slice(at + 1)];
    else if (how === "leave out") now = [...head, ...tail];
    else if (how === "double") now = [...head, ...part, ...part, ...tail];
    else if (how === "put in") now = [...head, ...Array(length).fill(byte), ...now.slice(at)];
    else now = head;
  }
  return Uint8Array.from(now);
}

/** What is read of it, or undefined if it is refused by one of the two errors that are for that. */
function read<T>(bytes: Uint8Array, take: (json: JsonObject) => T): T | undefined {
  try {
    return take(readObject(bytes));
  } catch (cause) {
    if (cause instanceof CodecError || cause instanceof Unreadable) return undefined;
    throw cause;
  }
}

const RUNS = { numRuns: 1000 };

describe("an object in Protocol Buffers", () => {
  it("says what it says in JSON", () => {
    const plain = (json: JsonObject) => JSON.parse(JSON.stringify(json));
    fc.assert(
      fc.property(pod, namespace, (onePod, oneNamespace) => {
        expect(readPod(readObject(objectBytes("Pod", onePod)))).toEqual(readPod(plain(onePod)));
        const bytes = objectBytes("Namespace", oneNamespace);
        expect(readNamespace(readObject(bytes))).toEqual(readNamespace(plain(oneNamespace)));
      }),
      { numRuns: 200 },
    );
  });

  it("is refused if it is damaged, or has names, labels, addresses and ports that are some", () => {
    fc.assert(
      fc.property(pod, damage, (object, how) => {
        const found = read(damaged(objectBytes("Pod", object), how), readPod);
        if (!found) return;
        expect(found.name).not.toBe("");
        expect(Object.values(found.labels).every((each) => typeof each === "string")).toBe(true);
        expect(found.addresses.every((each) => parseAddress(each) !== undefined)).toBe(true);
        expect(found.ports.every((each) => Number.isInteger(each.port) && each.port > 0)).toBe(
          true,
        );
        if (found.absence !== undefined) expect(found.addresses).toEqual([]);
      }),
      RUNS,
    );
    fc.assert(
      fc.property(namespace, damage, (object, how) => {
        const found = read(damaged(objectBytes("Namespace", object), how), readNamespace);
        if (found) expect(found.labels["kubernetes.io/metadata.name"]).toBeTypeOf("string");
      }),
      RUNS,
    );
  });
});
