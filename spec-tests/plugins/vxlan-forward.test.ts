/** vxlan-overlay where the host's own rules drop what is forwarded, as Docker, ufw and admins set it. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { Node, type Pod } from "../bed/nodes.ts";

const drop = "for i in iptables ip6tables; do $i -P FORWARD DROP; done";

const rules = (node: Node) =>
  node.view.sh("for i in iptables ip6tables; do $i -S 2>/dev/null; done").trim().split("\n");

const ours = (node: Node) => rules(node).filter((line) => line.includes("CNI-OVERLAY"));

/** Two nodes that drop, each with a pod; the pods' addresses in both families. */
function droppingNodes(bed: Bed) {
  const nodes = [new Node(bed, 1), new Node(bed, 2)] as const;
  for (const { view } of nodes) view.sh(drop);
  const configs = nodes.map((node) => node.config(nodes));
  const pods = nodes.map((node, i) => node.pod(configs[i] ?? {})) as [Pod, Pod];
  for (const { view } of nodes) {
    view.sh(
      "for i in $(seq 200); do ip -6 address show tentative | grep -q inet6 || break; sleep 0.05; done",
    );
  }
  return { nodes, configs, pods };
}

describe("with a FORWARD policy of DROP", () => {
  it("pods of two hosts reach each other in both families", ({ bed }) => {
    const { nodes, configs, pods } = droppingNodes(bed);
    for (const [pod, other] of [pods, pods.toReversed()] as [Pod, Pod][]) {
      const n = other === pods[0] ? 1 : 2;
      for (const to of [`10.244.${n}.2`, `fd10:0:0:${n}::2`])
        expect(pod.box.ping(to), to).toBe(true);
    }
    nodes[0].pod(configs[0] ?? {}, "second");
    expect(ours(nodes[0])).toEqual([
      "-N CNI-OVERLAY",
      '-A FORWARD -m comment --comment "networks of many hosts" -j CNI-OVERLAY',
      '-A CNI-OVERLAY -s 10.244.0.0/16 -m comment --comment "network pods" -j ACCEPT',
      '-A CNI-OVERLAY -d 10.244.0.0/16 -m comment --comment "network pods" -j ACCEPT',
      "-N CNI-OVERLAY",
      '-A FORWARD -m comment --comment "networks of many hosts" -j CNI-OVERLAY',
      '-A CNI-OVERLAY -s fd10::/48 -m comment --comment "network pods" -j ACCEPT',
      '-A CNI-OVERLAY -d fd10::/48 -m comment --comment "network pods" -j ACCEPT',
    ]);
  });

  it("a deny that the administrator has stays one", ({ bed }) => {
    const { nodes, pods } = droppingNodes(bed);
    nodes[1].view.sh("iptables -A FORWARD -d 10.244.2.2 -p icmp -j DROP");
    nodes[1].view.sh(
      "iptables -D FORWARD -m comment --comment 'networks of many hosts' -j CNI-OVERLAY",
    );
    nodes[1].write("peers.json", []);
    nodes[1].pod(nodes[1].config(nodes), "again");
    expect(ours(nodes[1])).toHaveLength(8);
    expect(pods[0].box.ping("10.244.2.2")).toBe(false);
    expect(pods[0].box.ping("10.244.2.3")).toBe(true);
  });

  it("CHECK and STATUS miss a rule that is gone, and the daemon brings it back", async ({
    bed,
  }) => {
    const node = new Node(bed, 1);
    node.view.sh(drop);
    const config = node.config([new Node(bed, 2)]);
    const pod = node.pod(config);
    const call = { config: { ...config, prevResult: pod.result }, container: pod.box };
    expect(node.run({ command: "CHECK", ...call })).toSucceed();
    node.view.sh("iptables -F CNI-OVERLAY");
    const missing = expect.stringContaining("no rule -A CNI-OVERLAY -s 10.244.0.0/16");
    expect(node.run({ command: "CHECK", ...call }).error).toMatchObject({
      code: 104,
      msg: missing,
    });
    expect(node.run({ command: "STATUS", config }).error).toMatchObject({ code: 51, msg: missing });
    const daemon = node.daemon(config);
    await daemon.until("the repair", () =>
      daemon.said.includes("changed: accept forwarded packets from and to 10.244.0.0/16"),
    );
    expect(node.run({ command: "STATUS", config })).toSucceed();
    expect(ours(node)).toHaveLength(8);
    await daemon.kill();
  });

  it("a network has its own rules, which DEL and GC leave and remove takes away", ({ bed }) => {
    const node = new Node(bed, 1);
    node.view.sh(drop);
    const before = rules(node);
    const config = node.config([new Node(bed, 2)], { directRouting: true });
    const second: Config = {
      ...node.config([]),
      name: "pods2",
      vni: 2,
      network: "10.66.0.0/16",
      subnet: "10.66.1.0/24",
      bridge: "cni2",
    };
    const pod = node.pod(config);
    node.pod(second, "other");
    const both = ours(node);
    expect(both).toHaveLength(10);
    node.run({ command: "DEL", config, container: pod.box });
    node.run({ command: "GC", config: { ...config, "cni.dev/valid-attachments": [] } });
    expect(ours(node)).toEqual(both);
    node.write("net.conf", config);
    const removed = node.call("remove /run/weft/pods/net.conf");
    expect(removed.text).toContain('delete vxlan device "weft.1"');
    expect(node.view.links()).not.toContain("weft.1");
    expect(node.view.sh("ip route show proto 87; ip -6 route show proto 87")).toBe("");
    expect(ours(node)).toHaveLength(4);
    node.write("net.conf", second);
    expect(node.call("remove /run/weft/pods/net.conf").ok).toBe(true);
    expect(rules(node)).toEqual(before);
    expect(node.call("remove /run/weft/pods/net.conf")).toMatchObject({
      ok: true,
      text: "status 0\n",
    });
  });

  it("networks with the longest names have their own device, rules and records", ({ bed }) => {
    const node = new Node(bed, 1);
    node.view.sh(drop);
    for (const [i, end] of ["a", "b"].entries()) {
      const more = { network: `10.${i}.0.0/16`, subnet: `10.${i}.1.0/24`, bridge: `cni${i}` };
      const name = `${"x".repeat(254)}${end}`;
      const config = { ...node.config([]), ...more, name, vni: i + 1 };
      node.pod(config, `pod${i}`);
      expect(node.run({ command: "STATUS", config })).toSucceed();
      expect(ours(node)).toHaveLength(4 + 2 * i);
    }
  });

  it("and without iptables ADD says what keeps others from being reached", ({ bed }) => {
    const node = new Node(bed, 1);
    node.view.sh(drop);
    const config = node.config([]);
    const PATH = bed.folder("few");
    bed.host.sh(`for i in ip unshare sh mkdir mount; do ln -s $(command -v $i) ${PATH}/$i; done`);
    const run = node.run({ command: "ADD", config, container: bed.container(), env: { PATH } });
    expect(run).toSucceed();
    expect(run.stderr).toContain('Cannot run "iptables-restore": it is not installed');
    const { error } = node.run({ command: "STATUS", config, env: { PATH } });
    expect(error).toMatchObject({ code: 51, msg: expect.stringContaining("not installed") });
  });
});

describe("where nothing is dropped", () => {
  it("no rule is made", ({ bed }) => {
    const node = new Node(bed, 1);
    node.pod(node.config([]));
    expect(node.view.nft()).not.toMatch(/FORWARD|OVERLAY/);
  });
});

describe("with firewalld", () => {
  it("the network is a source of the zone that lets everything pass", ({ bed }) => {
    const node = new Node(bed, 1);
    const folder = bed.folder("firewalld");
    bed.write(`${folder}/sources`, "");
    bed.write(
      `${folder}/busctl`,
      `#!/bin/sh
case "$*" in
  *NameHasOwner*) echo "b true" ;;
  *" querySource ss "*) grep -qxF "\${9} \${10}" ${folder}/sources && echo "b true" || echo "b false" ;;
  *" addSource ss "*) echo "\${9} \${10}" >> ${folder}/sources ;;
  *" removeSource ss "*) sed -i "\\|^\${9} \${10}$|d" ${folder}/sources ;;
esac
`,
    );
    bed.host.sh(`chmod +x ${folder}/busctl`);
    node.view.sh("nft add table inet firewalld");
    const sources = () => bed.read(`${folder}/sources`).trim().split("\n").toSorted();
    const env = { PATH: `${folder}:/usr/sbin:/usr/bin:/sbin:/bin` };
    const config = node.config([]);
    node.run({ command: "ADD", config, container: bed.container(), env }).result;
    expect(sources()).toEqual(["trusted 10.244.0.0/16", "trusted fd10::/48"]);
    expect(node.run({ command: "STATUS", config, env })).toSucceed();
    bed.write(`${folder}/sources`, "");
    expect(node.run({ command: "STATUS", config, env }).error).toMatchObject({
      code: 51,
      msg: expect.stringContaining("10.244.0.0/16"),
    });
  });
});
