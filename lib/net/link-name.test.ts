import { describe, expect, it, vi } from "vitest";
import { linkNameFault } from "./link-name.ts";

vi.mock("host", () => ({ encode: (text: string) => new TextEncoder().encode(text) }));

describe("a name for a link", () => {
  it.each(["eth0", "e", "a".repeat(15), "...", "eth0.100", "br-ü", "ü".repeat(7), "*", "-x"])(
    "may be %j",
    (name) => {
      expect(linkNameFault(name)).toBeUndefined();
    },
  );

  it.each([
    ["", "empty"],
    ["a".repeat(16), "too long"],
    ["ü".repeat(8), "too long"],
    [".", ". or .."],
    ["..", ". or .."],
    ["a/b", "contains /"],
    ["eth0:1", "contains /"],
    ["a b", "whitespace"],
    ["a\n", "whitespace"],
    ["a\u00a0", "whitespace"],
    ["a\u0085", "whitespace"],
    ["eth%d", "contains %"],
    ["100%", "contains %"],
  ])("may not be %j", (name, fault) => {
    expect(linkNameFault(name)).toContain(fault);
  });
});
