import { expect, it } from "vitest";
import { CodecError, Reader, Writer } from "./codec.ts";
import { cstring, s32, u16, u32, u64be } from "./scalar.ts";

it("never reads past the end, and never goes back", () => {
  const input = new Reader(Uint8Array.of(1, 2, 3), 1);
  expect(() => u32.read(input)).toThrow(new CodecError("4 bytes wanted at byte 1, 2 remain"));
  expect(() => input.skip(-4)).toThrow(CodecError);
  expect(u16.read(input)).toBe(0x0302);
  expect(() => input.u8()).toThrow(CodecError);
});

it("refuses numbers that do not fit", () => {
  const out = new Writer();
  for (const value of [2 ** 31, -(2 ** 31) - 1, 0.5, Number.NaN]) {
    expect(() => s32.write(out, value)).toThrow(CodecError);
  }
  expect(() => u64be.write(out, 2 ** 53)).toThrow(CodecError);
});

it("keeps text whole, also beyond the first plane, and bytes that are no text", () => {
  for (const text of ["", "eth0", "ü€\u{1f980}"]) {
    const out = new Writer();
    cstring.write(out, text);
    expect(cstring.read(new Reader(out.bytes().slice()))).toBe(text);
  }
  expect(cstring.read(new Reader(Uint8Array.of(0xff, 0x41, 0, 0x42)))).toBe("\xffA");
  expect(() => cstring.write(new Writer(), "a\0b")).toThrow("NUL");
});
