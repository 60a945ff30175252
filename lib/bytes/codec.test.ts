import { expect, it } from "vitest";
import { CodecError, Reader } from "./codec.ts";
import { read, write } from "./layout.ts";
import { cstring, s32, u16, u32, u64be } from "./scalar.ts";

it("never reads past the end, and never goes back", () => {
  const input = new Reader(Uint8Array.of(1, 2, 3), 1);
  expect(() => read(u32, input)).toThrow(new CodecError("4 bytes wanted at byte 1, 2 remain"));
  expect(() => input.skip(-4)).toThrow(CodecError);
  expect(read(u16, input)).toBe(0x0302);
  input.skip(2);
  expect(() => input.u8()).toThrow(CodecError);
});

it("refuses numbers that do not fit", () => {
  for (const value of [2 ** 31, -(2 ** 31) - 1, 0.5, Number.NaN]) {
    expect(() => write(s32, value)).toThrow(CodecError);
  }
  expect(() => write(u64be, 2 ** 53)).toThrow(CodecError);
});

it("keeps text whole, also beyond the first plane, and bytes that are no text", () => {
  for (const text of ["", "eth0", "ü€\u{1f980}"]) {
    expect(read(cstring, new Reader(write(cstring, text)))).toBe(text);
  }
  expect(read(cstring, new Reader(Uint8Array.of(0xff, 0x41, 0, 0x42)))).toBe("\xffA");
  expect(() => write(cstring, "a\0b")).toThrow("NUL");
});
