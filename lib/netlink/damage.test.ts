/**
 * Damaged answers of the kernel: whatever the bytes, reading gives a value or a CodecError, soon.
 * Every captured datagram and every message table is taken up by itself.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { vector } from "../../tools/vector.ts";
import { CodecError, Reader } from "../bytes/codec.ts";
import { type AnyLayout, read } from "../bytes/layout.ts";
import { splitMessages } from "./message.ts";

/** A refusal is an error of each attempt; where it was thrown is what costs most, and nobody reads it. */
Error.stackTraceLimit = 0;

/** The same every time: what fails once fails again. */
const SEED = 20_260_417;
const RUNS = 300;

/** Every codec of a message that a file of this folder exports, by its name. */
async function messageTables(): Promise<ReadonlyMap<string, AnyLayout>> {
  const files = readdirSync(import.meta.dirname).filter((name) => /^[^.]+\.ts$/.test(name));
  const pure = files.filter((name) => !/from "host"/.test(source(name)));
  const modules = await Promise.all(pure.map((name) => import(/* @vite-ignore */ `./${name}`)));
  const all = modules.flatMap((module) => Object.entries(module as Record<string, unknown>));
  return new Map(
    all.flatMap(([name, value]) =>
      name.endsWith("Message") && isCodec(value) ? [[name, value]] : [],
    ),
  );
}

function source(name: string): string {
  return readFileSync(join(import.meta.dirname, name), "utf8");
}

function isCodec(value: unknown): value is AnyLayout {
  return typeof value === "object" && value !== null && "program" in value;
}

const tables = await messageTables();
const tableOf = (name: string) => tables.get(name) as AnyLayout;
const codecs = [...tables.values()];
const vectors = readdirSync(join(import.meta.dirname, "vectors"))
  .map((file) => file.replace(/\.hex$/, ""))
  .sort();

/** All that may be done with a datagram: it is split, and its messages read by any table. */
function readAll(datagram: Uint8Array): void {
  const messages = attempt(() => splitMessages(datagram)) ?? [];
  for (const { body } of messages) {
    for (const codec of codecs) {
      attempt(() => read(codec, body));
    }
  }
}

function attempt<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof CodecError) return undefined;
    throw cause;
  }
}

function withByte(datagram: Uint8Array, at: number, byte: number): Uint8Array {
  const damaged = datagram.slice();
  damaged[at % damaged.length] = byte;
  return damaged;
}

/** The messages of a datagram, each as a datagram. */
function messagesOf(name: string): readonly Uint8Array[] {
  return splitMessages(vector(name)).map(({ body }) => body.bytes.slice(body.at - 16, body.end));
}

it("there are tables and vectors to damage", () => {
  expect([...tables.keys()]).toEqual(
    expect.arrayContaining(["linkMessage", "addressMessage", "routeMessage", "ruleMessage"]),
  );
  expect(vectors).toEqual(expect.arrayContaining(["link-show", "route-list", "nft-masquerade"]));
});

describe.each(vectors)("%s", (name) => {
  const messages = messagesOf(name);

  it("may end anywhere", () => {
    for (const message of messages.slice(0, 8)) {
      for (let end = 0; end < message.length; end++) {
        readAll(message.slice(0, end));
        readAll(withByte(withByte(message.slice(0, end), 0, end & 0xff), 1, end >> 8));
      }
    }
  });

  it("may have any wrong byte", () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    const property = fc.property(fc.constantFrom(...messages), damage, (message, damages) => {
      readAll(damages.reduce((bytes, [at, byte]) => withByte(bytes, at, byte), message));
    });
    fc.assert(property, { seed: SEED, numRuns: RUNS });
  });

  it("may have any wrong length in it", () => {
    const lengths = fc.constantFrom(0, 1, 2, 3, 4, 5, 0x7fff, 0x8000, 0xfffc, 0xffff);
    const property = fc.property(
      fc.constantFrom(...messages),
      fc.nat(),
      lengths,
      (message, at, length) => {
        const place = 16 + 4 * (at % Math.max(1, (message.length - 16) >> 2));
        readAll(withByte(withByte(message, place, length & 0xff), place + 1, length >> 8));
      },
    );
    fc.assert(property, { seed: SEED, numRuns: RUNS });
  });
});

describe.each([...tables.keys()])("%s", (name) => {
  it("reads anything or refuses it", () => {
    const property = fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      attempt(() => read(tableOf(name), new Reader(bytes)));
    });
    fc.assert(property, { seed: SEED, numRuns: 3 * RUNS });
  });

  it("reads nesting without an end, or refuses it", () => {
    const depth = 4000;
    const bytes = new Uint8Array(16 + 4 * depth);
    const view = new DataView(bytes.buffer);
    for (const type of [1, 2, 4, 18, 0x8001, 0x8002, 0x8004, 0x8012]) {
      for (let i = 0; i < depth; i++) {
        view.setUint16(16 + 4 * i, 4 * (depth - i), true);
        view.setUint16(18 + 4 * i, type, true);
      }
      for (const start of [0, 4, 12, 16]) {
        attempt(() => read(tableOf(name), new Reader(bytes, start)));
      }
    }
  });
});
