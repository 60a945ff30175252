/** The suite's own command line, as a person uses it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { binDirectory } from "./bed/paths.ts";

interface Said {
  readonly status: number | null;
  readonly lines: readonly string[];
}

function weft(args: readonly string[], input: string | Uint8Array = ""): Said {
  const ended = spawnSync(`${binDirectory}/weft`, args, { input, env: {} });
  expect(`${ended.stderr}`).toBe("");
  return { status: ended.status, lines: `${ended.stdout}`.trimEnd().split("\n") };
}

function validate(network: unknown): Said {
  return weft(["validate"], typeof network === "string" ? network : JSON.stringify(network));
}

const network = {
  cniVersion: "1.1.0",
  name: "net",
  type: "bridge",
  ipam: { type: "host-local", subnet: "10.1.0.0/16" },
};

describe("weft", () => {
  it("list names every command of the image", () => {
    expect(weft(["list"])).toEqual({ status: 0, lines: readdirSync(binDirectory).sort() });
  });

  it("version tells the suite's version", () => {
    expect(weft(["version"]).lines).toEqual([expect.stringMatching(/^weft \d+\.\d+\.\d+$/)]);
  });

  it("help tells how it is used; anything else does so on stderr, and fails", () => {
    expect(weft(["help"]).lines[0]).toMatch(/^usage: weft /);
    const { status, stdout, stderr } = spawnSync(`${binDirectory}/weft`, ["nonsense"]);
    expect([status, `${stdout}`, `${stderr}`]).toEqual([1, "", expect.stringMatching(/^usage: /)]);
  });
});

describe("weft validate", () => {
  it("finds nothing in a good configuration, whatever the case of its keys", () => {
    expect(validate(network)).toEqual({ status: 0, lines: ["-: valid"] });
    expect(validate({ ...network, IsGateway: true })).toEqual({ status: 0, lines: ["-: valid"] });
  });

  it("names a key nobody knows, and the one that was meant", () => {
    const ipam = { ...network.ipam, rangeStrat: "10.1.0.9" };
    expect(validate({ ...network, isGatway: true, ipam })).toEqual({
      status: 0,
      lines: [
        '-: warning: unknown key "ipam.rangeStrat", did you mean "rangeStart"?',
        '-: warning: unknown key "isGatway", did you mean "isGateway"?',
        "-: valid",
      ],
    });
  });

  it.each([
    [{ ...network, mtu: "big" }, 'mtu must be a whole number, got "big"'],
    [{ ...network, hairpinMode: true, promiscMode: true }, "cannot set hairpin mode and promisc"],
    [{ ...network, ipam: { type: "host-local", subnet: "10.1.0/16" } }, "ipam.subnet must be"],
    [{ ...network, name: "a/b" }, "name must be a text"],
    [{ ...network, name: undefined }, "name must be a text"],
    [{ ...network, cniVersion: "9.9.9" }, 'got "9.9.9"'],
    [{ ...network, type: undefined }, "type must name a plugin"],
    [{ name: "net", plugins: [] }, "plugins must be a list of at least 1"],
    [{ name: "net", plugins: [1] }, "plugins[0] must be an object"],
    [{ name: "net", plugins: [network, { type: "bridge", vlan: 5000 }] }, "plugins[1]: bridge: "],
    ["{", "it is not JSON: "],
    ["[]", "it is not a JSON object"],
    ["null", "it is not a JSON object"],
  ])("refuses %j", (wrong, words) => {
    const { status, lines } = validate(wrong);
    expect(status).toBe(1);
    expect(lines.filter((line) => line.includes(words))).toHaveLength(1);
    expect(lines).not.toContain("-: valid");
  });

  it("does not judge what other suites' plugins may hold", () => {
    const plugins = [
      { ...network, ipam: { type: "foreign", anything: 1 } },
      { type: "other", x: 1 },
    ];
    expect(validate({ cniVersion: "1.1.0", name: "net", plugins })).toEqual({
      status: 0,
      lines: [
        '-: warning: plugins[0].ipam.type: "foreign" is no plugin of this suite, so it was not checked',
        '-: warning: plugins[1].type: "other" is no plugin of this suite, so it was not checked',
        "-: valid",
      ],
    });
  });

  it("knows names that every object has for what they are: unknown keys", () => {
    const text = JSON.stringify(network).replace("{", '{"constructor":1,"__proto__":{"mtu":1},');
    expect(validate(text).lines).toEqual([
      '-: warning: unknown key "constructor"',
      '-: warning: unknown key "__proto__"',
      "-: valid",
    ]);
  });

  it("reads several files, tells of each, and fails if one is wrong", () => {
    const folder = mkdtempSync(join(tmpdir(), "weft-"));
    const [good, bad, none] = ["good.conf", "bad.conf", "none.conf"].map((n) => join(folder, n));
    writeFileSync(good ?? "", JSON.stringify(network));
    writeFileSync(bad ?? "", new Uint8Array([0xff]));
    const { status, lines } = weft(["validate", good ?? "", bad ?? "", none ?? ""]);
    rmSync(folder, { recursive: true });
    expect(status).toBe(1);
    expect(lines).toEqual([
      `${good}: valid`,
      `${bad}: error: it is not UTF-8`,
      `${none}: error: Cannot open "${none}": ENOENT`,
    ]);
  });
});
