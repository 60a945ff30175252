import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Gather } from "./gather.ts";
import { Lines } from "./lines.ts";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe("lines", () => {
  it("are found in any pieces", () => {
    const line = fc.stringMatching(/^[a-z]{0,20}$/);
    fc.assert(
      fc.property(
        fc.array(line),
        line,
        fc.array(fc.integer({ min: 1, max: 30 })),
        (all, rest, sizes) => {
          const bytes = Buffer.from(all.map((each) => `${each}\n`).join("") + rest);
          const lines = new Lines(20);
          const found: string[] = [];
          let at = 0;
          for (const size of [...sizes, Infinity]) {
            lines.push(bytes.subarray(at, at + size), (found_) => found.push(text(found_)) > 0);
            at += size;
          }
          expect([...found, text(lines.rest())]).toEqual([...all, rest]);
        },
      ),
    );
  });

  it("may be as long as is said, and no longer", () => {
    const few = () => true;
    expect(new Lines(4).push(Buffer.from("abcd\r\n"), few)).toHaveLength(0);
    expect(new Lines(4).push(Buffer.from("abcde\n"), few)).toBeUndefined();
    expect(new Lines(4).push(Buffer.from("abcdefg"), few)).toBeUndefined();
  });

  it("are given no further once that is enough", () => {
    const rest = new Lines(9).push(Buffer.from("a\nb\nc"), () => false);
    expect(rest && text(rest)).toBe("b\nc");
  });
});

describe("gathered bytes", () => {
  it("are those that came, whatever was expected", () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 40_000 }), { maxLength: 5 });
    fc.assert(
      fc.property(pieces, fc.nat(50_000), (all, expected) => {
        const gather = new Gather();
        gather.expect(expected);
        for (const piece of all) gather.add(piece);
        expect(Buffer.compare(gather.take(), Buffer.concat(all))).toBe(0);
        expect(gather.length).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});
