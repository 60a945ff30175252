import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { Utf8 } from "./utf8.ts";

vi.mock("host", () => ({
  decode(bytes: Uint8Array) {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return undefined;
    }
  },
}));

it("reads text in pieces of any length", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 9 }), (text, piece) => {
      const bytes = new TextEncoder().encode(text);
      const utf8 = new Utf8();
      let read = "";
      for (let at = 0; at < bytes.length; at += piece)
        read += utf8.push(bytes.subarray(at, at + piece));
      expect(read).toBe(text);
    }),
  );
});

it.each([[[0xff, 0x28]], [[0xc3, 0x28]], [[0x80]], [[0xe2, 0x82, 0x28]]])("refuses %j", (bytes) => {
  expect(new Utf8().push(Uint8Array.from(bytes))).toBeUndefined();
});
