import { describe, expect, it } from "vitest";
import { timeText } from "./time-text.ts";

describe("a time", () => {
  it.each([
    0, 951_782_399, 951_782_400, 1_077_926_400, 1_709_251_199, 4_107_542_400, 1_767_225_599,
  ])("of %i seconds is told as others do", (seconds) => {
    expect(timeText(seconds)).toBe(new Date(seconds * 1000).toISOString().replace(".000", ""));
  });

  it("is told as others do on each day of many years", () => {
    for (let day = -1000; day < 60_000; day += 13) {
      const seconds = day * 86_400 + (day & 0xffff);
      const other = new Date(seconds * 1000).toISOString().replace(".000", "");
      expect(timeText(seconds)).toBe(other);
    }
  });
});
