import fc from "fast-check";
import { expect, it } from "vitest";
import { pack, unpack } from "./packed.ts";

it("gives back what it packed", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect([...unpack(pack(bytes))]).toEqual([...bytes]);
    }),
  );
});

it("sorts as the bytes do", () => {
  expect([pack([2]), pack([1, 255]), pack([1, 2])].sort()).toEqual([
    "\x01\x02",
    "\x01\xff",
    "\x02",
  ]);
});
