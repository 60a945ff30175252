/** The files by which others tell a host of itself and of its peers, and their published schemas. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it as unit } from "vitest";
import { it } from "../bed/it.ts";
import { Node } from "../bed/nodes.ts";

type Json = { readonly [key: string]: unknown };

function schema(name: string): Json {
  const path = resolve(import.meta.dirname, `../../docs/schemas/${name}.schema.json`);
  return JSON.parse(readFileSync(path, "utf8")) as Json;
}

function fits(name: string, content: unknown): boolean {
  const ajv = new Ajv2020({ strict: false });
  return ajv.validate(schema(name), content);
}

const peer = { subnet: ["10.244.9.0/24", "fd10:0:0:9::/64"], publicIP: "192.0.2.9" };

describe("the peers file", () => {
  const files: readonly (readonly [
    what: string,
    content: unknown,
    isRight: boolean,
    code?: number,
  ])[] = [
    ["an empty list", [], true],
    ["a list", [peer], true],
    ["an object with a list", { peers: [peer], revision: 7 }, true],
    [
      "a peer with a MAC and a key of its own",
      [{ ...peer, vtepMAC: "02:00:00:00:00:09", zone: "a" }],
      true,
    ],
    ["a text", "peers", false, 7],
    ["an object without a list", { revision: 7 }, false, 7],
    ["a peer without a subnet", [{ publicIP: "192.0.2.9" }], false],
    ["a peer without an address", [{ subnet: peer.subnet }], false],
    ["a peer whose MAC is a number", [{ ...peer, vtepMAC: 9 }], false],
    ["a peer that is a text", ["192.0.2.9"], false],
  ];

  it.for(files)(
    "%s is right by the schema if it is to ADD",
    ([, content, isRight, code], { bed }) => {
      expect(fits("vxlan-overlay-peers", content)).toBe(isRight);
      const node = new Node(bed, 1);
      const { peers: _, ...config } = node.config([]);
      node.write("peers.json", content === "peers" ? '"peers"' : content);
      const run = node.run({ command: "ADD", config, container: bed.container() });
      if (code !== undefined) expect(run.error.code).toBe(code);
      else expect(run.stderr.includes("peers.json"), run.stderr).toBe(!isRight);
      if (code === undefined) expect(run).toSucceed();
    },
  );

  unit("has the peers that the configuration may have", () => {
    const { properties } = schema("vxlan-overlay") as { readonly properties: Json };
    const { $defs } = schema("vxlan-overlay-peers") as { readonly $defs: Json };
    const { description: _, ...peers } = properties.peers as Json;
    expect($defs.peers).toEqual(peers);
  });
});

describe("the node's own record", () => {
  const subnet = ["10.244.1.0/24", "fd10:0:0:1::/64"];
  const files: readonly (readonly [what: string, content: unknown, code: number | undefined])[] = [
    ["a subnet and an address", { subnet, publicIP: "192.0.2.1", name: "one" }, undefined],
    ["a subnet", { subnet }, undefined],
    ["a list", [], 7],
    ["a subnet that is a number", { subnet: 7 }, 7],
    ["an address that is a number", { subnet, publicIP: 7 }, 7],
  ];

  it.for(files)("%s is right by the schema if it is to ADD", ([, content, code], { bed }) => {
    expect(fits("vxlan-overlay-node", content)).toBe(code === undefined);
    const node = new Node(bed, 1);
    const config = node.config([], { subnet: undefined });
    node.write("node.json", content);
    const run = node.run({ command: "ADD", config, container: bed.container() });
    if (code === undefined) expect(run.result.ips).toHaveLength(2);
    else expect(run.error.code).toBe(code);
  });

  it("that comes later makes the host ready", ({ bed }) => {
    const node = new Node(bed, 1);
    const config = node.config([], { subnet: undefined });
    expect(node.run({ command: "STATUS", config }).error.code).toBe(50);
    node.write("node.json", { subnet });
    expect(node.run({ command: "STATUS", config })).toSucceed();
  });

  it("outside the network is refused", ({ bed }) => {
    const node = new Node(bed, 1);
    const config = node.config([], { subnet: undefined });
    node.write("node.json", { subnet: ["10.9.1.0/24", "fd10:0:0:1::/64"] });
    const run = node.run({ command: "ADD", config, container: bed.container() });
    expect(run.error.code).toBe(7);
    expect(run.error.msg).toContain("node.json");
  });
});
