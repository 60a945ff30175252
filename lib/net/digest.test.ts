import { expect, it } from "vitest";
import { sha512Hex } from "./digest.ts";

// `printf abc | sha512sum`
it("gives the first digits of the SHA-512 of a text of single bytes", () => {
  expect(sha512Hex("abc", 24)).toBe("ddaf35a193617abacc417349");
  expect(sha512Hex("\u00e9", 8)).toBe("b164716d");
});
