/** Options to bytes and back, and what is no options. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hex } from "../../tools/dhcp-server.ts";
import { Writer } from "../bytes/codec.ts";
import { DhcpError } from "./error.ts";
import { type Options, readOptions, writeOptions } from "./options.ts";

const none = new Uint8Array();

function read(options: string, file = "", sname = ""): Options {
  return readOptions({ options: hex(options), file: hex(file), sname: hex(sname) });
}

function written(options: Options): Uint8Array {
  const out = new Writer();
  writeOptions(out, options);
  return out.bytes().slice();
}

/** As it is seen best: hexadecimal digits by their codes. */
function shown(options: Options): Record<string, string> {
  return Object.fromEntries(
    [...options].map(([code, value]) => [code, Buffer.from(value).toString("hex")]),
  );
}

describe("options", () => {
  it.each([
    ["", {}],
    ["ff", {}],
    ["350105 ff", { 53: "05" }],
    ["350105", { 53: "05" }],
    ["0000 350105 00 0104ffffff00 ff 0304aabbccdd", { 53: "05", 1: "ffffff00" }],
    ["5000 ff", { 80: "" }],
    ["0602 0a00 350105 0602 0001 ff", { 6: "0a000001", 53: "05" }],
  ])("%s are read", (bytes, options) => {
    expect(shown(read(bytes))).toEqual(options);
  });

  it.each([
    ["35", "Cannot read DHCP option 53: it claims 0 bytes, 0 remain"],
    ["3501", "Cannot read DHCP option 53: it claims 1 bytes, 0 remain"],
    ["350105 3604 0a0000", "Cannot read DHCP option 54: it claims 4 bytes, 3 remain"],
    ["06ff 00", "Cannot read DHCP option 6: it claims 255 bytes, 1 remain"],
  ])("%s are refused", (bytes, message) => {
    expect(() => read(bytes)).toThrow(new DhcpError(message));
  });

  it("go on in the fields file and sname, if option 52 says so", () => {
    const [file, sname] = ["0f0161 ff", "0f0162 0c0163"];
    expect(shown(read("340100 ff", file, sname))).toEqual({ 52: "00" });
    expect(shown(read("340101 ff", file, sname))).toEqual({ 52: "01", 15: "61" });
    expect(shown(read("340102 ff", file, sname))).toEqual({ 52: "02", 15: "62", 12: "63" });
    expect(shown(read("340103 ff", file, sname))).toEqual({ 52: "03", 15: "6162", 12: "63" });
    expect(shown(read("340103 ff", "340103 ff", file))).toEqual({ 52: "0303", 15: "61" });
    expect(() => read("340101 ff", "0fff")).toThrow(DhcpError);
    expect(shown(read("3400 ff", file))).toEqual({ 52: "" });
  });

  it("are written by their codes, a long one in parts", () => {
    const long = new Uint8Array(511).fill(7);
    const bytes = written(
      new Map([
        [121, long],
        [53, Uint8Array.of(1)],
        [80, none],
      ]),
    );
    const expected = [
      "350101",
      "5000",
      "79ff",
      "07".repeat(255),
      "79ff",
      "07".repeat(255),
      "790107",
    ];
    expect(bytes).toEqual(hex(`${expected.join("")}ff`));
  });
});

const code = fc.integer({ min: 1, max: 254 });
const options = fc
  .array(fc.tuple(code, fc.uint8Array({ maxLength: 600 })), { maxLength: 20 })
  .map((entries): Options => new Map(entries));

describe("every set of options", () => {
  it("is the same after writing and reading, however it is divided", () => {
    fc.assert(
      fc.property(options, (given) => {
        // Option 52 would call in two more fields, which are empty here.
        expect(readOptions({ options: written(given), file: none, sname: none })).toEqual(given);
      }),
    );
  });

  it("has been copied: what is read outlives the bytes it was read from", () => {
    const bytes = hex("0104ffffff00 ff");
    const found = readOptions({ options: bytes, file: none, sname: none });
    bytes.fill(0);
    expect(shown(found)).toEqual({ 1: "ffffff00" });
  });
});

describe("all bytes", () => {
  it("are options or DhcpError, and no more comes out than went in", () => {
    const seen = { read: 0, refused: 0 };
    const field = fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.constant(none));
    fc.assert(
      fc.property(field, field, field, (first, file, sname) => {
        try {
          const found = readOptions({ options: first, file, sname });
          const total = [...found.values()].reduce((sum, { length }) => sum + length, 0);
          expect(total).toBeLessThanOrEqual(first.length + file.length + sname.length);
          seen.read++;
        } catch (cause) {
          expect(cause).toBeInstanceOf(DhcpError);
          seen.refused++;
        }
      }),
      { seed: 20, numRuns: 2000 },
    );
    expect(Math.min(seen.read, seen.refused)).toBeGreaterThan(100);
  });

  it("may be thousands of options, each of which is heeded", () => {
    const many = Uint8Array.from({ length: 60_000 }, (_, i) => [6, 1, 9][i % 3] ?? 0);
    const found = readOptions({ options: many, file: none, sname: none });
    expect(found.get(6)).toEqual(new Uint8Array(20_000).fill(9));
  });
});
