import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../lib/cni/json.ts";
import { bucketFor, parseBandwidthConfig } from "./config.ts";

const MBIT = 1_000_000;

/** What a configuration makes of the container's input on a link of this MTU. */
function ingressOf(json: JsonObject, mtu = 1500) {
  const { ingress } = parseBandwidthConfig(json, true);
  return ingress && bucketFor(ingress, mtu);
}

const byRuntime = (bandwidth: JsonObject): JsonObject => ({ runtimeConfig: { bandwidth } });

describe("a burst", () => {
  it.each([
    ["of upstream's documentation", { ingressRate: 123, ingressBurst: 456 }, 1500, 15, 1518],
    ["of one bit", { ingressRate: MBIT, ingressBurst: 1 }, 1500, 125_000, 1518],
    [
      "of a frame without a VLAN's header",
      { ingressRate: MBIT, ingressBurst: 12_112 },
      1500,
      125_000,
      1518,
    ],
    ["below a large packet", { ingressRate: MBIT, ingressBurst: 64_000 }, 9000, 125_000, 9018],
    ["below a small packet", { ingressRate: MBIT, ingressBurst: 8000 }, 1280, 125_000, 1298],
  ] as const)(
    "%s is raised to a packet with all its headers, which is told",
    (_what, json, mtu, rate, burst) => {
      for (const each of [json, byRuntime(json), { ...json, burst: "exact" }]) {
        const fitted = ingressOf(each, mtu);
        expect(fitted?.bucket).toMatchObject({ rate, burst });
        expect(fitted?.changes).toEqual([
          `ingressBurst of ${Math.floor(json.ingressBurst / 8) * 8} is raised to ${burst * 8} bits, a packet of the link's MTU ${mtu}`,
        ]);
      }
    },
  );

  it.each([
    [12_144, 1500, 1518],
    [2 * MBIT, 1500, 250_000],
    [12_144, 1280, 1518],
  ])("of %d bits on a link of MTU %d stays", (ingressBurst, mtu, burst) => {
    const fitted = ingressOf({ ingressRate: 10 * MBIT, ingressBurst }, mtu);
    expect(fitted).toMatchObject({ bucket: { burst }, changes: [] });
  });

  it("that is absurd is made sane as ever, without a word", () => {
    const fitted = ingressOf({ ingressRate: 8000, ingressBurst: 4_294_967_295 });
    expect(fitted).toMatchObject({ bucket: { rate: 1000, burst: 15_140 }, changes: [] });
  });
});

describe("numbers that cannot be used", () => {
  it.each([
    ["a rate without a burst", { ingressRate: 10 * MBIT }, 1_250_000, 125_000, /ingressBurst of 0/],
    ["a small rate without a burst", { ingressRate: 8000 }, 1000, 1518, /ingressBurst of 0/],
    [
      "less than a byte per second",
      { ingressRate: 7, ingressBurst: 80_000 },
      1,
      10_000,
      /Rate of 7/,
    ],
  ] as const)(
    "%s: the runtime's still limit, and it is told; the configuration's are refused",
    (_what, limits, rate, burst, told) => {
      const fitted = ingressOf(byRuntime(limits));
      expect(fitted?.bucket).toMatchObject({ rate, burst });
      expect(fitted?.changes.join()).toMatch(told);
      expect(() => ingressOf(limits)).toThrow(/must be/);
    },
  );

  it("an exact burst beyond 4 GB is what the kernel can hold", () => {
    const limits = { ingressRate: 10 * MBIT, ingressBurst: 2 ** 35 };
    const fitted = ingressOf({ ...byRuntime(limits), burst: "exact" });
    expect(fitted?.bucket.burst).toBe(2 ** 32 - 1);
    expect(fitted?.changes).toHaveLength(1);
    expect(() => ingressOf({ ...limits, burst: "exact" })).toThrow(/less than 4 GB/);
  });

  it("a burst without a rate is no limit that could be kept, whoever says so", () => {
    expect(() => ingressOf({ ingressBurst: MBIT })).toThrow(/ingressRate/);
    expect(() => ingressOf(byRuntime({ ingressBurst: MBIT }))).toThrow(/ingressRate/);
  });

  it("none are no limit", () => {
    expect(ingressOf(byRuntime({ ingressRate: 0, ingressBurst: 0 }))).toBeUndefined();
    expect(ingressOf({})).toBeUndefined();
  });
});
