/** The agent's files: who deletes them finds them again, and nothing of them is left in the end. */
import { expect } from "vitest";
import { it } from "../bed/it.ts";
import { Host } from "../cluster/host.ts";
import { entryOf, etcdWith, Joined, PREFIX } from "./network.ts";

const ALL = [
  "agent.sock",
  "daemon.lock",
  "node.json",
  "overlay.json",
  "overlay.lock",
  "peers.json",
];

it("a folder that is deleted or moved away is made again, with all that was in it", async ({
  bed,
}) => {
  const etcd = await etcdWith(bed);
  const joined = await new Joined(bed, 1, etcd).ready();
  etcd.ctl(`put ${PREFIX}/subnets/10.77.7.0-24 '${entryOf(7)}'`);
  const folder = `${joined.host.files}/weft/flannel`;
  const names = () => (bed.host.succeeds(`test -d ${folder}`) ? bed.list(folder) : []);
  const isWhole = () =>
    ALL.every((name) => names().includes(name)) && bed.read(`${folder}/peers.json`).includes(".7.");
  await joined.until(isWhole);
  // What is made again while it is deleted has to be deleted as well.
  const remove = `until rm -rf ${folder}; do :; done`;
  for (const script of [remove, `mv ${folder} ${folder}.away`]) {
    bed.host.sh(script);
    await joined.until(isWhole);
    bed.host.sh(`rm ${folder}/peers.json ${folder}/agent.sock`);
    await joined.until(isWhole);
    expect(joined.host.sh(`${bed.bin}/weft agent status`)).toContain("10.77.7.0/24");
    const second = joined.host.join("agent", `--etcd-endpoints=${etcd.url}`);
    await second.until("a refusal", () => second.said.includes("is running already"));
  }
});

it("nothing is left of an agent that is removed; for flanneld what it needs stays", async ({
  bed,
}) => {
  const etcd = await etcdWith(bed);
  const host = new Host(bed, 1);
  bed.host.sh(`touch ${host.files}/flannel/others ${host.files}/weft/others`);
  const shared = `${host.name} nft inet weft`; // the table of all plugins, without anything in it
  const isItsOwn = (key: string) =>
    key !== shared && (key.startsWith(`${host.name} `) || key.includes("host1/"));
  const seen = () => Object.entries(bed.snapshot()).filter(([key]) => isItsOwn(key));
  const before = seen();
  const join = () => {
    const words = "--ip-masq --ip-blackhole-route";
    return host.join("agent", `--etcd-endpoints=${etcd.url} ${words}`);
  };
  const [agent, remove] = [join(), `${bed.bin}/weft agent remove`];
  await agent.until("its subnet", () => host.hasJoined);
  expect(seen().length).toBeGreaterThan(before.length);
  await agent.end("SIGTERM");
  host.sh(`${remove} --for-flannel`);
  expect(host.hasJoined).toBe(true);
  host.sh(remove);
  expect(host.sh(remove)).toContain("has nothing here");
  expect(seen()).toEqual(before);

  const again = join();
  await again.until("its subnet", () => host.hasJoined);
  await again.end("SIGTERM");
  bed.host.sh(`echo FLANNEL_MTU=1400 > ${host.files}/flannel/subnet.env`);
  host.sh(remove);
  expect(bed.read(`${host.files}/flannel/subnet.env`)).toBe("FLANNEL_MTU=1400\n");
});

it("whom the file does not know yet when an agent is killed stays, also without a store", async ({
  bed,
}) => {
  const etcd = await etcdWith(bed);
  const joined = await new Joined(bed, 1, etcd).ready();
  const put = (n: number) => etcd.ctl(`put ${PREFIX}/subnets/10.77.${n}.0-24 '${entryOf(n)}'`);
  const file = `${joined.host.files}/weft/flannel/peers.json`;
  for (const n of [6, 7, 8]) {
    put(n);
    await joined.until(() => joined.leadsTo(n));
  }
  await joined.agent.kill();
  await etcd.kill();
  bed.write(file, "[]");
  joined.host.view.sh("nft delete chain inet weft overlay-flannel.1");
  joined.again();
  await joined.until("store: ");
  const guard = () =>
    joined.host.view.sh(
      "nft list chain inet weft overlay-flannel.1 2>&1; nft list sets inet || true",
    );
  await joined.until(() => guard().includes("drop"));
  for (const n of [6, 7, 8]) expect([n, joined.leadsTo(n)]).toEqual([n, true]);
  expect(guard()).toMatch(/192\.0\.2\.6.*192\.0\.2\.7.*192\.0\.2\.8|192\.0\.2\.6-192\.0\.2\.8/s);
});
