/** vxlan-overlay: hosts of the peers file that cannot be used are left out and named, no others. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { Node } from "../bed/nodes.ts";

/** A host by its number, with more or other keys. */
function peer(number: number, more: Config = {}): Config {
  const subnet = [`10.244.${number}.0/24`, `fd10:0:0:${number}::/64`];
  return { subnet, publicIP: `192.0.2.${number}`, ...more };
}

/** A MAC that several peers share, or one peer has under another address. */
const vtepMAC = "02:00:00:00:00:77";
const ipv6 = "fd10:0:0:99::/64";

/** The numbers of the hosts that a node has routes to, of both families alike. */
function reached(node: Node): readonly string[] {
  const routes = (family: string, pattern: RegExp) =>
    [...node.view.sh(`ip ${family} route show proto 87`).matchAll(pattern)].map(([, n = ""]) => n);
  const numbers = routes("-4", /^10\.244\.(\d+)\./gm);
  expect(routes("-6", /^fd10:0:0:(\d+)::/gm).toSorted()).toEqual(numbers.toSorted());
  return numbers.toSorted((a, b) => Number(a) - Number(b));
}

/** Node 1 with this peers file, and what ADD said. */
function attach(bed: Bed, file: unknown, more: Config = {}) {
  const node = new Node(bed, 1);
  const { peers: _, ...rest } = node.config([]);
  const config = { ...rest, ...more };
  node.write("peers.json", file);
  const container = bed.container();
  const run = node.run({ command: "ADD", config, container });
  return { node, config, container, run, prevResult: run.result };
}

interface Case {
  readonly what: string;
  readonly file: readonly unknown[];
  readonly reached: readonly number[];
  readonly named: readonly string[];
  readonly more?: Config;
}

const cases: readonly Case[] = [
  { what: "a text", file: ["host", peer(2)], reached: [2], named: ["[0]"] },
  { what: "no subnet", file: [{ publicIP: "192.0.2.9" }, peer(2)], reached: [2], named: ["[0]"] },
  {
    what: "a subnet outside of the network",
    file: [peer(2), peer(9, { subnet: ["10.9.0.0/24", ipv6] })],
    reached: [2],
    named: ["[1]", "10.9.0.0/24"],
  },
  {
    what: "an address of the other family",
    file: [peer(2), peer(9, { publicIP: "2001:db8::9" })],
    reached: [2],
    named: ["2001:db8::9"],
  },
  {
    what: "an address within its own subnet",
    file: [peer(2), peer(9, { publicIP: "10.244.9.1" })],
    reached: [2],
    named: ["its own subnet 10.244.9.0/24"],
  },
  {
    what: "one vtepMAC for two",
    file: [peer(2, { vtepMAC }), peer(3), peer(4, { vtepMAC })],
    reached: [3],
    named: ["peer 192.0.2.2", "peer 192.0.2.4", `vtepMAC ${vtepMAC}`],
  },
  {
    what: "one address with two MACs",
    file: [peer(2), peer(3), peer(4, { publicIP: "192.0.2.2", vtepMAC })],
    reached: [3],
    named: ["192.0.2.2 (10.244.2.0/24", "192.0.2.2 (10.244.4.0/24", "another vtepMAC"],
  },
  {
    what: "one subnet for two, in whatever order",
    file: [peer(2), peer(3, { subnet: ["10.244.2.0/24", ipv6] }), peer(4)],
    reached: [4],
    named: ["peer 192.0.2.2", "peer 192.0.2.3", "10.244.2.0/24"],
  },
  {
    what: "a part of another's subnet",
    file: [peer(3, { subnet: ["10.244.2.128/25", ipv6] }), peer(2), peer(4)],
    reached: [4],
    named: ["10.244.2.128/25", "10.244.2.0/24"],
  },
  {
    what: "all of the network for one",
    file: [peer(2), peer(3), peer(9, { subnet: ["10.244.0.0/16", ipv6] }), peer(4)],
    reached: [2, 3, 4],
    named: ["peer 192.0.2.9"],
  },
  {
    what: "a part of this host's subnet",
    file: [peer(9, { subnet: ["10.244.1.128/25", ipv6] }), peer(2)],
    reached: [2],
    named: ["peer 192.0.2.9", "this host"],
  },
  {
    what: "this host's address",
    file: [peer(9, { publicIP: "192.0.2.1" }), peer(2)],
    reached: [2],
    named: ["192.0.2.1", "this host"],
  },
  {
    what: "what the configuration says is another's",
    file: [peer(3, { subnet: ["10.244.2.0/24", ipv6] }), peer(4)],
    reached: [2, 4],
    named: ["peer 192.0.2.3", "peer 192.0.2.2"],
    more: { peers: [peer(2)] },
  },
];

describe("a peers file with", () => {
  it.for(cases)("$what reaches the others, and names who is left out", (it, { bed }) => {
    const { node, config, container, run, prevResult } = attach(bed, it.file, it.more);
    expect(reached(node)).toEqual(it.reached.map(String));
    for (const words of it.named) expect(run.stderr).toContain(words);
    const { error } = node.run({ command: "STATUS", config });
    expect(error.code).toBe(51);
    for (const words of it.named) expect(`${error.msg} ${error.details}`).toContain(words);
    const checked = { ...config, prevResult };
    expect(node.run({ command: "CHECK", config: checked, container })).toSucceed();
    const again = node.run({ command: "ADD", config, container: bed.container() });
    expect(again).toSucceed();
    expect(again.stderr).toContain("STATUS");
  });

  it("a host that was replaced reaches it under both of its subnets", ({ bed }) => {
    const both = [peer(2), peer(3, { publicIP: "192.0.2.2" }), peer(4)];
    const { node, config, run } = attach(bed, both);
    expect(run.stderr).toBe("");
    expect(reached(node)).toEqual(["2", "3", "4"]);
    expect(node.view.sh("bridge fdb show dev weft.1 | grep -c 'dst 192.0.2.2 '")).toBe("1\n");
    expect(node.run({ command: "STATUS", config })).toSucceed();
  });

  it("this host's own entry, as a list for all hosts has it, passes over it", ({ bed }) => {
    const { node, config, run } = attach(bed, [peer(1), peer(2)]);
    expect(run.stderr).toBe("");
    expect(reached(node)).toEqual(["2"]);
    expect(node.run({ command: "STATUS", config })).toSucceed();
  });

  it("hundreds that cannot be used says so in a few lines", ({ bed }) => {
    const { node, run } = attach(bed, [...Array.from({ length: 300 }, (_, i) => i), peer(2)]);
    expect(run.stderr.trim().split("\n")).toHaveLength(6);
    expect(run.stderr).toContain("295 more");
    expect(reached(node)).toEqual(["2"]);
  });
});

describe("two that clash in the configuration itself", () => {
  it.for([
    ["one vtepMAC", [peer(2, { vtepMAC }), peer(3, { vtepMAC })]],
    ["one subnet", [peer(2), peer(3, { subnet: peer(2).subnet })]],
  ] as const)("are both named, and refused: %s", ([, peers], { bed }) => {
    const node = new Node(bed, 1);
    const config = node.config([], { peers });
    const { error } = node.run({ command: "ADD", config, container: bed.container() });
    expect(error.code).toBe(7);
    for (const words of ["peer 192.0.2.2", "peer 192.0.2.3"]) expect(error.msg).toContain(words);
  });
});

describe("the daemon", () => {
  it("names who is left out in log and status, and who is back", async ({ bed }) => {
    const node = new Node(bed, 1);
    const { peers: _, ...config } = node.config([]);
    node.write("peers.json", [peer(2), peer(3, { vtepMAC }), peer(4, { vtepMAC })]);
    const daemon = node.daemon(config);
    const left = "limited: Cannot use peer 192.0.2.4 (10.244.4.0/24, fd10:0:0:4::/64): its vtepMAC";
    await daemon.until("the word", () => daemon.said.includes(left));
    expect(daemon.said).toContain("limited: Cannot use peer 192.0.2.3");
    expect(reached(node)).toEqual(["2"]);
    const table = node.call("status /run/weft/pods/net.conf");
    expect(table.text).toContain(left);
    expect(table.ok).toBe(false);
    const { text } = node.call("status /run/weft/pods/net.conf --json");
    const health = JSON.parse(text.split("\n")[0] ?? "") as { limits: string[]; isReady: boolean };
    expect(health).toMatchObject({ isReady: true, peers: [{ publicIP: "192.0.2.2" }] });
    expect(health.limits).toHaveLength(2);
    node.write("peers.json", [peer(2), peer(3, { vtepMAC }), peer(4)]);
    await daemon.until("the repair", () =>
      daemon.said.includes("recovered: Cannot use peer 192.0.2.3"),
    );
    expect(reached(node)).toEqual(["2", "3", "4"]);
    expect(node.call("status /run/weft/pods/net.conf").ok).toBe(true);
    await daemon.kill();
  });

  it("tells of a changed address, MAC and state of its device", async ({ bed }) => {
    const node = new Node(bed, 1);
    const { peers: _, ...config } = node.config([]);
    node.write("peers.json", [peer(2)]);
    const daemon = node.daemon(config);
    await daemon.until("the device", () => daemon.said.includes("make vxlan device"));
    const mac = String(node.view.link("weft.1").address);
    const words = [
      ["ip address delete 10.244.1.0/32 dev weft.1", 'add address 10.244.1.0/32 to "weft.1"'],
      ["ip address add 10.9.9.9/32 dev weft.1", 'delete address 10.9.9.9/32 of "weft.1"'],
      ["ip link set weft.1 address 02:11:22:33:44:55", `set MAC of "weft.1" to ${mac}`],
      ["ip link set weft.1 mtu 1400", 'set MTU of "weft.1" to 1450'],
      ["ip link set weft.1 down", 'set "weft.1" up'],
    ] as const;
    for (const [damage, word] of words) {
      node.view.sh(damage);
      await daemon.until(word, () => daemon.said.includes(`changed: ${word}`));
    }
    await daemon.kill();
  });
});
