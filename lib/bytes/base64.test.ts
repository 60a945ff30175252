import { describe, expect, it } from "vitest";
import { fromBase64, toBase64 } from "./base64.ts";

describe("base64", () => {
  it.each([0, 1, 2, 3, 4, 5, 255, 256, 257])("says %i bytes as others do", (length) => {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 151 + length) & 255);
    const text = Buffer.from(bytes).toString("base64");
    expect(toBase64(bytes)).toBe(text);
    expect(fromBase64(text)).toEqual(bytes);
  });

  it.each(["A", "AA", "AAA", "A===", "AA=A", "AB C", "AB-_", "AAAA\n"])("refuses %j", (text) => {
    expect(fromBase64(text)).toBeUndefined();
  });
});
