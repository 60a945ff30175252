import { describe, expect, it } from "vitest";
import { nearest } from "./nearest.ts";

const words = ["isGateway", "isDefaultGateway", "ipMasq", "ipam", "subnet", "mtu", "mac"];

describe("nearest", () => {
  it.each([
    ["isGatway", "isGateway"],
    ["isgateways", "isGateway"],
    ["ipMask", "ipMasq"],
    ["sbunet", "subnet"],
    ["mtuu", "mtu"],
    ["isDefaultGatway", "isDefaultGateway"],
  ])("takes %s for %s", (word, meant) => {
    expect(nearest(word, words)).toBe(meant);
  });

  it.each(["flavour", "x", "subway", ""])("takes %j for nothing", (word) => {
    expect(nearest(word, words)).toBeUndefined();
  });
});
