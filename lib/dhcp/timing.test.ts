/** When a client sends again, renews, and gives up. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hex, u32 } from "../../tools/dhcp-server.ts";
import type { Options } from "./options.ts";
import {
  answerWait,
  DEFAULT_TIMING,
  type LeaseTimes,
  leaseTimes,
  refusalWait,
  renewalWait,
} from "./timing.ts";

const FOREVER = 0xffffffff;

/** The middle, and both ends, of what chance can say. */
const middle = () => 0.5;
const least = () => 0;
const most = () => 1 - 2 ** -32;

function options(lease?: number, t1?: number, t2?: number): Options {
  const all = [
    [51, lease],
    [58, t1],
    [59, t2],
  ] as const;
  return new Map(all.flatMap(([code, n]) => (n === undefined ? [] : [[code, u32(n)] as const])));
}

/** T1, T2 and the end in seconds, for a lease that was asked for at 1000 s. */
function secondsOf(given: Options): readonly number[] | undefined {
  const times = leaseTimes(given, 1_000_000, least);
  return times && [times.renewAt, times.rebindAt, times.expiresAt].map((at) => at / 1000 - 1000);
}

describe("the wait for an answer", () => {
  it("begins with 4 s and doubles up to the limit", () => {
    const waits = [0, 1, 2, 3, 4, 5, 500].map((n) => answerWait(DEFAULT_TIMING, n, middle));
    expect(waits).toEqual([4_000, 8_000, 16_000, 32_000, 62_000, 62_000, 62_000]);
  });

  it("varies by a second, or by a quarter where that is less", () => {
    for (const before of [0, 1, 4]) {
      const wait = answerWait(DEFAULT_TIMING, before, middle);
      expect(answerWait(DEFAULT_TIMING, before, least)).toBe(wait - 1_000);
      expect(Math.round(answerWait(DEFAULT_TIMING, before, most))).toBe(wait + 1_000);
    }
    const short = { ...DEFAULT_TIMING, timeout: 100 };
    expect(answerWait(short, 0, least)).toBe(75);
  });

  it("is never under the first one, however the flags contradict each other", () => {
    const flags = { timeout: 10_000, resendMax: 1_000, resendTimeout: 1 };
    expect([0, 1, 2].map((n) => answerWait(flags, n, middle))).toEqual([10_000, 10_000, 10_000]);
  });

  it.each([0, -1])("is a tenth of a second at least, also for a flag of %d", (timeout) => {
    const flags = { timeout, resendMax: timeout, resendTimeout: 208_000 };
    expect([0, 1, 2].map((n) => answerWait(flags, n, middle))).toEqual([100, 100, 100]);
    expect(refusalWait(flags, 5)).toBe(1_000);
  });

  it("after refusals doubles from a second on", () => {
    const waits = [1, 2, 3, 7, 2_000].map((n) => refusalWait(DEFAULT_TIMING, n));
    expect(waits).toEqual([1_000, 2_000, 4_000, 62_000, 62_000]);
  });
});

describe("a lease's times", () => {
  it.each([
    ["an hour, without any", options(), [1800, 3150, 3600]],
    ["half and 7/8, without T1 and T2", options(80), [40, 70, 80]],
    ["as they are given", options(100, 30, 60), [30, 60, 100]],
    ["T1 before a T2 that is given alone", options(700, undefined, 70), [40, 70, 700]],
    ["those of the lease, for a T2 after its end", options(80, 30, 81), [30, 70, 80]],
    ["those of the lease, for T1 after T2 after its end", options(80, 300, 200), [40, 70, 80]],
    ["those of T2, for T1 after T2", options(700, 80, 70), [40, 70, 700]],
    ["those of T2, for T1 with it", options(700, 70, 70), [40, 70, 700]],
    ["those of the lease, for T1 and T2 of 0", options(80, 0, 0), [40, 70, 80]],
    ["those of the lease, for T1 and T2 without end", options(80, FOREVER, FOREVER), [40, 70, 80]],
    ["10 s, for T1 less than that", options(86_400, 1, 2), [10, 10, 86_400]],
    ["half of a short lease, for a small T1", options(10, 1, 8), [5, 8, 10]],
    ["half a second, for the shortest lease", options(1), [0.5, 0.875, 1]],
    ["never", options(FOREVER, 30, 60), [Infinity, Infinity, Infinity]],
    ["a lifetime", options(FOREVER - 1), [(FOREVER - 1) / 2, 3758096382.25, FOREVER - 1]],
    ["none, for a lease of no time", options(0), undefined],
    ["an hour, for a time that is none", new Map([[51, hex("0001")]]), [1800, 3150, 3600]],
  ])("are %s", (_what, given, expected) => {
    expect(secondsOf(given)).toEqual(expected);
  });

  it("let some renew up to 5 % earlier", () => {
    expect(leaseTimes(options(2000), 0, most)?.renewAt).toBe(950_000);
    expect(leaseTimes(options(2000), 0, middle)?.renewAt).toBe(975_000);
  });

  it("are in order, and leave time between asking and renewing, whatever a server says", () => {
    const seconds = fc.option(
      fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: FOREVER })),
      { nil: undefined },
    );
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(seconds, seconds, seconds, chance, (lease, t1, t2, random) => {
        const times = leaseTimes(options(lease, t1, t2), 5_000, () => random);
        if (!times) throw new Error("no times");
        const whole = times.expiresAt - 5_000;
        expect(times.renewAt - 5_000).toBeGreaterThanOrEqual(Math.min(9_500, whole * 0.47));
        expect(times.rebindAt).toBeGreaterThanOrEqual(times.renewAt);
        expect(times.expiresAt).toBeGreaterThanOrEqual(times.rebindAt);
      }),
    );
  });
});

describe("the wait for a renewal", () => {
  function times(seconds: number): LeaseTimes {
    const found = leaseTimes(options(seconds), 0, least);
    if (!found) throw new Error("no times");
    return found;
  }

  it("is half of what is left, a minute at least", () => {
    expect(renewalWait(times(86_400), 0, 10_000_000)).toBe(5_000_000);
    expect(renewalWait(times(86_400), 0, 10_000)).toBe(60_000);
  });

  it("is a second at least for a short lease", () => {
    expect(renewalWait(times(600), 0, 1_000)).toBe(10_000);
    expect(renewalWait(times(10), 5_000, 8_750)).toBe(1_875);
    expect(renewalWait(times(10), 8_000, 8_750)).toBe(1_000);
  });
});
