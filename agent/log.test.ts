/** A line for each event, whatever it says. */
import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { lineOf } from "./log.ts";

vi.mock("host", () => ({
  realtime: () => 1_700_000_000_000,
  encode: (text: string) => new TextEncoder().encode(text),
}));

it("is for people as text", () => {
  expect(lineOf("text", "store", "Cannot connect\nto it")).toBe(
    "store: Cannot connect\\u000ato it",
  );
});

it("is for programs as an object", () => {
  expect(JSON.parse(lineOf("json", "store", 'away: "x"'))).toEqual({
    time: "2023-11-14T22:13:20Z",
    level: "warning",
    event: "store",
    message: 'away: "x"',
  });
  expect(JSON.parse(lineOf("json", "joined", "a")).level).toBe("info");
});

it("is one line that a pipe takes whole, whatever is said", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 9000 }), (sentence) => {
      for (const format of ["text", "json"] as const) {
        const line = lineOf(format, "event", sentence);
        expect(line).not.toContain("\n");
        expect(Buffer.from(line).length).toBeLessThan(4096);
        if (format === "json") JSON.parse(line);
      }
    }),
  );
  for (const format of ["text", "json"] as const) {
    const longest = lineOf(format, "event", "\u0001".repeat(9000));
    expect(Buffer.from(longest).length).toBeLessThan(4096);
  }
});
