/** vxlan-overlay: many at once, on a host where nothing has been made yet, and sudden deaths. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { Node } from "../bed/nodes.ts";

const AT_ONCE = 16;

const peers = Array.from({ length: 20 }, (_, i) => ({
  subnet: [`10.244.${i + 100}.0/24`, `fd10:0:0:${i + 100}::/64`],
  publicIP: `192.0.2.${i + 100}`,
}));

/** Every message takes a while, so that all meet in the midst of it. */
const fail = "sendto,sendmsg:delay_exit=5000";

/** As many first ADDs at once; the errors of those that fail. */
async function addAtOnce(bed: Bed, node: Node, config: Config): Promise<readonly string[]> {
  const boxes = Array.from({ length: AT_ONCE }, (_, i) => bed.container(`at-once-${i}`));
  const runs = await Promise.all(
    boxes.map((container) => node.start({ command: "ADD", config, container, fail })),
  );
  return runs.filter(({ ok }) => !ok).map(({ stdout }) => stdout);
}

const indexOf = (node: Node) => Number(node.view.link("weft.1").ifindex);

function expectEveryPeer(node: Node): void {
  expect(node.view.sh("ip route show proto 87").trim().split("\n")).toHaveLength(20);
  expect(node.view.sh("bridge fdb show dev weft.1").trim().split("\n")).toHaveLength(20);
}

describe(`${AT_ONCE} first ADDs at once`, () => {
  it("all succeed, and make one device with every entry", async ({ bed }) => {
    const node = new Node(bed, 1);
    const config = node.config([], { peers });
    expect(await addAtOnce(bed, node, config)).toEqual([]);
    expectEveryPeer(node);
    expect(node.view.links().filter((name) => name.startsWith("veth"))).toHaveLength(AT_ONCE);
    const index = indexOf(node);
    node.pod(config, "late");
    expect(indexOf(node)).toBe(index);
  });

  it("all succeed while the daemon starts", async ({ bed }) => {
    const node = new Node(bed, 1);
    const config = node.config([], { peers });
    const daemon = node.daemon(config);
    expect(await addAtOnce(bed, node, config)).toEqual([]);
    expectEveryPeer(node);
    await daemon.until("its start", () => daemon.said.includes("started"));
    expect(daemon.said).not.toContain("problem");
    await daemon.kill();
  });

  it("all succeed while the peers file changes under the daemon", async ({ bed }) => {
    const node = new Node(bed, 1);
    const { peers: _, ...config } = node.config([]);
    node.write("peers.json", peers.slice(0, 5));
    const daemon = node.daemon(config);
    await daemon.until("its start", () => daemon.said.includes("for 5 peers"));
    const adding = addAtOnce(bed, node, config);
    for (let count = 6; count <= peers.length; count++) {
      node.write("peers.json", peers.slice(0, count));
    }
    expect(await adding).toEqual([]);
    await daemon.until("the last peer", () =>
      node.view.sh("bridge fdb show dev weft.1").includes("192.0.2.119"),
    );
    expectEveryPeer(node);
    expect(daemon.said).not.toContain("problem");
    await daemon.kill();
  });
});

describe("an ADD that is killed", () => {
  it("before any of its messages, is made good by the next", ({ bed }) => {
    const node = new Node(bed, 1);
    const config = node.config([], { peers, ipMasq: false });
    const container = bed.container();
    let kills = 0;
    for (;;) {
      const fail = `sendto,sendmsg:signal=KILL:when=${kills + 1}`;
      const run = node.run({ command: "ADD", config, container, fail });
      if (run.ok) break;
      kills++;
      expect(node.run({ command: "DEL", config, container })).toSucceed();
      node.run({ command: "ADD", config, container }).result;
      expectEveryPeer(node);
      node.run({ command: "DEL", config, container });
      node.view.sh("ip link delete weft.1");
    }
    expect(kills).toBeGreaterThan(10);
  });

  it("while it changes entries, leaves no state that passes for right", ({ bed }) => {
    const node = new Node(bed, 1);
    const [before, after] = [peers.slice(0, 3), peers.slice(2, 5)].map((some) =>
      node.config([], { peers: some, ipMasq: false }),
    );
    const container = bed.container();
    node.pod(before ?? {}, "first");
    const right = node.view.sh("ip route show proto 87; bridge fdb show dev weft.1 | sort");
    let isOver = false;
    for (let kills = 1; !isOver; kills++) {
      const fail = `sendto,sendmsg:signal=KILL:when=${kills}`;
      const run = node.run({ command: "ADD", config: after ?? {}, container, fail });
      isOver = run.ok || node.view.succeeds("ip link show master cni0 | grep -c veth | grep -q 2");
      node.run({ command: "DEL", config: before ?? {}, container });
      node.run({ command: "ADD", config: before ?? {}, container }).result;
      expect(node.view.sh("ip route show proto 87; bridge fdb show dev weft.1 | sort")).toBe(right);
      node.run({ command: "DEL", config: before ?? {}, container });
    }
  });
});
