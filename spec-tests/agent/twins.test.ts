/** Hosts that say the same public address: nothing is led to either, and whoever hears of it names it. */
import { expect } from "vitest";
import { it } from "../bed/it.ts";
import { addStoresAddress, Host, STORES } from "../cluster/host.ts";
import { CONFIG, etcdWith, Joined } from "./network.ts";
import { StandIn } from "./stand-in.ts";

it("in etcd, where both write one key, both say so, until there is one of them only", async ({
  bed,
}) => {
  const etcd = await etcdWith(bed);
  const first = await new Joined(bed, 1, etcd).ready();
  const second = await new Joined(bed, 2, etcd, "--public-ip=192.0.2.1").ready();
  const words = "Cannot keep the public address 192.0.2.1 for this host";
  for (const each of [first, second]) await each.until(words, 120_000);
  expect(first.host.sh(`${bed.bin}/weft agent status || true`)).toContain(words);
  await second.agent.end("SIGTERM");
  await first.until(`recovered: ${words}`, 240_000);
  expect(first.keys).toHaveLength(1);
});

it("in Kubernetes, two Nodes are led to by nobody, and both say so, until they differ", async ({
  bed,
}) => {
  addStoresAddress(bed);
  const server = await new StandIn(bed, STORES).ready();
  const hosts = [1, 2, 3].map((number) => new Host(bed, number));
  for (const { name, number } of hosts) server.put(name, [`10.77.${number}.0/24`]);
  const join = (host: Host, more = "") => {
    bed.write(`${host.files}/net-conf.json`, JSON.stringify(CONFIG));
    const words = `--kube-subnet-mgr --net-config-path=${host.files}/net-conf.json --kube-api-url=${server.url}`;
    return host.join("agent", `${words} ${more}`, `NODE_NAME=${host.name}`);
  };
  const [one, two, three] = hosts as [Host, Host, Host];
  const agents = [join(one), join(two, "--public-ip=192.0.2.1"), join(three)] as const;
  const clash = /limited: Cannot use .*(its address 192\.0\.2\.1 is that of|is that of this host)/;
  for (const agent of agents) await agent.until("a word of it", () => clash.test(agent.said));
  for (const host of hosts) expect(host.entries()).not.toMatch(/10\.77\.[12]\.0/);
  await agents[1].end("SIGTERM");
  const again = join(two);
  for (const host of [one, three]) {
    await again.until("a way to both", () => /10\.77\.2\.0/.test(host.entries()));
  }
  await again.until("a way to the first", () => /10\.77\.1\.0/.test(two.entries()));
  await agents[0].until("no word of it", () =>
    /recovered: Cannot use .*192\.0\.2\.1/.test(agents[0].said),
  );
});
