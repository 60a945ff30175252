/** PEM: what is between its lines, and what is wrong with it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBase64, readPem } from "./pem.ts";

const file = (label: string, body: string) =>
  `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;

describe("base64", () => {
  it("is what others encode", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(decodeBase64(Buffer.from(bytes).toString("base64"))).toEqual(bytes);
      }),
    );
  });

  it.each(["A", "AA", "AAA", "A===", "====", "=AAA", "AA=A", "AAA-", "AAAÄ", "AA==AAAA"])(
    "is not %s",
    (text) => {
      expect(decodeBase64(text)).toBeUndefined();
    },
  );
});

describe("a PEM file", () => {
  it("has blocks, and words that are for people", () => {
    const text = `who reads this\r\n${file("CERTIFICATE", "AQID\r\nBA==").replace(/\n/g, "\r\n")}x\n${file("EC PARAMETERS", "BQ==")}`;
    expect(readPem(text)).toEqual({
      blocks: [
        { label: "CERTIFICATE", bytes: Uint8Array.of(1, 2, 3, 4) },
        { label: "EC PARAMETERS", bytes: Uint8Array.of(5) },
      ],
    });
  });

  it.each([
    ["-----BEGIN X-----\nAAAA\n", "line 1 begins a X that has no end"],
    [file("X", "AA"), "the X of line 1 is no base64"],
    [file("ENCRYPTED PRIVATE KEY", "AAAA"), "its key is encrypted, give one that is not"],
    [
      file("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: x\n\nAAAA"),
      "its key is encrypted, give one that is not",
    ],
  ])("is faulty: %j", (text, fault) => {
    expect(readPem(text)).toEqual({ fault });
  });

  it("is read in any case", () => {
    const parts = fc.constantFrom("-----BEGIN A-----", "-----END A-----", "AAAA", "\n", "=", "x");
    fc.assert(fc.property(fc.array(parts), (each) => void readPem(each.join(""))));
  });
});
