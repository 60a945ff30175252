/** Hosts that say that they have the same public address: whoever hears of it names it. */
import { describe, expect } from "vitest";
import { it } from "../bed/it.ts";
import { addStoresAddress, Host, STORES } from "../cluster/host.ts";
import { CONFIG, entryOf, etcdWith, Joined, PREFIX } from "./network.ts";
import { StandIn } from "./stand-in.ts";

const SUBNETS = `${PREFIX}/subnets`;

describe("two hosts with one public address, in etcd,", () => {
  it("write one key: both say so, and others lose nobody, until there is one of them only", async ({
    bed,
  }) => {
    const etcd = await etcdWith(bed);
    etcd.ctl(`put ${SUBNETS}/10.77.7.0-24 '${entryOf(7)}'`);
    const witness = await new Joined(bed, 3, etcd).ready();
    const first = await new Joined(bed, 1, etcd).ready();
    const [key = ""] = first.keys;
    await witness.until(() => witness.host.entries().includes("dst 192.0.2.1 "));
    const double = await new Joined(bed, 2, etcd, "--public-ip=192.0.2.1").ready();
    const words = "Cannot keep the public address 192.0.2.1 for this host";
    for (const one of [first, double]) await one.until(words, 120_000);
    expect(first.host.sh(`${bed.bin}/weft agent status || true`)).toContain(words);
    expect(first.keys).toEqual([key]);
    await witness.until(() => {
      const peers = new Set(witness.host.entries().match(/ dst \S+/g));
      return [...peers].sort().join() === " dst 192.0.2.1, dst 192.0.2.7";
    });
    for (const one of [first, double, witness]) await one.until(() => one.leadsTo(7));
    await double.agent.end("SIGTERM");
    await first.until(`recovered: ${words}`, 240_000);
    expect(first.keys).toHaveLength(1);
  });

  it("and a subnet each are left out, and named", async ({ bed }) => {
    const etcd = await etcdWith(bed);
    const witness = await new Joined(bed, 3, etcd).ready();
    for (const n of [7, 8]) {
      const entry = entryOf(n).replace(/192\.0\.2\.\d+/, "192.0.2.7");
      etcd.ctl(`put ${SUBNETS}/10.77.${n}.0-24 '${entry}'`);
    }
    await witness.until("limited: Cannot use peer 192.0.2.7");
    etcd.ctl(`del ${SUBNETS}/10.77.8.0-24`);
    await witness.until(() => witness.leadsTo(7) && !witness.leadsTo(8));
  });
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
