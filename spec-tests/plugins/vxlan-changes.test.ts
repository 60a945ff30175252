/** vxlan-overlay: one host of three joins, leaves or changes, and the other two do not notice. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Daemon } from "../bed/daemon.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { Node, Pinging, type Pod } from "../bed/nodes.ts";

/** A node that follows its peers file, with a pod. */
class Member {
  readonly node: Node;
  readonly pod: Pod;
  readonly #others: readonly Config[];
  readonly #daemon: Daemon;

  constructor(node: Node, others: readonly Config[]) {
    this.node = node;
    this.#others = others;
    this.tell();
    const { peers: _, ...config } = node.config([]);
    this.#daemon = node.daemon(config);
    this.pod = node.pod(config);
  }

  /** Writes the peers file: those of the start, and more. */
  tell(...more: readonly Config[]): void {
    this.node.write("peers.json", [...this.#others, ...more]);
  }

  /** All that leads to other nodes. */
  get entries(): string {
    return this.node.view.sh(`
      ip route show proto 87; ip -6 route show proto 87
      ip neighbour show dev weft.1 nud permanent; bridge fdb show dev weft.1`);
  }

  async until(what: string, holds: (entries: string) => boolean): Promise<void> {
    await this.#daemon.until(what, () => holds(this.entries));
  }

  async end(): Promise<void> {
    expect(this.#daemon.said).not.toContain("problem");
    await this.#daemon.kill();
  }
}

/** Two nodes that ping each other, and a third with a pod that knows them. */
interface Scene {
  readonly pair: readonly [Member, Member];
  readonly third: Node;
  readonly pod: Pod;
  readonly ping: Pinging;
}

function scene(bed: Bed): Scene {
  const [one, two, third] = [new Node(bed, 1), new Node(bed, 2), new Node(bed, 3)] as const;
  const pair = [new Member(one, [two.peer]), new Member(two, [one.peer])] as const;
  const pod = third.pod(third.config([one, two]));
  const ping = new Pinging(bed, pair[0].pod.box, "10.244.2.2");
  return { pair, third, pod, ping };
}

/** Tells the two of the third, and waits until they have done what that needs. */
async function tell(
  { pair }: Scene,
  peers: readonly Config[],
  holds: (entries: string) => boolean,
) {
  for (const member of pair) member.tell(...peers);
  for (const member of pair) await member.until("the change", holds);
}

/** The ping went on meanwhile, and lost nothing. */
async function expectNoLoss({ pair, ping }: Scene): Promise<void> {
  const { answered, lost } = await ping.end();
  expect(lost).toEqual([]);
  expect(answered).toBeGreaterThan(25);
  for (const member of pair) await member.end();
}

/** With the old MAC the kernel forgets the neighbours as well, those made by hand included. */
function setMac({ view }: Node, mac: string, others: readonly Member[]): void {
  view.sh(`ip link set weft.1 address ${mac}`);
  for (const { node } of others) {
    const { address } = node.view.link("weft.1");
    view.sh(`ip neighbour add 10.244.${node.number}.0 lladdr ${address} dev weft.1 nud permanent`);
  }
}

const isKnown = (entries: string) => entries.includes("dst 192.0.2.3 ");

describe("while two hosts ping each other without loss, a third", () => {
  it("joins", async ({ bed }) => {
    const all = scene(bed);
    expect(all.pair[0].pod.box.ping("10.244.3.2")).toBe(false);
    await tell(all, [all.third.peer], isKnown);
    expect(all.pair[0].pod.box.ping("10.244.3.2")).toBe(true);
    expect(all.pod.box.ping("10.244.2.2")).toBe(true);
    await expectNoLoss(all);
  });

  it("leaves, and leaves nothing behind", async ({ bed }) => {
    const all = scene(bed);
    const before = all.pair.map(({ entries }) => entries);
    await tell(all, [all.third.peer], isKnown);
    await tell(all, [], (entries) => !isKnown(entries));
    expect(all.pair.map(({ entries }) => entries)).toEqual(before);
    await expectNoLoss(all);
  });

  it("changes its address", async ({ bed }) => {
    const all = scene(bed);
    const { third } = all;
    await tell(all, [third.peer], isKnown);
    third.view.sh(`
      ip address delete 192.0.2.3/24 dev wire; ip address add 192.0.2.33/24 dev wire
      ip route replace default via 192.0.2.254`);
    third.pod(third.config(all.pair.map(({ node }) => node)), "again");
    await tell(all, [{ ...third.peer, publicIP: "192.0.2.33" }], (entries) =>
      entries.includes("dst 192.0.2.33 "),
    );
    for (const { entries } of all.pair) expect(isKnown(entries)).toBe(false);
    expect(all.pair[0].pod.box.ping("10.244.3.2")).toBe(true);
    await expectNoLoss(all);
  });

  it("changes its MAC", async ({ bed }) => {
    const all = scene(bed);
    const { third } = all;
    await tell(all, [third.peer], isKnown);
    const old = String(third.view.link("weft.1").address);
    const vtepMAC = "02:11:22:33:44:55";
    setMac(third, vtepMAC, all.pair);
    await tell(all, [{ ...third.peer, vtepMAC }], (entries) => entries.includes(vtepMAC));
    for (const { entries } of all.pair) expect(entries).not.toContain(old);
    expect(all.pair[0].pod.box.ping("10.244.3.2")).toBe(true);
    await expectNoLoss(all);
  });
});

/** Every message takes long enough for pings to fall into the time between two. */
const slowly = { fail: "sendto,sendmsg:delay_exit=60000" };

describe("a peer whose way changes is reached at any time", () => {
  it("when its address changes", async ({ bed }) => {
    const [one, three] = [new Node(bed, 1), new Node(bed, 3)] as const;
    const config = { ...one.config([]), peers: undefined };
    one.write("peers.json", [three.peer]);
    const pod = one.pod(config);
    three.pod(three.config([one]));
    three.view.sh("ip address add 192.0.2.33/24 dev wire");
    const vtepMAC = String(three.view.link("weft.1").address);
    const ping = new Pinging(bed, pod.box, "10.244.3.2");
    one.write("peers.json", [{ ...three.peer, publicIP: "192.0.2.33", vtepMAC }]);
    one.run({ command: "ADD", config, container: bed.container(), ...slowly }).result;
    expect(await ping.end()).toMatchObject({ lost: [] });
    expect(one.view.sh("bridge fdb show dev weft.1")).toBe(
      `${vtepMAC} dst 192.0.2.33 self permanent\n`,
    );
  });

  it("when it is reached without wrapping from now on, and when it is not any more", async ({
    bed,
  }) => {
    const [one, three] = [new Node(bed, 1), new Node(bed, 3)] as const;
    const config = one.config([three]);
    const pod = one.pod(config);
    three.pod(three.config([one]));
    const ping = new Pinging(bed, pod.box, "10.244.3.2");
    for (const directRouting of [true, false]) {
      const changed = { ...config, directRouting };
      one.run({ command: "ADD", config: changed, container: bed.container(), ...slowly }).result;
      expect(one.run({ command: "STATUS", config: changed })).toSucceed();
    }
    expect(await ping.end()).toMatchObject({ lost: [] });
  });

  it("when its MAC changes: what is to go goes last", ({ bed }) => {
    const one = new Node(bed, 1);
    const config = { ...one.config([]), peers: undefined };
    const peer = { subnet: ["10.244.3.0/24", "fd10:0:0:3::/64"], publicIP: "192.0.2.3" };
    const [old, vtepMAC] = ["02:00:00:00:00:01", "02:00:00:00:00:02"];
    one.write("peers.json", [{ ...peer, vtepMAC: old }]);
    one.pod(config, "before");
    one.view.sh(`
      bridge monitor fdb </dev/null >/tmp/fdb 2>&1 & echo $! >/tmp/pids
      ip monitor neigh route </dev/null >/tmp/ip 2>&1 & echo $! >>/tmp/pids
      for i in $(seq 10 99); do
        grep -q 192.0.2 /tmp/fdb && grep -q 10.244 /tmp/ip && exit 0
        bridge fdb add 02:00:00:00:09:$i dev weft.1 dst 192.0.2.$i self permanent
        ip neigh add 10.244.$i.0 lladdr 02:00:00:00:09:$i dev weft.1 nud permanent
        sleep 0.1
      done; exit 1`);
    one.write("peers.json", [{ ...peer, vtepMAC }]);
    one.pod(config, "after");
    one.view.sh(`
      for i in $(seq 100); do grep -q "eleted ${old}" /tmp/fdb && break; sleep 0.05; done
      kill $(cat /tmp/pids)`);
    const lines = bed
      .read("/tmp/fdb")
      .split("\n")
      .filter((line) => line.includes("192.0.2.3 "));
    expect(lines.map((line) => line.split(" dev ")[0])).toEqual([vtepMAC, `Deleted ${old}`]);
    expect(bed.read("/tmp/ip")).not.toMatch(/Deleted (10\.244\.3\.|fd10:0:0:3:)/);
  });
});
