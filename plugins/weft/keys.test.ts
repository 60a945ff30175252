import { describe, expect, it } from "vitest";
import { unknownKeys } from "./keys.ts";

const bridge = { mtu: ["mtu"], bridge: ["bridge"], ipam: ["ipam", { type: ["type"] }] } as const;
const ipam = {
  ipam: ["ipam", { ranges: ["ranges", { "*": ["*", { "*": ["*", { subnet: ["subnet"] }] }] }] }],
} as const;

describe("unknownKeys", () => {
  it("names a key and the one that was meant", () => {
    expect(unknownKeys({ mtuu: 1 }, [bridge])).toEqual(['unknown key "mtuu", did you mean "mtu"?']);
    expect(unknownKeys({ flavour: 1 }, [bridge])).toEqual(['unknown key "flavour"']);
  });

  it("finds keys inside objects and lists, by their path", () => {
    const config = { ipam: { type: "x", ranges: [[{ subnet: "" }], [{ sbunet: "" }]] } };
    expect(unknownKeys(config, [bridge, ipam])).toEqual([
      'unknown key "ipam.ranges[1][0].sbunet", did you mean "subnet"?',
    ]);
  });

  it("lets be what any of the trees knows, whatever its case", () => {
    expect(unknownKeys({ MTU: 1, ipam: { Type: "x", ranges: [] } }, [bridge, ipam])).toEqual([]);
  });

  it("does not look into what a tree knows without saying what is inside", () => {
    expect(unknownKeys({ ipam: { anything: 1 } }, [bridge, { ipam: ["ipam"] }])).toEqual([]);
  });

  it("is not fooled by names every object has", () => {
    expect(unknownKeys({ constructor: 1, toString: 2 }, [bridge])).toHaveLength(2);
  });
});
