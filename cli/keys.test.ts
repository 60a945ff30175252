import { describe, expect, it } from "vitest";
import type { Finding } from "./findings.ts";
import { duplicateKeys, unknownKeys } from "./keys.ts";

const bridge = { mtu: ["mtu"], bridge: ["bridge"], ipam: ["ipam", { type: ["type"] }] } as const;
const ipam = {
  ipam: ["ipam", { ranges: ["ranges", { "*": ["*", { "*": ["*", { subnet: ["subnet"] }] }] }] }],
} as const;

function lines(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ level, path, state }) => `${level} ${path}: ${state}`);
}

describe("unknownKeys", () => {
  it("names a key and the one that was meant", () => {
    const meant = 'warning mtuu: unknown key, did you mean "mtu"?';
    expect(lines(unknownKeys({ mtuu: 1 }, [bridge]))).toEqual([meant]);
    expect(lines(unknownKeys({ flavour: 1 }, [bridge]))).toEqual(["warning flavour: unknown key"]);
  });

  it("finds keys inside objects and lists, by their path", () => {
    const config = { ipam: { type: "x", ranges: [[{ subnet: "" }], [{ sbunet: "" }]] } };
    expect(lines(unknownKeys(config, [bridge, ipam]))).toEqual([
      'warning ipam.ranges[1][0].sbunet: unknown key, did you mean "subnet"?',
    ]);
  });

  it("lets be what any of the trees knows, whatever its case", () => {
    expect(unknownKeys({ MTU: 1, ipam: { Type: "x", ranges: [] } }, [bridge, ipam])).toEqual([]);
  });

  it("does not look into what a tree knows without saying what is inside", () => {
    expect(unknownKeys({ ipam: { anything: 1 } }, [bridge, { ipam: ["ipam"] }])).toEqual([]);
  });

  it("names a key that is there in two cases", () => {
    expect(lines(unknownKeys({ MTU: 1, mtu: 2 }, [bridge]))).toEqual([
      'warning MTU: ignored, since "mtu" is given as well',
    ]);
  });

  it("is not fooled by names every object has", () => {
    expect(unknownKeys({ constructor: 1, toString: 2 }, [bridge])).toHaveLength(2);
  });
});

describe("duplicateKeys", () => {
  it.each([
    ['{"a":1,"b":{"a":2},"c":[{"a":1},{"a":2}]}', []],
    ['{"a":1,"a":2}', ["a"]],
    ['{"a":{"b":1,"\\u0062":2}}', ["a.b"]],
    ['{"plugins":[{"a":1},{"b":[[{"x":1,"y":2,"x":3}]]}]}', ["plugins[1].b[0][0].x"]],
    ['{"a":"a","b":":","c":"{\\"a\\":1,"}', []],
    ['{"a":1,"a":2,"a":3}', ["a", "a"]],
    ["[1,[2,3],{}]", []],
  ])("in %s: %j", (text, paths) => {
    JSON.parse(text);
    expect(duplicateKeys(text).map(({ path }) => path)).toEqual(paths);
  });
});
