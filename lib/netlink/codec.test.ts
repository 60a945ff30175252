/**
 * The codec in C, and the reference interpreter that all other unit tests run by: both give the same
 * bytes, the same values and the same words of refusals, for every table of this folder.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answerer, plain, type Question, tablesIn } from "../../tools/codec-answers.ts";
import { valuesOf } from "../../tools/codec-values.ts";
import { vector } from "../../tools/vector.ts";
import type { AnyLayout } from "../bytes/layout.ts";
import { splitMessages } from "./message.ts";

/** The tools are JavaScript, of which the type checker of the product knows nothing. */
const { buildCodecTest, tableFiles } = (await import("../../tools/codec.mjs" as string)) as {
  readonly buildCodecTest: (folder: string) => Promise<{ program: string; script: string }>;
  readonly tableFiles: () => readonly string[];
};

/** The same every time: what fails once fails again. */
const SEED = 20_261_128;
const VALUES = 60;

const folder = mkdtempSync(join(tmpdir(), "weft-codec-"));
const modules = await Promise.all(tableFiles().map((path) => import(/* @vite-ignore */ path)));
const exports = Object.assign({}, ...modules) as { readonly [name: string]: unknown };
const answer = answerer(exports);
const tables = tablesIn(exports);
const names = Object.keys(tables);

let inC: { readonly program: string; readonly script: string };

beforeAll(async () => {
  inC = await buildCodecTest(folder);
});

afterAll(() => rmSync(folder, { recursive: true }));

/** What C answers to all questions, as JSON. */
function askC(questions: readonly string[]): readonly string[] {
  const input = `${questions.join("\n")}\n`;
  const output = execFileSync(inC.program, [inC.script], {
    input,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  return output.trimEnd().split("\n");
}

function expectSame(questions: readonly Question[]): void {
  const asked = questions.map((question) => JSON.stringify(question, plain));
  askC(asked).forEach((theirs, i) => {
    const question = asked[i] ?? "";
    const ours = answer(question);
    if (theirs === ours) return;
    expect({ question, is: JSON.parse(theirs) }).toEqual({
      question,
      is: JSON.parse(ours),
    });
  });
}

const datagrams = readdirSync(join(import.meta.dirname, "vectors")).map((file) =>
  vector(file.replace(/\.hex$/, "")),
);
const bodies = datagrams
  .flatMap((datagram) => splitMessages(datagram))
  .map(({ body }) => body.bytes.slice(body.at, body.end));

const damages = fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.nat(8))), { maxLength: 4 });

/** Bytes that are cut off, or have more behind them, and are changed in places. */
function damaged(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  return fc.tuple(fc.nat(bytes.length + 9), damages).map(([length, changes]) => {
    const copy = new Uint8Array(length);
    copy.set(bytes.subarray(0, length));
    for (const [at, byte] of changes) if (length > 0) copy[at % length] = byte;
    return copy;
  });
}

function sample<T>(values: fc.Arbitrary<T>, numRuns: number): T[] {
  return fc.sample(values, { seed: SEED, numRuns });
}

/** Bytes in a question are as `plain` has them. */
const readOf = (read: string, bytes: Uint8Array, at = 0) =>
  ({ read, bytes, at }) as unknown as Question;

it("there are tables, and what was captured", () => {
  expect(names).toEqual(
    expect.arrayContaining(["linkMessage", "ruleMessage", "wholeRouteMessage"]),
  );
  expect(bodies.length).toBeGreaterThan(100);
});

describe.each(names)("%s", (name) => {
  const layout = tables[name] as AnyLayout;

  it("is what was captured, in C as well", () => {
    expectSame(bodies.map((bytes) => readOf(name, bytes)));
  });

  it("writes values, and refuses others, in C as well", () => {
    expectSame(sample(valuesOf(layout), VALUES).map((value) => ({ write: name, value })));
  });

  it("reads what it has written, and what is damaged, in C as well", () => {
    const written = sample(valuesOf(layout), VALUES).flatMap((value) => {
      const said = JSON.parse(answer(JSON.stringify({ write: name, value }, plain)));
      return Array.isArray(said) ? [Buffer.from(String(said[0]).slice(1), "hex")] : [];
    });
    const all = [...written, ...bodies].map((bytes) => Uint8Array.from(bytes));
    const wrong = fc.constantFrom(new Uint8Array(0), ...all).chain(damaged);
    expectSame([...all, ...sample(wrong, 4 * VALUES)].map((bytes) => readOf(name, bytes)));
  });

  it("ends where it is nested without an end, in C as well", () => {
    const depth = 1000;
    const questions = [1, 2, 4, 18, 0x8001, 0x8012].flatMap((type) => {
      const bytes = new Uint8Array(16 + 4 * depth);
      const view = new DataView(bytes.buffer);
      for (let i = 0; i < depth; i++) {
        view.setUint16(16 + 4 * i, 4 * (depth - i), true);
        view.setUint16(18 + 4 * i, type, true);
      }
      return [0, 4, 12, 16].map((at) => readOf(name, bytes, at));
    });
    expectSame(questions);
  });
});

it("what takes no bytes is written as none, in C as well", () => {
  expectSame([
    { write: "text", value: "" },
    { write: "bytes", value: new Uint8Array(0) },
    { write: "cstring", value: "" },
  ]);
});

it("datagrams have the same messages, or are refused in the same words", () => {
  const wrong = fc.constantFrom(...datagrams).chain(damaged);
  const all = [...datagrams, ...sample(wrong, 500)];
  expectSame(all.map((split) => ({ split }) as unknown as Question));
});

describe("a packed text", () => {
  const octet = fc.oneof(
    fc.nat(255).map(String),
    fc.constantFrom("", "0", "00", "01", "256", "1 "),
  );
  const ipv4 = fc.array(octet, { minLength: 3, maxLength: 5 }).map((all) => all.join("."));
  const group = fc.oneof(
    fc.nat(0xffff).map((value) => value.toString(16)),
    fc.constantFrom("", "", "0", "0000", "ABCD", "12345", "g", "ffff"),
  );
  const ipv6 = fc
    .tuple(fc.array(group, { minLength: 2, maxLength: 9 }), fc.oneof(fc.constant(""), ipv4))
    .map(([groups, rest]) => groups.join(":") + (rest && `:${rest}`));
  const address = fc.oneof(ipv4, ipv6, fc.ipV4(), fc.ipV6(), fc.string());
  const length = fc.oneof(
    fc.nat(130).map(String),
    fc.constantFrom("", "024", "0024", "-1", "+8", "8 "),
  );
  const subnet = fc.tuple(address, length).map((parts) => parts.join("/"));
  const zeros = fc.nat(32).map((bits) => `10.0.0.0/${bits}`);

  it("is of the same addresses and networks in C", () => {
    const said = sample(fc.oneof(address, subnet, zeros), 4000);
    const odd = [
      "::",
      "::/0",
      "1::/16",
      "::1.2.3.4",
      "1:2:3:4:5:6:7::",
      "10.0.0.0/8\0",
      "\ud800/1",
    ];
    expectSame([...said, ...odd].map((pack) => ({ pack })));
  });

  it("has as many bits in common with another in C", () => {
    const characters = fc.array(fc.oneof(fc.nat(255), fc.constantFrom(0x7f, 0x80, 0xbf, 0xc0)));
    const text = characters.map((all) => String.fromCharCode(...all));
    const common = sample(fc.tuple(text, text, text), 2000);
    expectSame(
      common.flatMap(([a, b, c]) =>
        [
          [a, b],
          [a + b, a + c],
          [a, a + b],
        ].map((pair) => ({ common: pair }) as unknown as Question),
      ),
    );
  });
});
