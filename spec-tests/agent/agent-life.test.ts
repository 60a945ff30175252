/** The agent's life on hosts with etcd: joined, repaired, ended by whatever, started without a store. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Daemon } from "../bed/daemon.ts";
import { publicIPv6Of } from "../bed/flannel-node.ts";
import { it } from "../bed/it.ts";
import { Pinging } from "../bed/nodes.ts";
import { Etcd } from "../cluster/etcd.ts";
import { addStoresAddress, Host, type Pod, STORES, unreached } from "../cluster/host.ts";

const PREFIX = "/lives";

interface NetworkOptions {
  readonly isDual?: boolean;
  readonly backend?: object;
}

function networkText({ isDual = false, backend = {} }: NetworkOptions): string {
  return JSON.stringify({
    Network: "10.88.0.0/16",
    ...(isDual ? { EnableIPv6: true, IPv6Network: "fd88::/48" } : {}),
    Backend: { Type: "vxlan", ...backend },
  });
}

/** A host and its agent. */
class Member {
  readonly host: Host;
  readonly #words: string;
  agent: Daemon;

  constructor(host: Host, words: string) {
    this.host = host;
    this.#words = words;
    this.agent = this.start();
  }

  start(): Daemon {
    this.agent = this.host.join("agent", this.#words);
    return this.agent;
  }

  /** Waits until a command on the host prints what is wanted. */
  async until(what: string, script: string, isRight: (text: string) => boolean): Promise<void> {
    await this.agent.until(what, () => isRight(this.host.view.sh(`${script} 2>&1 || true`)));
  }

  read(bed: Bed, file: string): string {
    return bed.read(`${this.host.files}/${file}`);
  }
}

interface Scene {
  readonly etcd: Etcd;
  readonly members: readonly [Member, Member, Member];
}

/** Three hosts that have joined and reach each other. */
async function scene(bed: Bed, options: NetworkOptions = {}): Promise<Scene> {
  addStoresAddress(bed);
  const etcd = await new Etcd(bed, STORES).ready();
  etcd.ctl(`put ${PREFIX}/config '${networkText(options)}'`);
  const words = `--etcd-endpoints=${etcd.url} --etcd-prefix=${PREFIX}`;
  const member = (number: number) => new Member(new Host(bed, number), words);
  const members = [member(1), member(2), member(3)] as const;
  for (const each of members) {
    await each.agent.until("its subnet", () => each.host.hasJoined);
    await knowsOthers(bed, each, options);
  }
  return { etcd, members };
}

/** A host has all that leads to the two others and lets them in. */
async function knowsOthers(bed: Bed, member: Member, { isDual }: NetworkOptions): Promise<void> {
  const others = [1, 2, 3].filter((n) => n !== member.host.number);
  await hasEntries(member, 2);
  const addresses = others.flatMap((n) => [`192.0.2.${n}`, ...(isDual ? [publicIPv6Of(n)] : [])]);
  const hasAll = (text: string) =>
    addresses.every((address) => new RegExp(`elements = .*${address}\\b`, "s").test(text));
  await member.until("the guard", "nft list ruleset", hasAll);
  await member.agent.until("the others in the file", () => {
    const file = member.read(bed, "weft/flannel/peers.json");
    return others.every((n) => file.includes(`"192.0.2.${n}"`));
  });
}

/** A host has a forwarding entry for each of so many others. */
async function hasEntries(member: Member, count: number): Promise<void> {
  const entries = (text: string) => text.split("\n").filter((line) => line.includes(" dst "));
  const isRight = (text: string) => entries(text).length === count;
  await member.until(`${count} others`, "bridge fdb show dev flannel.1", isRight);
}

/** The first address of a host's pod. */
function addressOf({ addresses: [first = ""] }: Pod): string {
  return first;
}

/** The MAC of the device flannel.1. */
function macOf({ host }: Member): string {
  return /link\/ether (\S+)/.exec(host.view.sh("ip link show flannel.1"))?.[1] ?? "";
}

describe("three hosts", () => {
  it("reach all pods of each other, of both families", async ({ bed }) => {
    const { members } = await scene(bed, { isDual: true });
    const pods = members.flatMap(({ host }) => [host.pod(), host.pod()]);
    for (const { addresses } of pods) expect(addresses).toHaveLength(2);
    expect(unreached(pods)).toEqual([]);
    expect(members[0].host.environment.FLANNEL_MTU).toBe("1430");
  });

  it("become two when the third leaves, and three again", async ({ bed }) => {
    const { etcd, members } = await scene(bed);
    const [first, second, third] = members;
    const pods = members.map(({ host }) => host.pod());
    await third.agent.end("SIGTERM");
    const subnet = third.host.environment.FLANNEL_SUBNET?.replace(".1/", ".0-");
    etcd.ctl(`del ${PREFIX}/subnets/${subnet}`);
    await hasEntries(first, 1);
    await hasEntries(second, 1);
    expect(unreached(pods.slice(0, 2))).toEqual([]);
    third.start();
    await hasEntries(first, 2);
    expect(third.host.environment.FLANNEL_SUBNET?.replace(".1/", ".0-")).toBe(subnet);
    await third.agent.until("all pods", () => unreached(pods).length === 0);
  });

  it("follow one that gets another address", async ({ bed }) => {
    const { members } = await scene(bed);
    const [first, second] = members;
    const pods = members.map(({ host }) => host.pod());
    second.host.view.sh(`
      ip address flush dev wire scope global
      ip address add 192.0.2.22/24 dev wire
      ip route replace default via 192.0.2.254`);
    const isThere = (text: string) => text.includes("dst 192.0.2.22 ");
    await first.until("the new address", "bridge fdb show dev flannel.1", isThere);
    await first.agent.until("all pods", () => unreached(pods).length === 0);
    const old = (text: string) => !text.includes("192.0.2.2 ");
    await first.until("no old address", "bridge fdb show dev flannel.1", old);
  });

  it("change the VNI one after the other, and keep no former device", async ({ bed }) => {
    const { etcd, members } = await scene(bed);
    const pods = members.map(({ host }) => host.pod());
    etcd.ctl(`put ${PREFIX}/config '${networkText({ backend: { VNI: 9, Port: 4790 } })}'`);
    for (const each of members) {
      const isAlone = (text: string) => /^\d+: flannel\.9[:@].*\n$/.test(text);
      await each.until("flannel.9 only", "ip -o link show type vxlan", isAlone);
    }
    await members[0].agent.until("all pods", () => unreached(pods).length === 0);
  });
});

describe("what others take away comes back", () => {
  const breaks = [
    "ip link delete flannel.1",
    "ip link set flannel.1 down",
    "ip link set flannel.1 address 02:11:22:33:44:55",
    "ip route flush proto 87",
    "ip neighbour flush dev flannel.1 nud permanent",
    "bridge fdb del $(bridge fdb show dev flannel.1 | head -1 | sed 's/ self.*//') dev flannel.1",
    "nft delete chain inet weft overlay-flannel.1",
    "ip address flush dev flannel.1",
  ];

  it("in the kernel, with the same hardware address", async ({ bed }) => {
    const { members } = await scene(bed);
    const [first] = members;
    const pods = members.map(({ host }) => host.pod());
    const mac = macOf(first);
    for (const script of breaks) {
      first.host.view.sh(`${script} || true`);
      await first.agent.until(`all pods after ${script}`, () => {
        const isThere = first.host.view.succeeds("nft list chain inet weft overlay-flannel.1");
        return isThere && unreached(pods).length === 0 && macOf(first) === mac;
      });
    }
  });

  it("in files that are deleted or damaged", async ({ bed }) => {
    const { members } = await scene(bed);
    const [first] = members;
    const files = ["flannel/subnet.env", "weft/flannel/node.json", "weft/flannel/peers.json"];
    for (const file of files) {
      const path = `${first.host.files}/${file}`;
      const text = bed.read(path);
      for (const script of [`rm ${path}`, `echo '{"x' > ${path}`, `: > ${path}`]) {
        bed.host.sh(script);
        const isBack = () =>
          bed.host.succeeds(`test -s ${path}`) && bed.read(path).length === text.length;
        await first.agent.until(`${file} after ${script}`, isBack);
      }
    }
  });
});

describe("no ping is lost", () => {
  it("when agents are killed and started again", async ({ bed }) => {
    const { members } = await scene(bed);
    const [first, second] = members;
    const [one, two] = [first.host.pod(), second.host.pod()];
    const ping = new Pinging(bed, one.box, addressOf(two));
    for (const signal of ["SIGKILL", "SIGTERM", "SIGKILL", "SIGINT"] as const) {
      await first.agent.end(signal);
      first.start();
      await first.agent.until("its start", () => first.agent.said.includes("started"));
    }
    await hasEntries(first, 2);
    expect(await ping.end()).toMatchObject({ lost: [] });
  });

  it("when etcd is away for long, and nobody is shut out", async ({ bed }) => {
    const { etcd, members } = await scene(bed);
    const [first, second] = members;
    const [one, two] = [first.host.pod(), second.host.pod()];
    const ping = new Pinging(bed, one.box, addressOf(two));
    await etcd.kill();
    await first.agent.until("a word of it", () => first.agent.said.includes("store: "));
    await hasEntries(first, 2);
    await etcd.restart();
    await first.agent.until("it is heard again", () => first.agent.said.includes("recovered: "));
    await hasEntries(first, 2);
    expect(await ping.end()).toMatchObject({ lost: [] });
  });
});

it("ends with exit status 0 by SIGTERM and SIGINT, and everything stays", async ({ bed }) => {
  const { members } = await scene(bed);
  const pods = members.map(({ host }) => host.pod());
  expect(await members[0].agent.end("SIGTERM")).toBe(0);
  expect(await members[1].agent.end("SIGINT")).toBe(0);
  await members[2].agent.kill();
  expect(unreached(pods)).toEqual([]);
  expect(members[0].host.hasJoined).toBe(true);
});

it("repairs the kernel from the files of before if etcd is away when it starts", async ({
  bed,
}) => {
  const { etcd, members } = await scene(bed);
  const [first] = members;
  const pods = members.map(({ host }) => host.pod());
  const mac = macOf(first);
  expect(await first.agent.end("SIGTERM")).toBe(0);
  await etcd.kill();
  first.host.view.sh("ip link delete flannel.1");
  first.start();
  await first.agent.until("all pods", () => unreached(pods).length === 0);
  expect(macOf(first)).toBe(mac);
});

it("takes away the entries of a host that left while it was down", async ({ bed }) => {
  const { etcd, members } = await scene(bed);
  const [first, , third] = members;
  await first.agent.kill();
  await third.agent.kill();
  const subnet = third.host.environment.FLANNEL_SUBNET?.replace(".1/", ".0-");
  etcd.ctl(`del ${PREFIX}/subnets/${subnet}`);
  expect(first.host.entries()).toContain("192.0.2.3");
  first.start();
  await hasEntries(first, 1);
  await first.agent.until("no entries", () => !first.host.entries().includes("192.0.2.3"));
});

it("gives no host what it has itself, nor one of two what both claim", async ({ bed }) => {
  const { etcd, members } = await scene(bed);
  const [first] = members;
  const lease = (publicIP: string, mac: string) =>
    JSON.stringify({
      PublicIP: publicIP,
      PublicIPv6: null,
      BackendType: "vxlan",
      BackendData: { VNI: 1, VtepMAC: mac },
    });
  const put = (subnet: string, value: string) =>
    etcd.ctl(`put ${PREFIX}/subnets/${subnet} '${value}'`);
  put("10.88.201.0-24", lease("192.0.2.201", macOf(first)));
  put("10.88.202.0-24", lease("192.0.2.202", "02:00:00:00:00:22"));
  put("10.88.203.0-24", lease("192.0.2.203", "02:00:00:00:00:22"));
  const said = (text: string) => () => first.agent.said.includes(text);
  await first.agent.until("who is left out", said("limited: Cannot use peer 192.0.2.203"));
  await hasEntries(first, 2);
  etcd.ctl(`del ${PREFIX}/subnets/10.88.203.0-24`);
  await hasEntries(first, 3);
  expect(first.host.entries()).not.toContain("192.0.2.201");
});

it("is the only one of its network on a host, and a second one says who is", async ({ bed }) => {
  const { members } = await scene(bed);
  const [first] = members;
  const second = first.host.join("agent", "--etcd-prefix=/lives");
  const words = /Cannot start the agent of network "flannel": process \d+ \(weft\) is running/;
  await second.until("a refusal", () => words.test(second.said));
});
