/** A program that answers in bad ways, in the place of etcd and of an API server that were there before. */
import { resolve } from "node:path";
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Daemon } from "../bed/daemon.ts";
import { it } from "../bed/it.ts";
import { addStoresAddress, Host, STORES } from "../cluster/host.ts";
import { entryOf, etcdWith, Joined, PREFIX } from "./network.ts";
import { StandIn } from "./stand-in.ts";

const P = "flannel.alpha.coreos.com/";

const long = ["100 MB", "endless chunks", "endless Nodes", "no end of a head"];
const short = ["no HTTP", "no JSON", "JSON that is something else", "cut off"];

/** More than the agent takes with 5,000 hosts, in bytes. */
const MOST_MEMORY = 32 << 20;

/** A running agent, and how its store goes away and comes back. */
interface Scene {
  readonly host: Host;
  readonly agent: Daemon;
  readonly port: number;
  /** Beginnings of the addresses that its errors name. */
  readonly url: string;
  readonly end: () => Promise<void>;
  /** The store is there again, with one more host in it. */
  readonly back: (number: number) => Promise<void>;
}

async function withEtcd(bed: Bed): Promise<Scene> {
  const etcd = await etcdWith(bed);
  etcd.ctl(`put ${PREFIX}/subnets/10.77.7.0-24 '${entryOf(7)}'`);
  const { host, agent } = await new Joined(bed, 1, etcd, "--healthz-port=8081").ready();
  const back = async (number: number) => {
    await etcd.restart();
    etcd.ctl(`put ${PREFIX}/subnets/10.77.${number}.0-24 '${entryOf(number)}'`);
  };
  return { host, agent, port: 2379, url: etcd.url, end: () => etcd.kill(), back };
}

async function withKubernetes(bed: Bed): Promise<Scene> {
  addStoresAddress(bed);
  let server = await new StandIn(bed, STORES).ready();
  const host = new Host(bed, 1);
  const numbers: number[] = [];
  const put = (more: number) => {
    numbers.push(more);
    server.put(host.name, ["10.77.1.0/24"]);
    for (const number of numbers)
      server.put(`n${number}`, [`10.77.${number}.0/24`], annotated(number));
  };
  put(7);
  bed.write(
    `${host.files}/net-conf.json`,
    JSON.stringify({ Network: "10.77.0.0/16", Backend: { Type: "vxlan" } }),
  );
  const words = `--kube-subnet-mgr --kube-api-url=${server.url} --net-config-path=${host.files}/net-conf.json`;
  const agent = host.join("agent", `${words} --healthz-port=8081`, `NODE_NAME=${host.name}`);
  await agent.until("its subnet", () => host.hasJoined);
  const back = async (number: number) => {
    server = await new StandIn(bed, STORES).ready();
    server.call("forget", 100 * number); // versions are never those of a server before
    put(number);
  };
  return { host, agent, port: 8001, url: server.url, end: () => server.kill(), back };
}

function annotated(number: number) {
  const { PublicIP, BackendData } = JSON.parse(entryOf(number));
  return {
    [`${P}kube-subnet-manager`]: "true",
    [`${P}backend-type`]: "vxlan",
    [`${P}backend-data`]: JSON.stringify(BackendData),
    [`${P}public-ip`]: PublicIP,
  };
}

/** What the agent takes, in bytes, by its own word. */
function memoryOf({ view }: Host): number {
  const text = view.sh(`python3 -c '
import http.client
connection = http.client.HTTPConnection("127.0.0.1", 8081, timeout=60)
connection.request("GET", "/metrics")
print(connection.getresponse().read().decode())'`);
  return Number(/^process_resident_memory_bytes (\d+)/m.exec(text)?.[1]);
}

const knows = (host: Host, number: number) =>
  host.entries().includes(`10.77.${number}.0/24 via 10.77.${number}.0`);

describe.for([
  ["etcd", withEtcd, [...short, ...long]],
  ["an API server", withKubernetes, long], // kubernetes.test.ts has the others
] as const)("in place of %s", ([, scene, ways]) => {
  it("a program that says nonsense takes nobody away, nor much memory", async ({ bed }) => {
    const { host, agent, port, url, end, back } = await scene(bed);
    await agent.until("host 7", () => knows(host, 7));
    for (const [i, way] of ways.entries()) {
      const [before, said] = [host.entries(), agent.said.length];
      await end();
      const script = resolve(import.meta.dirname, "bad-server.mjs");
      const bad = new Daemon(bed, `node ${script} ${STORES} ${port} '${way}'`);
      await agent.until(`an answer, ${way}`, () => bad.said.includes("over"));
      const problems = () =>
        agent.said
          .slice(said)
          .split("\n")
          .filter((line) => line.includes(url) && !/nothing listens there|recovered/.test(line));
      await agent.until(`a word of ${way}`, () => problems().length > 0);
      expect([way, host.entries()]).toEqual([way, before]);
      expect(memoryOf(host)).toBeLessThan(MOST_MEMORY);
      await bad.kill();
      await back(8 + i);
      await agent.until(`news after ${way}`, () => knows(host, 8 + i));
    }
    expect(knows(host, 7)).toBe(true);
  });
});
