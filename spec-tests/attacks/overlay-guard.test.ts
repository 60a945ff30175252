/** The rules that keep strangers from an overlay's device: when they come, change, and go. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Config, RunOptions } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { withoutNfTables } from "../bed/no-nf-tables.ts";
import { Node } from "../bed/nodes.ts";

const chain = "inet weft overlay-weft.1";
const file = "/run/weft/pods/net.conf";

const hasChain = (node: Node) => node.view.succeeds(`nft list chain ${chain}`);
const rules = (node: Node, device = "weft.1") =>
  node.view.sh(`nft list chain inet weft overlay-${device}`);
const isUp = (node: Node) => node.view.succeeds("ip link show dev weft.1 up | grep -q UP");

/** The addresses that are let in, in order. */
function letIn(node: Node, set = "weft.1-peers4"): readonly string[] {
  const text = node.view.sh(`nft -j list set inet weft ${set}`);
  const found = JSON.parse(text) as { readonly nftables: readonly { readonly set?: Config }[] };
  return found.nftables.flatMap(({ set: each }) => (each?.elem ?? []) as string[]).sort();
}

/** Whether a device that is up is heard by the peers only, and who of them has a route. */
function exposure(node: Node): string {
  if (!isUp(node)) return "down";
  if (!hasChain(node) || !rules(node).includes("saddr != @weft.1-peers4 drop")) return "open";
  const routed = node.view.sh("bridge fdb show dev weft.1").match(/192\.0\.2\.\d+/g) ?? [];
  const heard = letIn(node);
  const deaf = routed.filter((address) => !heard.includes(address));
  return deaf.length > 0 ? `deaf to ${deaf}` : "guarded";
}

const add = (node: Node, config: Config, name: string, options: RunOptions = {}) =>
  node.run({ command: "ADD", config, container: node.bed.container(name), ...options });

function pair(bed: Bed) {
  return [new Node(bed, 1), new Node(bed, 2)] as const;
}

it("a device is never up without its guard, whichever system call fails", ({ bed }) => {
  const [node, peer] = pair(bed);
  const config = node.config([node, peer], { ipMasq: false });
  for (let n = 1; ; n++) {
    const outcome = add(node, config, `box${n}`, { fail: `sendto:error=ENOBUFS:when=${n}` });
    expect(exposure(node), `call ${n}`).toMatch(outcome.ok ? /^guarded$/ : /^(guarded|down)$/);
    if (outcome.ok) break;
    node.view.sh("ip link del weft.1 2>/dev/null; nft flush ruleset");
  }
  expect(letIn(node)).toEqual(["192.0.2.2"]);
});

it("nobody has entries and is not heard while peers change, whichever system call fails", ({
  bed,
}) => {
  const [node, peer] = pair(bed);
  const others = [7, 8].map((n) => ({
    subnet: [`10.244.${n}.0/24`, `fd10:0:0:${n}::/64`],
    publicIP: `192.0.2.${n}`,
  }));
  const [seven, eight] = others;
  const write = (peers: readonly unknown[]) => node.write("peers.json", peers);
  const config = node.config([], { ipMasq: false });
  write([peer.peer, seven]);
  expect(add(node, config, "first")).toSucceed();
  expect(letIn(node)).toEqual(["192.0.2.2", "192.0.2.7"]);
  for (let n = 1; ; n++) {
    write([peer.peer, eight]);
    const outcome = add(node, config, `box${n}`, { fail: `sendto:error=ENOBUFS:when=${n}` });
    expect(exposure(node), `call ${n}`).toBe("guarded");
    if (outcome.ok) break;
    write([peer.peer, seven]);
    expect(add(node, config, `back${n}`)).toSucceed();
  }
  expect(letIn(node)).toEqual(["192.0.2.2", "192.0.2.8"]);
});

describe("rules that others flush", () => {
  const flushes = [
    ["all rules", "nft flush ruleset"],
    ["the chain", `nft flush chain ${chain}`],
  ] as const;
  it.for(flushes)(
    "(%s) are named by CHECK and STATUS, and made again by ADD",
    ([, flush], { bed }) => {
      const [node, peer] = pair(bed);
      const config = node.config([node, peer], { ipMasq: false });
      const { box, result } = node.pod(config);
      node.view.sh(flush);
      const prevResult = { ...result, cniVersion: "1.1.0" };
      const check = { command: "CHECK", container: box, config: { ...config, prevResult } };
      for (const [code, call] of [
        [104, check],
        [51, { command: "STATUS", config }],
      ] as const) {
        const { error } = node.run(call);
        expect(error).toMatchObject({ code });
        expect(error.msg).toContain('anybody may send to "weft.1"');
      }
      expect(add(node, config, "again")).toSucceed();
      expect(exposure(node)).toBe("guarded");
      expect(letIn(node)).toEqual(["192.0.2.2"]);
      expect(node.run(check)).toSucceed();
      expect(node.run({ command: "STATUS", config })).toSucceed();
    },
  );

  it("(the set alone) are named by STATUS, and made again by the daemon", ({ bed }) => {
    const [node, peer] = pair(bed);
    const config = node.config([node, peer], { ipMasq: false });
    node.pod(config);
    node.view.sh("nft flush set inet weft weft.1-peers4");
    const { error } = node.run({ command: "STATUS", config });
    expect(error.msg).toContain("peer 192.0.2.2 is not let in");
    node.write("net.conf", config);
    expect(node.call(`daemon ${file} --once`).text).toContain("let in 192.0.2.2");
    expect(letIn(node)).toEqual(["192.0.2.2"]);
    node.view.sh("nft add element inet weft weft.1-peers4 { 192.0.2.66 }");
    expect(node.run({ command: "STATUS", config }).error.msg).toContain("192.0.2.66 is let in");
    expect(node.call(`daemon ${file} --once`).text).toContain("shut out 192.0.2.66");
  });

  it.for(flushes)("(%s) are made again by the daemon", async ([, flush], { bed }) => {
    const [node, peer] = pair(bed);
    const daemon = node.daemon(node.config([node, peer], { ipMasq: false }));
    await daemon.until("the device", () => daemon.said.includes("make vxlan device"));
    const passes = () => /"passes":(\d+)/.exec(node.call(`status ${file} --json`).text)?.[1];
    await daemon.until("silence", () => {
      const before = passes();
      bed.host.sh("sleep 0.5");
      return passes() === before;
    });
    node.view.sh(flush);
    await daemon.until("the guard", () => exposure(node) === "guarded");
    await daemon.until("its word", () => daemon.said.includes('guard "weft.1"'));
    expect(letIn(node)).toEqual(["192.0.2.2"]);
    await daemon.kill();
  });
});

describe("the guard follows", () => {
  const changes: readonly (readonly [what: string, more: Config, shown: string])[] = [
    ["the port", { port: 4789 }, "udp dport 4789 @th,96,24 0x1 "],
    ["the number", { vni: 5, device: "weft.1" }, "udp dport 8472 @th,96,24 0x5 "],
    ["the uplink", { uplink: "second", publicIP: "198.18.0.1" }, 'iif != "second"'],
  ];
  it.for(changes)("%s", ([, more, shown], { bed }) => {
    const [node, peer] = pair(bed);
    node.view.sh(`
      ip link add second type bridge
      ip address add 198.18.0.1/24 dev second
      ip link set second up`);
    const config = node.config([node, peer], { ipMasq: false });
    expect(add(node, config, "first")).toSucceed();
    expect(rules(node)).toContain('udp dport 8472 @th,96,24 0x1 iif != "wire" drop');
    expect(add(node, { ...config, ...more }, "second")).toSucceed();
    expect(rules(node)).toContain(shown);
    expect(node.view.nft().match(/chain overlay-/g)).toHaveLength(1);
    expect(rules(node).match(/drop/g)).toHaveLength(2);
  });

  it("the name of the uplink", ({ bed }) => {
    const [node, peer] = pair(bed);
    const { box } = node.pod(node.config([node, peer]));
    peer.pod(peer.config([node, peer]));
    expect(box.ping("10.244.2.2")).toBe(true);
    node.view.sh(`
      ip link set wire down; ip link set wire name cable; ip link set cable up
      ip route add default via 192.0.2.254`);
    expect(box.ping("10.244.2.2")).toBe(true);
  });

  it("the family of the hosts' addresses, and leaves nothing of the other", ({ bed }) => {
    const [node] = pair(bed);
    node.view.sh("ip address add 2001:db8::1/64 dev wire nodad");
    const config = node.config([], { ipMasq: false });
    const far = (publicIP: string) => ({
      peers: [{ subnet: ["10.244.9.0/24", "fd10:0:0:9::/64"], publicIP }],
    });
    expect(add(node, { ...config, ...far("192.0.2.9") }, "first")).toSucceed();
    const overIpv6 = { ...config, publicIP: "2001:db8::1", ...far("2001:db8::9") };
    expect(add(node, overIpv6, "second")).toSucceed();
    expect(letIn(node, "weft.1-peers6")).toEqual(["2001:db8::9"]);
    expect(node.view.nft()).not.toContain("weft.1-peers4");
  });

  it("each of two devices", ({ bed }) => {
    const [node] = pair(bed);
    node.view.sh("ip address add 2001:db8::1/64 dev wire nodad");
    const peers = [
      {
        subnet: ["10.244.9.0/24", "fd10:0:0:9::/64"],
        publicIP: "192.0.2.9",
        publicIPv6: "2001:db8::9",
      },
    ];
    expect(add(node, node.config([], { deviceV6: "weft6", peers }), "first")).toSucceed();
    expect(letIn(node)).toEqual(["192.0.2.9"]);
    expect(letIn(node, "weft6-peers6")).toEqual(["2001:db8::9"]);
    expect(rules(node)).toContain("meta nfproto ipv4");
    expect(rules(node, "weft6")).toContain("meta nfproto ipv6");
  });
});

it("the guard goes with the device when the network is removed", ({ bed }) => {
  const [node, peer] = pair(bed);
  const config = node.config([node, peer], { ipMasq: false });
  node.pod(config);
  node.write("net.conf", config);
  for (const before of ["true", "ip link del weft.1"]) {
    expect(add(node, config, `box${before.length}`)).toSucceed();
    node.view.sh(before);
    expect(node.call(`remove ${file}`)).toMatchObject({ ok: true });
    expect(node.view.nft()).not.toContain("weft.1");
  }
});

it("a device that is another's gets no guard, and keeps what it hears", ({ bed }) => {
  const [node, peer] = pair(bed);
  for (const name of ["weft.1", "another"]) {
    node.view.sh(`
      ip link add ${name} type vxlan id 1 dstport 8472 local 192.0.2.1 dev wire
      ip link set ${name} alias somebody`);
    expect(add(node, node.config([node, peer]), `${name}-box`).error).toMatchObject({ code: 103 });
    expect(node.view.nft()).not.toContain("overlay-");
    node.view.sh(`ip link del ${name}`);
  }
});

it("a device from before there were guards gets one with the next ADD", ({ bed }) => {
  const [node, peer] = pair(bed);
  const config = node.config([node, peer], { ipMasq: false });
  node.pod(config);
  const alias = node.view.link("weft.1").ifalias;
  node.view.sh("nft delete table inet weft");
  expect(add(node, config, "later")).toSucceed();
  expect(exposure(node)).toBe("guarded");
  expect(node.view.link("weft.1").ifalias).toBe(alias);
});

describe("where there is no nf_tables", () => {
  it("without the module xt_u32 the port is the overlay's alone", ({ bed }) => {
    const [node, peer] = pair(bed);
    const options = withoutNfTables(bed);
    bed.host.sh(`
      cd /run/bed/no-nf-tables
      real=$(readlink iptables-restore)
      rm iptables-restore
      cat >iptables-restore <<end
#!/bin/sh
rules=\\$(cat)
case "\\$rules" in *u32*) echo "no match u32" >&2; exit 2 ;; esac
echo "\\$rules" | exec -a iptables-legacy-restore $real "\\$@"
end
      sed -i 's/exec -a iptables-legacy-restore //' iptables-restore
      chmod 755 iptables-restore`);
    const config = node.config([node, peer], { ipMasq: false });
    expect(add(node, config, "first", options)).toSucceed();
    const found = node.view.sh("iptables-legacy-save -t filter");
    expect(found).toContain("-A INPUT -p udp -m udp --dport 8472 -j OVERLAY-weft.1");
    expect(node.run({ command: "STATUS", config, ...options })).toSucceed();
  });

  it("nor iptables, no device is made", ({ bed }) => {
    const [node, peer] = pair(bed);
    const config = node.config([node, peer], { ipMasq: false });
    const outcome = add(node, config, "first", withoutNfTables(bed, false));
    expect(outcome.error).toMatchObject({
      code: 101,
      msg: expect.stringContaining("iptables-restore"),
    });
    expect(node.view.links()).not.toContain("weft.1");
  });
});
