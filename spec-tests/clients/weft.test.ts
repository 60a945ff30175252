/** The suite's own command line, as a person uses it. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { binDirectory } from "../bed/paths.ts";

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

  it("without a command says on stderr what there is, and fails", () => {
    const { status, stdout, stderr } = spawnSync(`${binDirectory}/weft`, []);
    expect([status, `${stdout}`, `${stderr}`]).toEqual([2, "", expect.stringMatching(/^usage: /)]);
  });
});

describe("weft inventory", () => {
  it("is told how to be used if it is used wrongly, with status 2", () => {
    const wrong = [
      [],
      ["a/b"],
      ["net", "-x"],
      ["net", "box", ""],
      ["net", "box", "eth0", "more"],
      ["net", "--data-dir"],
      ["net", "--data-dir="],
    ];
    for (const words of wrong) {
      const ended = spawnSync(`${binDirectory}/weft`, ["inventory", ...words]);
      const usage = expect.stringMatching(/^usage: /);
      expect([ended.status, `${ended.stdout}`, `${ended.stderr}`]).toEqual([2, "", usage]);
    }
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
        '-: warning: ipam.rangeStrat: unknown key, did you mean "rangeStart"?',
        '-: warning: isGatway: unknown key, did you mean "isGateway"?',
        "-: valid",
      ],
    });
  });

  it.each([
    [{ ...network, mtu: "big" }, 'mtu: must be a whole number, got "big"'],
    [
      { ...network, hairpinMode: true, promiscMode: true },
      "bridge cannot set hairpin mode and promisc",
    ],
    [{ ...network, ipam: { type: "host-local", subnet: "10.1.0/16" } }, "ipam.subnet: must be"],
    [{ ...network, name: "a/b" }, "name: must be a text"],
    [{ ...network, name: undefined }, "name: must be a text"],
    [{ ...network, cniVersion: "9.9.9" }, "cniVersion: must be one of 0.1.0, 0.2.0, "],
    [{ ...network, type: undefined }, "type: must name a plugin, got nothing"],
    [{ name: "net", plugins: [] }, "plugins: must be a list of at least 1, got []"],
    [{ name: "net", plugins: [1] }, "plugins[0]: must be an object, got 1"],
    [{ name: "net", plugins: [{ ...network, vlan: 5000 }] }, "plugins[0].vlan: must be at most"],
    ["{", "it is not JSON: line 1, column 2: the text ends here, but the { of line 1, column 1"],
    ["", "it is empty, but a network configuration is expected"],
    ['\ufeff{"name":"net"}', "it is not JSON: line 1, column 1: a byte order mark (BOM)"],
    ['{\n  // mine\n  "name":"net"}', "it is not JSON: line 2, column 3: a comment"],
    ['{"name":"net",}', "it is not JSON: line 1, column 14: a comma before }"],
    ["[]", "it is not a JSON object"],
    ["null", "it is not a JSON object"],
  ])("refuses %j", (wrong, words) => {
    const { status, lines } = validate(wrong);
    expect(status).toBe(1);
    expect(lines.filter((line) => line.includes(`-: error: ${words}`))).toHaveLength(1);
    expect(lines).not.toContain("-: valid");
  });

  it("does not judge what other suites' plugins may hold, nor call it valid", () => {
    const plugins = [
      { type: "bridge", ipam: { type: "foreign", anything: 1 } },
      { type: "other", x: 1 },
    ];
    expect(validate({ cniVersion: "1.1.0", name: "net", plugins })).toEqual({
      status: 0,
      lines: [
        '-: warning: plugins[0].ipam.type: "foreign" is no plugin of this suite, so it was not checked',
        '-: warning: plugins[1].type: "other" is no plugin of this suite, so it was not checked',
        "-: checked: 1 of 3 plugins",
      ],
    });
  });

  it("knows names that every object has for what they are: unknown keys", () => {
    const text = JSON.stringify(network).replace("{", '{"constructor":1,"__proto__":{"mtu":1},');
    expect(validate(text).lines).toEqual([
      "-: warning: constructor: unknown key",
      "-: warning: __proto__: unknown key",
      "-: valid",
    ]);
  });

  it("prints nothing that a terminal obeys", () => {
    const { lines } = validate({ ...network, "\u001b[31m": 1, "a\nb": 1 });
    expect(lines).toEqual([
      "-: warning: \\u001b[31m: unknown key",
      "-: warning: a\\u000ab: unknown key",
      "-: valid",
    ]);
  });
});

const list = { cniVersion: "1.1.0", name: "net" };
const bridge = { type: "bridge", ipam: { type: "host-local", subnet: "10.1.0.0/16" } };
const portmap = { type: "portmap", capabilities: { portMappings: true } };
const ranges = [[{ subnet: "10.1.0.0/16" }]];

/** Files, by name and content, with all that is said of them: libcni 1.3 reads them alike. */
const files: readonly (readonly [string, object, readonly string[]])[] = [
  ["a.conflist", { ...list, plugins: [bridge, portmap] }, ["valid"]],
  ["a.conf", { ...list, ...bridge }, ["valid"]],
  ["a.json", { ...list, ...bridge }, ["valid"]],
  ["a.conf", { Name: "net", CniVersion: "1.1.0", ...bridge }, ["valid"]],
  [
    "a.txt",
    { ...list, ...bridge },
    ["warning: no runtime reads it: the name must end in .conflist, .conf or .json", "valid"],
  ],
  [
    "a.conf",
    { ...list, plugins: [bridge] },
    ["error: plugins: a list of plugins is only read from a file whose name ends in .conflist"],
  ],
  [
    "a.json",
    { ...list, ...bridge, plugins: [bridge] },
    [
      "error: plugins: a list of plugins is only read from a file whose name ends in .conflist",
      "warning: type: unknown key",
      "warning: ipam: unknown key",
    ],
  ],
  [
    "a.conflist",
    { ...list, type: "bridge" },
    [
      "error: plugins: missing: a .conflist has a list of plugins; the configuration of one goes into a .conf",
      "warning: type: unknown key",
    ],
  ],
  ["a.conflist", list, ["error: plugins: must be a list of at least 1"]],
  [
    "a.conflist",
    { ...list, plugins: {} },
    ["error: plugins: must be a list of at least 1, got {}"],
  ],
  [
    "a.conflist",
    { ...list, loadOnlyInlinedPlugins: true },
    ["error: plugins: must be a list of at least 1"],
  ],
  [
    "a.conflist",
    { cniVersion: "1.1.0", Name: "net", Plugins: [bridge] },
    ['error: Name: must be spelled "name"', 'error: Plugins: must be spelled "plugins"'],
  ],
  [
    "a.conflist",
    { ...list, plugins: [portmap, bridge] },
    [
      'error: plugins[0].type: "portmap" needs a plugin before it that makes the interface, such as "bridge"',
    ],
  ],
  [
    "a.conf",
    { ...list, type: "firewall" },
    ['error: type: "firewall" needs a plugin before it that makes the interface, such as "bridge"'],
  ],
  ["a.conflist", { ...list, plugins: [{ type: "loopback" }, bridge, portmap] }, ["valid"]],
  [
    "a.conflist",
    { ...list, plugins: [bridge, bridge] },
    ['error: plugins[1].type: "bridge" makes an interface of the same name as a plugin before it'],
  ],
  [
    "a.conflist",
    { ...list, plugins: [{ type: "host-local", ipam: bridge.ipam }] },
    [
      'error: plugins[0].type: "host-local" manages addresses and makes no interface: it goes into a plugin\'s ipam.type',
    ],
  ],
  [
    "a.conflist",
    { ...list, plugins: [{ type: "sriov" }, portmap, { type: "brigde" }] },
    [
      'warning: plugins[0].type: "sriov" is no plugin of this suite, so it was not checked',
      'warning: plugins[2].type: "brigde" is no plugin of this suite, so it was not checked, did you mean "bridge"?',
      "checked: 1 of 3 plugins",
    ],
  ],
  [
    "a.conflist",
    { ...list, plugins: [{}, { type: 7 }, { type: "../x" }] },
    [
      "error: plugins[0].type: must name a plugin, got nothing",
      "error: plugins[1].type: must name a plugin, got 7",
      'error: plugins[2].type: must name a plugin, got "../x"',
    ],
  ],
  [
    "a.conflist",
    {
      ...list,
      plugins: [{ ...bridge, ipam: { type: "host-local", ranges, gateway: "10.1.0.1" } }],
    },
    [
      "warning: plugins[0].ipam.gateway: ignored beside ranges: put it into the range it belongs to",
      "valid",
    ],
  ],
  [
    "a.conflist",
    { ...list, plugins: [{ ...bridge, ipam: { ...bridge.ipam, gateway: "10.1.0.1" } }] },
    ["valid"],
  ],
  [
    "a.conflist",
    { ...list, plugins: [{ type: "bridge", ipam: { subnet: "10.1.0.0/16" } }] },
    [
      "warning: plugins[0].ipam.type: missing, so nothing gives the container an address, and the rest is ignored",
      "warning: plugins[0].ipam.subnet: unknown key",
      "valid",
    ],
  ],
  ["a.conflist", { ...list, plugins: [{ type: "bridge" }] }, ["valid"]],
  [
    "a.conflist",
    { ...list, plugins: [{ type: "bridge", ipam: { type: "portmap" } }] },
    ['error: plugins[0].ipam.type: "portmap" does not manage addresses'],
  ],
  [
    "a.conflist",
    { ...list, plugins: [bridge, { type: "portmap", capabilities: { portMapping: true } }] },
    [
      'warning: plugins[1].capabilities.portMapping: no runtime knows this capability, did you mean "portMappings"?',
      "warning: plugins[1].capabilities.portMappings: missing, so the runtime hands over no port mappings",
      "valid",
    ],
  ],
  [
    "a.conflist",
    { ...list, plugins: [{ ...bridge, capabilities: { ips: true, mac: true, bandwidth: true } }] },
    [
      'warning: plugins[0].capabilities.bandwidth: "bridge" and "host-local" does nothing with it',
      "valid",
    ],
  ],
  [
    "a.conflist",
    {
      ...list,
      plugins: [
        { ...bridge, capabilities: { mac: "true" } },
        { type: "x", dns: [] },
      ],
    },
    [
      'error: plugins[0].capabilities.mac: must be true or false, got "true"',
      "error: plugins[1].dns: must be an object, got []",
      'warning: plugins[1].type: "x" is no plugin of this suite, so it was not checked',
    ],
  ],
  [
    "a.conflist",
    { ...list, plugins: [{ ...bridge, name: "other", cniVersion: "0.4.0", prevResult: {} }] },
    [
      'warning: plugins[0].name: ignored, the list says "net"',
      'warning: plugins[0].cniVersion: ignored, the list says "1.1.0"',
      "warning: plugins[0].prevResult: comes from the runtime, not from a file",
      "valid",
    ],
  ],
  [
    "a.conflist",
    { ...list, disableCheck: "TRUE", disableGC: 1, plugins: [bridge] },
    ["error: disableGC: must be true or false, got 1"],
  ],
  [
    "a.conflist",
    { name: "net", plugins: [bridge] },
    [
      "warning: cniVersion: missing, so plugins work as of 0.1.0: without CHECK, GC and STATUS",
      "valid",
    ],
  ],
  [
    "a.conflist",
    { name: "net", cniVersion: "2.0.0", cniVersions: ["1.0.0", "2.0.0"], plugins: [bridge] },
    ["valid"],
  ],
  [
    "a.conflist",
    { name: "net", cniVersions: ["1.0.0", "x"], plugins: [bridge] },
    ['error: cniVersions[1]: must be a version such as "1.0.0", got "x"'],
  ],
];

describe("weft validate of a file", () => {
  it.each(files)("%s with %j: %j", (name, content, expected) => {
    const folder = mkdtempSync(join(tmpdir(), "weft-"));
    writeFileSync(join(folder, name), JSON.stringify(content));
    const { status, lines } = weft(["validate", join(folder, name)]);
    rmSync(folder, { recursive: true });
    expect(lines).toEqual(expected.map((line) => `${join(folder, name)}: ${line}`));
    expect(status).toBe(lines.some((line) => line.includes(": error: ")) ? 1 : 0);
  });

  it("takes from standard input what a runtime gives a plugin as well", () => {
    const prevResult = { cniVersion: "1.1.0", ips: [{ address: "10.1.0.2/16" }] };
    const pool = { type: "host-local", ipam: bridge.ipam };
    for (const input of [{ ...portmap, prevResult }, pool]) {
      expect(validate({ ...list, ...input }).lines).toEqual(["-: valid"]);
    }
    expect(validate({ ...list, ...portmap }).lines).toEqual([
      '-: error: type: "portmap" needs a plugin before it that makes the interface, such as "bridge"',
    ]);
  });

  it("names a key that is there twice", () => {
    const text = JSON.stringify({ ...list, plugins: [{ ...bridge, mtu: 1400 }] });
    expect(validate(text.replace('"mtu":', '"mtu":1500,"mtu":')).lines).toEqual([
      "-: warning: plugins[0].mtu: given more than once, the last one counts",
      "-: valid",
    ]);
  });

  it("reads with a list the plugins of the folder that has its name, as libcni does", () => {
    const folder = mkdtempSync(join(tmpdir(), "weft-"));
    const file = join(folder, "a.conflist");
    mkdirSync(join(folder, "net"));
    const write = (name: string, content: object) =>
      writeFileSync(join(folder, name), JSON.stringify(content));
    write("net/10-portmap.conf", { ...portmap, snta: true });
    write("net/20.json", { type: "not read" });
    write("a.conflist", { ...list, plugins: [bridge] });
    const both = weft(["validate", file]).lines;
    write("a.conflist", { ...list, loadOnlyInlinedPlugins: true, plugins: [bridge] });
    const inlined = weft(["validate", file]).lines;
    writeFileSync(join(folder, "net/10-portmap.conf"), "{");
    write("a.conflist", { ...list, plugins: [bridge] });
    const broken = weft(["validate", file]).lines;
    rmSync(folder, { recursive: true });
    const unknown = 'warning: net/10-portmap.conf.snta: unknown key, did you mean "snat"?';
    expect(both).toEqual([`${file}: ${unknown}`, `${file}: valid`]);
    expect(inlined).toEqual([`${file}: valid`]);
    expect(broken).toEqual([expect.stringContaining("error: net/10-portmap.conf: it is not JSON")]);
  });

  it("reads several files, tells of each, and fails if one is wrong", () => {
    const folder = mkdtempSync(join(tmpdir(), "weft-"));
    const [good, bad, none] = ["good.conf", "bad.conf", "none.conf"].map((n) => join(folder, n));
    writeFileSync(good ?? "", JSON.stringify(network));
    writeFileSync(bad ?? "", new Uint8Array([0xff]));
    const named = [good ?? "", bad ?? "", none ?? "", folder, `${good}/x.conf`];
    const { status, lines } = weft(["validate", ...named]);
    rmSync(folder, { recursive: true });
    expect(status).toBe(1);
    expect(lines).toEqual([
      `${good}: valid`,
      `${bad}: error: line 1: it is not UTF-8, byte 1 is 0xff`,
      `${none}: error: there is no such file`,
      `${folder}: error: it is a directory: name the files in it`,
      `${good}/x.conf: error: there is no such file`,
    ]);
  });

  it("says of a file that this user may not read just that", () => {
    const folder = mkdtempSync(join(tmpdir(), "weft-"));
    chmodSync(folder, 0o755);
    const file = join(folder, "a.conf");
    writeFileSync(file, JSON.stringify(network), { mode: 0o600 });
    const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    const words = [...nobody, `${binDirectory}/weft`, "validate", file];
    const ended = spawnSync("setpriv", words, { encoding: "utf8" });
    rmSync(folder, { recursive: true });
    expect(ended.stdout).toBe(`${file}: error: this user may not read it\n`);
    expect(ended.status).toBe(1);
  });

  it("is told how to be used if it is used wrongly, with status 2", () => {
    for (const words of [["--strict"], ["a.conf", "-v"], [""]]) {
      const { status, stdout, stderr } = spawnSync(`${binDirectory}/weft`, ["validate", ...words]);
      expect([status, `${stdout}`, `${stderr}`]).toEqual([
        2,
        "",
        expect.stringMatching(/^usage: /),
      ]);
    }
  });

  it("tells on stderr that it reads from standard input, where that is no file", () => {
    const stdio = [openSync("/dev/null", "r"), "pipe", "pipe"] as const;
    const { status, stdout, stderr } = spawnSync(`${binDirectory}/weft`, ["validate"], {
      stdio: [...stdio],
    });
    closeSync(stdio[0]);
    expect(`${stderr}`).toBe("Reads a configuration from standard input.\n");
    expect(`${stdout}`).toBe("-: error: it is empty, but a network configuration is expected\n");
    expect(status).toBe(1);
  });
});
