import { describe, expect, it } from "vitest";
import { ipvlan, isBeside, macvlan, modeFault, vlan } from "./above.ts";
import type { Link } from "./link.ts";

describe("a kind", () => {
  it("has the numbers of linux/if_link.h", () => {
    expect(macvlan("passthru", 0)).toEqual({ kind: "macvlan", data: { mode: 8 } });
    const queue = { mode: 4, broadcastQueueLength: 9 };
    expect(macvlan("bridge", 9)).toEqual({ kind: "macvlan", data: queue });
    expect(ipvlan("l3s")).toEqual({ kind: "ipvlan", data: { mode: 2 } });
    expect(vlan(0)).toEqual({ kind: "vlan", data: { id: 0 } });
  });

  it.each([
    ["macvlan", "macvlan", true],
    ["macvlan", "macvtap", true],
    ["ipvlan", "ipvlan", true],
    ["macvlan", "ipvlan", false],
    ["ipvlan", "macvlan", false],
    ["macvlan", "macsec", false],
    ["macvlan", "", false],
    ["vlan", "vlan", false],
  ] as const)("%s above %s is put beside it: %s", (kind, parent, beside) => {
    expect(isBeside(kind, { kind: parent })).toBe(beside);
  });
});

it("of another mode than wanted is told by the names of both", () => {
  const of = (kind: string, mode: number) => ({ kind, mode }) as Link;
  expect(modeFault(of("macvlan", 4), "bridge")).toBeUndefined();
  expect(modeFault(of("macvlan", 1), "bridge")).toBe("it should be in mode bridge, found private");
  expect(modeFault(of("ipvlan", 0), "l3")).toBe("it should be in mode l3, found l2");
  expect(modeFault(of("macvlan", 16), "bridge")).toBe("it should be in mode bridge, found 16");
});
