/** The daemon of vxlan-overlay: what it mends, how fast, and what it never touches. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Daemon } from "../bed/daemon.ts";
import { it } from "../bed/it.ts";
import { Node, Pinging, type Pod } from "../bed/nodes.ts";
import { Patience } from "../bed/patience.ts";

interface Scene {
  readonly nodes: readonly [Node, Node];
  readonly daemon: Daemon;
  /** One on each node. */
  readonly pods: readonly [Pod, Pod];
}

/** Two nodes, each with a pod; the first has a daemon. */
async function scene(bed: Bed): Promise<Scene> {
  const nodes = [new Node(bed, 1), new Node(bed, 2)] as const;
  const [first, second] = nodes;
  const { peers, ...config } = first.config(nodes);
  first.write("peers.json", { peers });
  const daemon = first.daemon(config);
  await daemon.until("the first repair", () => daemon.said.includes("make vxlan device"));
  const pods = [first.pod(config), second.pod(second.config(nodes))] as const;
  return { nodes, daemon, pods };
}

const entries = (node: Node) =>
  node.view.sh(`
    ip route show dev weft.1; ip -6 route show dev weft.1 proto 87
    ip neighbour show dev weft.1 nud permanent; bridge fdb show dev weft.1`);

describe("the daemon", () => {
  it.for([
    ["flushed neighbours", "ip neighbour flush dev weft.1 nud permanent"],
    [
      "flushed fdb entries",
      "for m in $(bridge fdb show dev weft.1 | cut -d' ' -f1); do bridge fdb del $m dev weft.1; done",
    ],
    ["deleted routes", "ip route delete 10.244.2.0/24; ip -6 route delete fd10:0:0:2::/64"],
    ["a device that went down", "ip link set weft.1 down"],
    ["another MAC", "ip link set weft.1 address 02:11:22:33:44:55"],
    ["a deleted device", "ip link delete weft.1"],
  ] as const)("mends %s as soon as it happens", async ([, damage], { bed }) => {
    const { nodes, daemon } = await scene(bed);
    const [first] = nodes;
    const before = entries(first);
    const mac = first.view.link("weft.1").address;
    first.view.sh(damage);
    const isMended = () =>
      first.view.succeeds("ip link show weft.1 up") &&
      first.view.link("weft.1").address === mac &&
      entries(first) === before;
    await daemon.until("the repair", isMended, new Patience(1000));
    await daemon.kill();
  });

  it("goes on in a folder that was deleted with its own files, whose lock it holds open", async ({
    bed,
  }) => {
    const { nodes, daemon } = await scene(bed);
    const [first, second] = nodes;
    const gateway = `via ${second.subnets[0]?.split("/")[0]} `;
    const hasRoute = () => entries(first).includes(gateway);
    const isTold = () => bed.host.succeeds(`test -S ${first.folder}/overlay.sock`);
    await daemon.until("the first entries", () => hasRoute() && isTold());
    // What is made again while it is deleted has to be deleted as well.
    bed.host.sh(`until rm -rf ${first.folder}; do :; done`);
    await daemon.until("its socket", isTold);
    await daemon.until("that nobody is named", () => !hasRoute());
    first.write("peers.json", { peers: [second.peer] });
    await daemon.until("the peer", hasRoute);
    await daemon.kill();
  });

  it("follows the peers file, and keeps the last good one", async ({ bed }) => {
    const { nodes, daemon } = await scene(bed);
    const [first, second] = nodes;
    const before = entries(first);
    first.write("peers.json", "[{");
    await daemon.until("a word", () => daemon.said.includes("problem: "));
    expect(first.call("status /run/weft/pods/net.conf").text).toContain("problem: Cannot read");
    first.view.sh("ip route delete 10.244.2.0/24");
    await daemon.until("the repair", () => entries(first) === before);
    const third = { subnet: ["10.244.3.0/24", "fd10:0:0:3::/64"], publicIP: "192.0.2.3" };
    first.write("peers.json", [second.peer, third]);
    await daemon.until("the new peer", () => entries(first).includes("10.244.3.0/24"));
    await daemon.until("a word", () => daemon.said.includes("recovered: "));
    first.write("peers.json", [second.peer]);
    await daemon.until("the end of the peer", () => entries(first) === before);
    await daemon.kill();
  });

  it("tells its state as a table and as JSON", async ({ bed }) => {
    const { nodes, daemon } = await scene(bed);
    const table = nodes[0].call("status /run/weft/pods/net.conf");
    expect(table.ok).toBe(true);
    expect(table.text).toContain("network pods, device weft.1, public address 192.0.2.1, MTU 1450");
    const { text } = nodes[0].call("status /run/weft/pods/net.conf --json");
    const health = JSON.parse(text.split("\n")[0] ?? "") as { readonly peers: readonly object[] };
    expect(health).toMatchObject({ isReady: true, network: "pods" });
    expect(health.peers).toMatchObject([{ publicIP: "192.0.2.2" }]);
    await daemon.kill();
    expect(nodes[0].call("status /run/weft/pods/net.conf").ok).toBe(false);
  });

  it("sleeps while nothing of its own changes, until all is compared once a minute", async ({
    bed,
  }) => {
    const { nodes, daemon } = await scene(bed);
    const [first] = nodes;
    const passes = () => {
      const { text } = first.call("status /run/weft/pods/net.conf --json");
      return (JSON.parse(text.split("\n")[0] ?? "") as { readonly passes: number }).passes;
    };
    first.view.until("! ip -6 address show tentative | grep -q inet6");
    const isQuiet = () => {
      const before = passes();
      bed.host.sh("sleep 0.3");
      return passes() === before;
    };
    await daemon.until("silence", isQuiet);
    const before = passes();
    first.view.sh(`
      for i in $(seq 20); do
        ip neighbour replace 192.0.2.77 lladdr 02:00:00:00:00:$((i + 10)) dev wire
        ip route replace 198.51.100.0/24 via 192.0.2.254
        ip link add other type veth peer name rehto; ip link delete other
      done
      sleep 0.3`);
    expect(passes()).toBe(before);
    first.view.sh("ip neighbour flush dev weft.1 nud permanent");
    await daemon.until("a pass", () => passes() > before);
    await daemon.kill();
  });

  it("is not in the way of packets: killed and started again, none is lost", async ({ bed }) => {
    const { nodes, daemon, pods } = await scene(bed);
    const [first, second] = nodes;
    const ping = new Pinging(bed, pods[0].box, "10.244.2.2");
    await daemon.kill();
    const again = first.daemon(first.config([], { peers: [second.peer] }));
    await again.until("its start", () => again.said.includes("started"));
    expect(await ping.end()).toMatchObject({ lost: [] });
    await again.kill();
  });

  it("is the only one of its network, and a second one says who is", async ({ bed }) => {
    const { nodes, daemon } = await scene(bed);
    const [first] = nodes;
    const second = first.call("daemon /run/weft/pods/net.conf");
    expect(second.ok).toBe(false);
    expect(second.text).toMatch(
      /^Cannot start the daemon of network "pods": process \d+ \(vxlan-overlay\) is running already$/m,
    );
    expect(first.call("status /run/weft/pods/net.conf").ok).toBe(true);
    expect(first.call("daemon /run/weft/pods/net.conf --once").ok).toBe(true);
    await daemon.kill();
    const again = first.daemon(first.config([]));
    await again.until("its start", () => again.said.includes("started"));
    await again.kill();
  });

  it("with --once makes it right and ends", ({ bed }) => {
    const [first, second] = [new Node(bed, 1), new Node(bed, 2)];
    first.write("net.conf", { ...first.config([first, second]) });
    const run = first.call("daemon /run/weft/pods/net.conf --once --log=json");
    expect(run.ok).toBe(true);
    expect(run.text).toContain('{"event":"changed","message":"make vxlan device');
    expect(first.call("daemon /run/weft/pods/net.conf --once").text).toBe("status 0\n");
    expect(first.call("daemon /run/weft/nothing.conf").ok).toBe(false);
    expect(first.call("sing").ok).toBe(false);
  });

  it.for([undefined, "", "../pods", 'pods"\n-F', "p".repeat(256), 7])(
    "refuses a network whose name is %j, as plugins do, before anything is done",
    (name, { bed }) => {
      const node = new Node(bed, 1);
      node.write("net.conf", { ...node.config([]), name });
      const before = bed.snapshot();
      const run = node.call("daemon /run/weft/pods/net.conf --once");
      expect(run.text).toContain('its "name" is no plain name of a network');
      expect(run.ok).toBe(false);
      expect(bed.leftovers(before)).toEqual([]);
    },
  );
});
