/** A host changes from flanneld to the agent and back, and no ping of its pods is lost. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Daemon } from "../bed/daemon.ts";
import { needs } from "../bed/kernel.ts";
import { Pinging } from "../bed/nodes.ts";
import { ApiServer } from "./api-server.ts";
import { Etcd } from "./etcd.ts";
import { addStoresAddress, Host, type Joiner, STORES } from "./host.ts";
import { addAccount, both, dual, single, start, subnetsOf } from "./kubernetes.ts";

const PREFIX = "/coreos.com/network";

/** What joins hosts to a network, started on one of them. */
type Start = (host: Host, by: Joiner) => Daemon;

async function etcdWith(bed: Bed, config: object): Promise<Start> {
  const etcd = await new Etcd(bed, STORES).ready();
  etcd.ctl(`put ${PREFIX}/config '${JSON.stringify(config)}'`);
  return (host, by) => host.join(by, `--etcd-endpoints=${etcd.url} --ip-masq`);
}

async function kubernetesWith(bed: Bed, network: object): Promise<Start> {
  const server = await ApiServer.start(bed, STORES);
  const token = addAccount(server);
  for (const number of [1, 2, 3]) server.addNode(`node${number}`, subnetsOf(number));
  return (host, by) => start(bed, host, by, { server, network, token });
}

const stores = { etcd: etcdWith, Kubernetes: kubernetesWith };

/** What of flannel's and of ours a host's packet filter has. */
function filterOf({ view }: Host) {
  const chains = (text: string) => [...new Set(text.match(/FLANNEL-\w+|CNI-OVERLAY/g))].sort();
  return {
    iptables: chains(view.sh("iptables-save; ip6tables-save")),
    legacy: chains(
      view.sh("iptables-legacy-save 2>/dev/null; ip6tables-legacy-save 2>/dev/null; true"),
    ),
    tables: [...view.sh("nft list tables").matchAll(/flannel-ipv\d/g)].map(String).sort(),
  };
}

const types = [
  ["vxlan", { ...single, Backend: { Type: "vxlan" } }],
  ["vxlan of both families", { ...dual, Backend: { Type: "vxlan" } }],
  ["rules in nf_tables", { ...dual, EnableNFTables: true, Backend: { Type: "vxlan" } }],
  ["DirectRouting", { ...dual, Backend: { Type: "vxlan", DirectRouting: true } }],
  ["host-gw", { ...dual, Backend: { Type: "host-gw" } }],
] as const;

describe.for([
  ["etcd", "flanneld 0.28.10"],
  ["Kubernetes", both],
] as const)("with %s, a host that changes from flanneld to the agent and back", ([store, need]) => {
  needs(need).for(types)("loses no ping: %s", async ([, config], { bed }) => {
    addStoresAddress(bed);
    const join = await stores[store](bed, config);
    const hosts = [new Host(bed, 1), new Host(bed, 2)] as const;
    const [one, two] = hosts;
    const daemons = [join(one, "flanneld"), join(two, "flanneld")];
    for (const [i, host] of hosts.entries())
      await daemons[i]?.until(host.name, () => host.hasJoined);
    const [near, far] = [one.pod(), two.pod()];
    for (const address of far.addresses)
      await daemons[0]?.until(`a way to ${address}`, () => near.box.pingAll([address])[0] === true);
    const [mac, subnet] = [macOf(one), one.environment.FLANNEL_SUBNET];
    const index = one.view.sh("cat /sys/class/net/flannel.1/ifindex 2>/dev/null; true");
    const pings = () => [
      ...far.addresses.map((address) => new Pinging(bed, near.box, address)),
      ...near.addresses.map((address) => new Pinging(bed, far.box, address)),
    ];
    const withoutLoss = async (all: readonly Pinging[]) => {
      for (const each of all) expect(await each.end()).toMatchObject({ lost: [] });
    };

    let running = pings();
    await daemons[0]?.end("SIGTERM");
    const agent = join(one, "agent");
    const ours = { iptables: [], legacy: [], tables: tablesOf(config) };
    const isOurs = () => JSON.stringify(filterOf(one)) === JSON.stringify(ours);
    await agent.until("its rules alone", () => agent.said.includes("masquerade") && isOurs());
    await withoutLoss(running);
    expect(macOf(one)).toBe(mac);
    expect(one.environment.FLANNEL_SUBNET).toBe(subnet);
    expect(one.view.sh("cat /sys/class/net/flannel.1/ifindex 2>/dev/null; true")).toBe(index);

    running = pings();
    await agent.end("SIGTERM");
    one.sh(`${bed.bin}/weft agent remove --for-flannel`);
    const back = join(one, "flanneld");
    await back.until("its turn", () => /Watching for L3 misses|Running backend/.test(back.said));
    await withoutLoss(running);
    const three = new Host(bed, 3);
    const late = join(three, "flanneld");
    await late.until("a third host", () => three.hasJoined);
    for (const address of three.pod().addresses)
      await late.until("its pods", () => near.box.pingAll([address])[0] === true);
    const chains = "EnableNFTables" in config ? "" : "FLANNEL-FWD,FLANNEL-POSTRTG";
    expect(filterOf(one).iptables.join()).toBe(chains);
    expect(macOf(one)).toBe(mac);
    expect(one.environment.FLANNEL_SUBNET).toBe(subnet);
  });
});

/** The agent's tables, one for each family. */
function tablesOf(config: object): readonly string[] {
  return ["flannel-ipv4", ...("EnableIPv6" in config ? ["flannel-ipv6"] : [])];
}

function macOf({ view }: Host): string {
  return view.sh("cat /sys/class/net/flannel.1/address 2>/dev/null; true");
}
