/** vxlan-overlay: one host of three joins, leaves or changes, and the other two do not notice. */
import { describe, expect } from "vitest";
import type { Bed } from "./bed/bed.ts";
import type { Config } from "./bed/invocation.ts";
import { it } from "./bed/it.ts";
import { type Daemon, Node, Pinging, type Pod } from "./bed/nodes.ts";

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
