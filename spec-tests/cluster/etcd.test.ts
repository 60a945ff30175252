/** flanneld and the agent in one network, which find each other in etcd. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Daemon } from "../bed/daemon.ts";
import { needs } from "../bed/kernel.ts";
import { waitUntil } from "../bed/patience.ts";
import { Etcd } from "./etcd.ts";
import { addStoresAddress, Host, type Joiner, STORES, unreached } from "./host.ts";

const PREFIX = "/coreos.com/network";

const single = { Network: "10.77.0.0/16", SubnetLen: 24 };
const dual = { ...single, EnableIPv6: true, IPv6Network: "fd77::/48" };

/** A running host. */
interface Running {
  readonly host: Host;
  readonly daemon: Daemon;
}

/** An etcd with a network's configuration. */
async function storeWith(bed: Bed, config: object): Promise<Etcd> {
  addStoresAddress(bed);
  const etcd = await new Etcd(bed, STORES).ready();
  etcd.ctl(`put ${PREFIX}/config '${JSON.stringify(config)}'`);
  return etcd;
}

async function join(host: Host, by: Joiner, etcd: Etcd, more = ""): Promise<Running> {
  const daemon = host.join(by, `--etcd-endpoints=${etcd.url} --ip-masq ${more}`);
  await daemon.until(`the file of ${host.name}`, () => host.hasJoined);
  return { host, daemon };
}

/** The value of a host's lease. */
function leaseOf(etcd: Etcd, { publicIP }: Host): { readonly key: string; readonly value: string } {
  const all = [...etcd.keys(`${PREFIX}/subnets/`)];
  const own = all.filter(([, value]) => value.includes(`"PublicIP":"${publicIP}"`));
  expect(own).toHaveLength(1);
  const [key = "", value = ""] = own[0] ?? [];
  return { key: key.slice(`${PREFIX}/subnets/`.length), value };
}

/** A lease with what differs from host to host left out. */
function shapeOf({ key, value }: ReturnType<typeof leaseOf>): readonly string[] {
  return [
    key.replace(/^10\.77\.\d+\.0/, "10.77.n.0").replace(/fd77:0:0:[0-9a-f]+::/, "fd77:0:0:n::"),
    value
      .replace(/[0-9a-f]{2}(:[0-9a-f]{2}){5}/g, "mac")
      .replace(/192\.0\.2\.\d+/, "192.0.2.n")
      .replace(/2001:db8::\d+/, "2001:db8::n"),
  ];
}

const vxlan = { ...single, Backend: { Type: "vxlan" } };

/** What flannel writes of a host. */
function leaseValue(publicIP: string, mac: string): object {
  return {
    PublicIP: publicIP,
    PublicIPv6: null,
    BackendType: "vxlan",
    BackendData: { VNI: 1, VtepMAC: mac },
  };
}

/** Keys and values that are no lease. */
const junk = [
  ["/10.77.200.0-24", "{"],
  ["/not-a-subnet", "{}"],
  ["/10.77.201.0-24", "null"],
  ["-of-others", "text"],
] as const;

const both = "flanneld 0.28.10";

describe("flanneld and the agent, in etcd", () => {
  needs(both).for([
    ["vxlan", { ...single, Backend: { Type: "vxlan" } }],
    ["vxlan with a VNI and a port", { ...single, Backend: { Type: "vxlan", VNI: 7, Port: 4789 } }],
    ["vxlan with DirectRouting", { ...single, Backend: { Type: "vxlan", DirectRouting: true } }],
    ["vxlan of both families", { ...dual, Backend: { Type: "vxlan" } }],
    ["host-gw", { ...single, Backend: { Type: "host-gw" } }],
    ["host-gw of both families", { ...dual, Backend: { Type: "host-gw" } }],
  ] as const)("reach all pods of each other: %s", async ([, config], { bed }) => {
    const etcd = await storeWith(bed, config);
    const joiners = ["flanneld", "agent", "flanneld", "agent"] as const;
    const hosts = joiners.map((_, i) => new Host(bed, i + 1));
    for (const [i, host] of hosts.entries()) await join(host, joiners[i] ?? "agent", etcd);
    const pods = hosts.map((host) => host.pod());
    waitUntil("all pods", () => unreached(pods).length === 0);
    const shapes = hosts.map((host) => shapeOf(leaseOf(etcd, host)));
    expect(shapes[1]).toEqual(shapes[0]);
  });

  needs(both)("hear of a third that joins, becomes another and leaves", async ({ bed }) => {
    const etcd = await storeWith(bed, vxlan);
    const hosts = [new Host(bed, 1), new Host(bed, 2)] as const;
    await join(hosts[0], "flanneld", etcd);
    await join(hosts[1], "agent", etcd);
    const key = `${PREFIX}/subnets/10.77.9.0-24`;
    const put = (publicIP: string, mac: string) =>
      etcd.ctl(`put ${key} '${JSON.stringify(leaseValue(publicIP, mac))}'`);
    const have = (text: string) => hosts.every((host) => host.entries().includes(text));
    put("192.0.2.9", "0a:00:00:00:00:09");
    waitUntil("the third host", () => have("0a:00:00:00:00:09 dst 192.0.2.9"));
    expect(have("10.77.9.0/24 via 10.77.9.0 dev flannel.1")).toBe(true);
    put("192.0.2.10", "0a:00:00:00:00:10");
    waitUntil("what it has become", () => have("0a:00:00:00:00:10 dst 192.0.2.10"));
    expect(hosts[1].entries()).not.toContain("0a:00:00:00:00:09");
    etcd.ctl(`del ${key}`);
    waitUntil("its end", () => hosts.every((host) => !host.entries().includes("10.77.9.0")));
  });

  needs(both)("junk under the prefix takes nobody from the agent", async ({ bed }) => {
    const etcd = await storeWith(bed, vxlan);
    const hosts = [new Host(bed, 1), new Host(bed, 2), new Host(bed, 3)] as const;
    for (const host of hosts) await join(host, host === hosts[1] ? "agent" : "flanneld", etcd);
    waitUntil("all", () => hosts.every((host) => host.entries().split(" via ").length === 3));
    const before = hosts[1].entries();
    const subnets = `${PREFIX}/subnets`;
    for (const [key, value] of junk) etcd.ctl(`put '${subnets}${key}' '${value}'`);
    etcd.ctl(
      `put ${subnets}/10.77.9.0-24 '${JSON.stringify(leaseValue("192.0.2.9", "0a:00:00:00:00:09"))}'`,
    );
    waitUntil("what comes after", () => hosts[1].entries().includes("10.77.9.0/24 via"));
    etcd.ctl(`del ${subnets}/10.77.9.0-24`);
    waitUntil("the same as before", () => hosts[1].entries() === before);
  });

  needs(both)(
    "the agent has its lease again when that is taken away, and after a crash",
    async ({ bed }) => {
      const etcd = await storeWith(bed, vxlan);
      const [theirs, ours] = [new Host(bed, 1), new Host(bed, 2)] as const;
      await join(theirs, "flanneld", etcd);
      const { daemon } = await join(ours, "agent", etcd);
      const before = leaseOf(etcd, ours);
      etcd.ctl(`del ${PREFIX}/subnets/${before.key}`);
      await daemon.until("a lease again", () => etcd.keys(`${PREFIX}/subnets/`).size === 2);
      expect(leaseOf(etcd, ours)).toEqual(before);
      const entries = ours.entries();
      await daemon.kill();
      expect(ours.entries()).toBe(entries);
      await join(ours, "agent", etcd);
      expect(leaseOf(etcd, ours)).toEqual(before);
      waitUntil("the same entries", () => ours.entries() === entries);
      waitUntil("the other host's", () =>
        theirs.entries().includes(before.key.replace("-24", "/24")),
      );
    },
  );

  needs(both)(
    "a store that is away changes nothing, and is believed once it is back",
    async ({ bed }) => {
      const etcd = await storeWith(bed, vxlan);
      const hosts = [new Host(bed, 1), new Host(bed, 2)] as const;
      await join(hosts[0], "flanneld", etcd);
      const { daemon } = await join(hosts[1], "agent", etcd);
      const pods = hosts.map((host) => host.pod());
      waitUntil("all pods", () => unreached(pods).length === 0);
      await etcd.kill();
      await daemon.until("a word about it", () =>
        daemon.said.includes(etcd.url.replace("http://", "")),
      );
      expect(unreached(pods)).toEqual([]);
      await etcd.restart();
      etcd.ctl(
        `put ${PREFIX}/subnets/10.77.9.0-24 '${JSON.stringify(leaseValue("192.0.2.9", "0a:00:00:00:00:09"))}'`,
      );
      await daemon.until("news", () => hosts[1].entries().includes("10.77.9.0/24 via"));
      expect(unreached(pods)).toEqual([]);
    },
  );
});
