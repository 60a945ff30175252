/** The agent's rules for a whole network: what is masqueraded, repaired and taken away. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Daemon } from "../bed/daemon.ts";
import { it } from "../bed/it.ts";
import { withoutNfTables } from "../bed/no-nf-tables.ts";
import { ask, serve } from "../bed/ports.ts";
import { Etcd } from "../cluster/etcd.ts";
import { addStoresAddress, Host, STORES } from "../cluster/host.ts";

const PREFIX = "/rules";

const network = {
  Network: "10.212.0.0/16",
  EnableIPv6: true,
  IPv6Network: "fd12:212::/48",
  Backend: { Type: "vxlan" },
};

/** The last that is made of another host: its packets are let in, by each family. */
const GUARDS = "nft list ruleset";
const OTHERS = /elements = /g;

interface Cluster {
  readonly etcd: Etcd;
  readonly hosts: readonly [Host, Host];
  readonly agents: readonly Daemon[];
  readonly join: (host: Host, words?: string) => Daemon;
}

/** Two hosts with agents, once both have joined and know each other. */
async function cluster(bed: Bed, words = "--ip-masq"): Promise<Cluster> {
  addStoresAddress(bed);
  bed.host.sh("ip -6 address add 2001:db8::fe/64 dev underlay nodad");
  const etcd = await new Etcd(bed, STORES).ready();
  etcd.ctl(`put ${PREFIX}/config '${JSON.stringify(network)}'`);
  const hosts = [new Host(bed, 1), new Host(bed, 2)] as const;
  const join = (host: Host, more = words) =>
    host.join("agent", `--etcd-endpoints=${etcd.url} --etcd-prefix=${PREFIX} ${more}`);
  const agents = hosts.map((host) => join(host));
  for (const [i, agent] of agents.entries()) {
    await agent.until(`host ${i + 1}`, () => hosts[i]?.hasJoined === true);
    await agent.until(
      "the other host",
      () => hosts[i]?.view.sh(GUARDS).match(OTHERS)?.length === 2,
    );
  }
  return { etcd, hosts: [...hosts], agents, join };
}

const filterOf = ({ view }: Host) => view.sh("nft list ruleset; iptables-save; ip6tables-save");

/** Its sets and chains, in whatever order they were made. */
const partsOf = (host: Host) =>
  filterOf(host)
    .split(/^(?=table |\t(?:set|chain) )|^}?\n/m)
    .sort()
    .join("");

describe("the agent's masquerade", () => {
  it("gives pods this host's address in the world, and their own among pods", async ({ bed }) => {
    const { hosts } = await cluster(bed);
    const [one, two] = hosts;
    const [near, far] = [one.pod(), two.pod()];
    for (const server of [far.box, two.view]) serve(server, "tcp", 7777);
    for (const [i, address] of far.addresses.entries()) {
      expect(ask(near.box, address, 7777)).toBe(near.addresses[i]);
    }
    const { FLANNEL_SUBNET = "", FLANNEL_IPV6_SUBNET = "" } = one.environment;
    const [gateway, gatewayV6] = [FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET].map(
      (it) => it.split("/")[0],
    );
    near.box.sh(`ip route add default via ${gateway}; ip -6 route add default via ${gatewayV6}`);
    const own = [one.publicIP, "2001:db8::1"];
    for (const [i, address] of [two.publicIP, "2001:db8::2"].entries()) {
      expect(ask(near.box, address, 7777)).toBe(own[i]);
    }
    const [subnet = ""] = FLANNEL_SUBNET.split("1/");
    expect(ask(one.view, far.addresses[0] ?? "", 7777)).toBe(`${subnet}0`);
  });

  it("is made again at once if it is flushed, and told of", async ({ bed }) => {
    const { hosts, agents } = await cluster(bed);
    const [one] = hosts;
    await agents[0]?.until("its rules", () => filterOf(one).includes("masquerade fully-random"));
    const before = partsOf(one);
    for (const damage of [
      "nft flush ruleset",
      "nft delete table ip6 flannel-ipv6",
      "nft flush chain ip flannel-ipv4 postrtg",
    ]) {
      one.view.sh(damage);
      await agents[0]?.until(damage, () => partsOf(one) === before);
    }
    const told = /changed: masquerade what leaves network "flannel"/g;
    await agents[0]?.until("a word of it", () => (agents[0]?.said.match(told)?.length ?? 0) > 4);
  });

  it("is not there unless it is asked for, and goes if it is no more", async ({ bed }) => {
    const { hosts, agents, join } = await cluster(bed, "--ip-masq --ip-masq-fully-random-disable");
    const [one] = hosts;
    expect(filterOf(one)).toContain("masquerade");
    expect(filterOf(one)).not.toContain("fully-random");
    await agents[0]?.end("SIGTERM");
    const again = join(one, "");
    await again.until("its end", () => !/masquerade|flannel-ipv4/.test(filterOf(one)));
  });
});

describe("a host", () => {
  it("forwards, and drops what is for nobody here if that is asked for", async ({ bed }) => {
    const { hosts, agents } = await cluster(bed, "--ip-blackhole-route");
    const [one] = hosts;
    const holes = () =>
      one.view.sh("ip route show type blackhole; ip -6 route show type blackhole");
    await agents[0]?.until("two routes", () => holes().trim().split("\n").length === 2);
    const before = holes();
    one.view.sh("ip route flush type blackhole; ip -6 route flush type blackhole");
    await agents[0]?.until("the routes", () => holes() === before);
    one.view.sh("sysctl -q -w net.ipv4.ip_forward=0; ip route flush type blackhole");
    await agents[0]?.until(
      "forwarding",
      () => one.view.sh("sysctl -n net.ipv4.ip_forward") === "1\n",
    );
  });

  it("is as it was before, once all is removed", async ({ bed }) => {
    const { hosts, agents, join } = await cluster(bed, "--ip-masq --ip-blackhole-route");
    const [one] = hosts;
    const weft = `${bed.bin}/weft agent remove`;
    expect(one.view.succeeds("ip link show flannel.1")).toBe(true);
    expect(() => one.sh(weft)).toThrow(/is running/);
    await agents[0]?.end("SIGTERM");
    one.sh(`${weft} --for-flannel`);
    expect(filterOf(one)).not.toContain("overlay-flannel");
    expect(one.view.succeeds("ip link show flannel.1")).toBe(true);
    one.sh(weft);
    const left = one.view.sh("ip link; ip route; ip -6 route; nft list ruleset");
    expect(left).not.toMatch(/flannel|10\.212|fd12|masquerade|blackhole/);
    expect(one.sh(weft)).toContain("has nothing here");
    await join(one).until("it again", () => filterOf(one).includes("flannel-ipv4"));
  });
});

describe("where the kernel has no nf_tables", () => {
  it("iptables masquerade, are repaired, and go", async ({ bed }) => {
    const { etcd, hosts, agents } = await cluster(bed);
    const [one, two] = hosts;
    await agents[0]?.end("SIGTERM");
    one.sh(`${bed.bin}/weft agent remove`);
    one.view.sh("nft flush ruleset");
    const { as = [], env = {} } = withoutNfTables(bed);
    const old = (words: string) =>
      `env PATH=${env.PATH} ${one.files}/bin/on ${as.join(" ")} ${words}`;
    const words = `--iface=wire --etcd-endpoints=${etcd.url} --etcd-prefix=${PREFIX} --ip-masq --iptables-resync=1`;
    const agent = new Daemon(bed, old(`${bed.bin}/weft agent ${words}`));
    const masquerade = () =>
      one.view
        .sh("iptables-legacy-save -t nat; ip6tables-legacy-save -t nat")
        .split("\n")
        .filter((line) => line.startsWith("-A"))
        .sort();
    await agent.until("its rules", () => masquerade().length === 14);
    expect(one.view.sh("nft list tables")).toBe("");
    const before = masquerade();
    one.view.sh("iptables-legacy -t nat -F; ip6tables-legacy -t nat -F POSTROUTING");
    await agent.until("them again", () => masquerade().join() === before.join());
    const [near, far] = [one.pod(), two.pod()];
    serve(far.box, "tcp", 7777);
    for (const [i, address] of far.addresses.entries()) {
      expect(ask(near.box, address, 7777)).toBe(near.addresses[i]);
    }
    await agent.end("SIGTERM");
    bed.host.sh(old(`${bed.bin}/weft agent remove`));
    expect(masquerade()).toEqual([]);
  });
});
