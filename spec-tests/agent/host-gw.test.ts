/** The agent with flannel's backend host-gw: hosts reach each other's pods by routes only. */
import { expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import { it } from "../bed/it.ts";
import { Pinging } from "../bed/nodes.ts";
import { Etcd } from "../cluster/etcd.ts";
import { addStoresAddress, Host, STORES, unreached } from "../cluster/host.ts";

const PREFIX = "/gateways";

/** Both families, of addresses that no other test has. */
function network(backend: object, number = 211): string {
  return JSON.stringify({
    Network: `10.${number}.0.0/16`,
    EnableIPv6: true,
    IPv6Network: `fd11:${number}::/48`,
    Backend: backend,
  });
}

/** So many hosts with agents, once all have joined. */
async function cluster(bed: Bed, count: number, backend: object) {
  addStoresAddress(bed);
  const etcd = await new Etcd(bed, STORES).ready();
  etcd.ctl(`put ${PREFIX}/config '${network(backend)}'`);
  const hosts = Array.from({ length: count }, (_, i) => new Host(bed, i + 1));
  const join = (host: Host) =>
    host.join("agent", `--etcd-endpoints=${etcd.url} --etcd-prefix=${PREFIX} --ip-masq`);
  const agents = hosts.map(join);
  for (const [i, agent] of agents.entries()) {
    await agent.until(`host ${i + 1}`, () => hosts[i]?.hasJoined === true);
    await agent.until("routes to others", () => routes(hosts[i]).length === 2 * (count - 1));
  }
  return { etcd, hosts, agents, join };
}

/** The agent's routes of both families, each in a few words. */
function routes(host: Host | undefined): readonly string[] {
  const text = host?.view.sh("ip route show proto 87; ip -6 route show proto 87") ?? "";
  const lines = text.trim().split("\n").filter(Boolean);
  return lines.map((line) => line.split(" ").slice(0, 5).join(" ")).sort();
}

it("leads to each host's pods by its address, without a device", async ({ bed }) => {
  const { hosts } = await cluster(bed, 3, { Type: "host-gw" });
  const [one] = hosts;
  expect(one?.view.sh("ip -o link show type vxlan")).toBe("");
  for (const line of routes(one)) expect(line).toMatch(/ via (192\.0\.2|2001:db8:)\S+ dev wire$/);
  expect(one?.environment).toMatchObject({ FLANNEL_NETWORK: "10.211.0.0/16", FLANNEL_MTU: "1500" });
  expect(unreached(hosts.flatMap((host) => [host.pod(), host.pod()]))).toEqual([]);
});

it("takes the routes to a host that has left away, and no others", async ({ bed }) => {
  const { etcd, hosts, agents } = await cluster(bed, 3, { Type: "host-gw" });
  const [one, , three] = hosts;
  one?.view.sh("ip route add 10.211.250.0/24 via 192.0.2.77 dev wire");
  const gone = routes(one).filter((line) => / via \S+(\.|:)3 /.test(line));
  expect(gone).toHaveLength(2);
  await agents[2]?.end("SIGTERM");
  expect(routes(one)).toHaveLength(4);
  etcd.ctl(
    `del --prefix ${PREFIX}/subnets/${three?.environment.FLANNEL_SUBNET?.replace("1/", "0-")}`,
  );
  await agents[0]?.until("the end of host 3", () => routes(one).length === 2);
  expect(routes(one).filter((line) => gone.includes(line))).toEqual([]);
  expect(one?.view.sh("ip route show 10.211.250.0/24")).toContain("192.0.2.77");
});

it("makes routes again that others took away, also if etcd is gone meanwhile", async ({ bed }) => {
  const { etcd, hosts, agents, join } = await cluster(bed, 2, { Type: "host-gw" });
  const [one] = hosts;
  const before = routes(one);
  one?.view.sh("ip route flush proto 87; ip -6 route flush proto 87");
  await agents[0]?.until("both again", () => routes(one).join() === before.join());
  const file = `${one?.files}/weft/flannel/peers.json`;
  await agents[0]?.until("the file of it", () => bed.read(file).includes("192.0.2.2"));
  await agents[0]?.kill();
  await etcd.kill();
  one?.view.sh("ip route flush proto 87; ip -6 route flush proto 87");
  const again = one && join(one);
  await again?.until("both by the files", () => routes(one).join() === before.join());
});

it("leaves out a host that is behind a router, and says so", async ({ bed }) => {
  const { etcd, hosts, agents } = await cluster(bed, 2, { Type: "host-gw" });
  const far = { PublicIP: "198.51.100.9", PublicIPv6: "2001:db8::9", BackendType: "host-gw" };
  etcd.ctl(`put '${PREFIX}/subnets/10.211.9.0-24&fd11:211:0:9::-64' '${JSON.stringify(far)}'`);
  await agents[0]?.until("a word of it", () =>
    /198\.51\.100\.9.*no subnet/.test(agents[0]?.said ?? ""),
  );
  expect(routes(hosts[0]).join("\n")).not.toContain("198.51.100.9");
  etcd.ctl(`del '${PREFIX}/subnets/10.211.9.0-24&fd11:211:0:9::-64'`);
  await agents[0]?.until("its end", () =>
    /recovered: .*198\.51\.100\.9/.test(agents[0]?.said ?? ""),
  );
});

for (const backend of [{ Type: "host-gw" }, { Type: "vxlan", DirectRouting: true }]) {
  it(`keeps nothing of a former network by ${backend.Type}, and leaves others' routes`, async ({
    bed,
  }) => {
    const { etcd, hosts, agents } = await cluster(bed, 2, backend);
    const [one] = hosts;
    one?.view.sh(`
      ip route add 10.211.250.0/24 via 192.0.2.77 dev wire
      ip route add 10.99.0.0/24 via 192.0.2.77 dev wire proto 87`);
    etcd.ctl(`put ${PREFIX}/config '${network(backend, 212)}'`);
    for (const [i, agent] of agents.entries()) {
      const isNew = (line: string) => /^(10\.212|fd11:212)/.test(line);
      await agent.until("the new network", () => routes(hosts[i]).filter(isNew).length === 2);
      const isOld = (line: string) => /^(10\.211|fd11:211)/.test(line);
      await agent.until("no former routes", () => !routes(hosts[i]).some(isOld));
    }
    const stays = one?.view.sh("ip route show 10.211.250.0/24; ip route show 10.99.0.0/24");
    expect(stays?.match(/via 192\.0\.2\.77/g)).toHaveLength(2);
  });
}

for (const [from, to] of [
  ["vxlan", "host-gw"],
  ["host-gw", "vxlan"],
]) {
  it(`goes from ${from} to ${to} with the network's configuration, and loses no ping`, async ({
    bed,
  }) => {
    const { etcd, hosts, agents } = await cluster(bed, 2, { Type: from });
    const pods = hosts.map((host) => host.pod());
    await agents[0]?.until("all pods", () => unreached(pods).length === 0);
    const [one, two] = pods;
    const pings = (one?.addresses ?? []).flatMap((address, i) => [
      new Pinging(bed, one?.box as Container, two?.addresses[i] ?? ""),
      new Pinging(bed, two?.box as Container, address),
    ]);
    etcd.ctl(`put ${PREFIX}/config '${network({ Type: to })}'`);
    const hasDevice = (host: Host) => host.view.sh("ip -o link show type vxlan").trim() !== "";
    for (const [i, host] of hosts.entries()) {
      await agents[i]?.until(`${to}`, () => hasDevice(host) === (to === "vxlan"));
    }
    await agents[0]?.until("all pods", () => unreached(pods).length === 0);
    for (const ping of pings) expect(await ping.end()).toMatchObject({ lost: [] });
    for (const agent of agents) expect(agent.said).not.toContain("limited: Cannot use");
  });
}
