// @ts-check
// Measures network policies on the kernel's tables: 1,000 policies, 5,000 pods, 200 of them here. What is
// driven is the product's code in an image with a driver (tools/policy-driver.ts). `make bench-policy` runs it.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import {
  addNetns,
  describeMachine,
  enterPrivateMachine,
  keepResults,
  root,
  run,
  work,
} from "./machine.mjs";
import { quantile } from "./measure.mjs";
import { cluster, podAt, TIERS } from "./policy-cluster.mjs";

/**
 * @typedef {{ value: any, processor: number, elapsed: number }} Taken nanoseconds
 * @typedef {{ readonly median: number, readonly p90: number, readonly worst: number }} Spread
 */

const isQuick = process.argv.includes("--quick");
const SIZE = { pods: 5000, here: 200, policies: 1000 };
const CHANGES = isQuick ? 50 : 400;
const ROUNDS = isQuick ? 1 : 9;
/** How many connections are tracked meanwhile. */
const CONNECTIONS = 500;
const FEW = 10;

class Driver {
  #child;
  #lines;

  /** @param {string} program */
  constructor(program) {
    this.#child = spawn(program, [], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** @param {object} step @returns {Promise<Taken>} */
  async take(step) {
    const [processor, elapsed] = [this.#processor(), process.hrtime.bigint()];
    this.#child.stdin.write(`${JSON.stringify(step)}\n`);
    const { value: line } = await this.#lines.next();
    const { value, error } = JSON.parse(line);
    if (error !== undefined) throw new Error(error);
    return {
      value,
      processor: this.#processor() - processor,
      elapsed: Number(process.hrtime.bigint() - elapsed),
    };
  }

  #processor() {
    return Number(readFileSync(`/proc/${this.#child.pid}/schedstat`, "utf8").split(" ")[0]);
  }

  /** The most memory it has had, in bytes. */
  get peak() {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return 1024 * Number(/VmHWM:\s*(\d+)/.exec(status)?.[1]);
  }

  async end() {
    this.#child.stdin.end();
    await once(this.#child, "exit");
  }
}

async function main() {
  enterPrivateMachine({ withProcesses: true });
  const program = buildDriver();
  const driver = new Driver(program);
  const all = cluster(SIZE);
  await driver.take({ replace: [] });
  const first = await fill(driver, all);
  const restart = await driver.take({ replace: [] });
  connections(CONNECTIONS);
  const changes = await changeLabels(driver, all.namespaces.length);
  const { peak } = driver;
  await driver.take({ removeAll: [] });
  await driver.end();
  const throughput = await measureThroughput(program);
  const results = {
    machine: describeMachine(),
    size: { ...SIZE, connections: CONNECTIONS, few: FEW },
    ...{ first, restart: plain(restart), changes, peak, throughput },
  };
  process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  if (!isQuick) keepResults("policy-results", results);
}

function buildDriver() {
  mkdirSync(work, { recursive: true });
  const env = { WEFT_WITH: "tools/policy-driver.ts", WEFT_DIST: join(work, "dist") };
  run(process.execPath, [join(root, "tools/build.mjs")], env);
  return join(work, "dist/bin/policy-driver");
}

/**
 * Objects as a watch begins, and then the table at once.
 * @param {Driver} driver
 * @param {ReturnType<typeof cluster>} all
 */
async function fill(driver, all) {
  const taken = [];
  for (const each of [all.namespaces, all.policies, ...parts(all.pods, 500)])
    taken.push(await driver.take({ take: each }));
  taken.push(await driver.take({ replace: [] }));
  return { processor: sum(taken, "processor"), elapsed: sum(taken, "elapsed") };
}

/** @param {readonly Taken[]} taken @param {"processor" | "elapsed"} what */
function sum(taken, what) {
  return taken.reduce((total, each) => total + each[what], 0);
}

/** @param {Taken} taken */
function plain({ processor, elapsed }) {
  return { processor, elapsed };
}

/** @template T @param {readonly T[]} list @param {number} length */
function parts(list, length) {
  return Array.from({ length: Math.ceil(list.length / length) }, (_, i) =>
    list.slice(i * length, (i + 1) * length),
  );
}

/**
 * One pod after the other gets another label, every second one here; of those that change a rule, what it
 * takes until they are enforced, and what it takes to look for connections to be cut.
 * @param {Driver} driver
 * @param {number} spaces
 */
async function changeLabels(driver, spaces) {
  const enforced = [];
  const cut = [];
  const every = SIZE.pods / SIZE.here;
  for (let k = 0; enforced.length < CHANGES; k++) {
    const i = k % 2 ? (k * 977) % SIZE.pods : ((k * 7) % SIZE.here) * every;
    const tier = TIERS[(i + 1 + k) % TIERS.length];
    const set = await driver.take({ set: podAt(i, i % every === 0, spaces, tier) });
    const applied = await driver.take({ apply: [] });
    if (!Object.values(applied.value).some((count) => count > 0)) continue;
    enforced.push({
      processor: set.processor + applied.processor,
      elapsed: set.elapsed + applied.elapsed,
    });
    cut.push((await driver.take({ cut: [] })).processor);
  }
  const mean = enforced.reduce((total, each) => total + each.processor, 0) / enforced.length;
  return {
    count: enforced.length,
    mean,
    processor: spread(enforced.map((each) => each.processor)),
    elapsed: spread(enforced.map((each) => each.elapsed)),
    cut: spread(cut),
  };
}

/** @param {readonly number[]} values @returns {Spread} */
function spread(values) {
  const [median, p90, worst] = [0.5, 0.9, 1].map((share) => quantile(values, share));
  return { median: median ?? 0, p90: p90 ?? 0, worst: worst ?? 0 };
}

/** Tracked connections of a pod that is here, which nobody answers. @param {number} count */
function connections(count) {
  run("ip", ["link", "set", "lo", "up"]);
  run("nft", [
    "add table inet track; add chain inet track out { type filter hook output priority 0; }; add rule inet track out ct state new accept",
  ]);
  const script = `import socket
for i in range(${count}):
  s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b"", ("127.0.0.1", 20000 + i)); s.close()`;
  run("python3", ["-I", "-S", "-c", script]);
}

/**
 * Bytes per second between two pods of this host with few and with many policies, in turn.
 * @param {string} program
 */
async function measureThroughput(program) {
  const ends = ["10.100.0.2", "10.100.1.2"].map((ip, i) => makePod(i, ip));
  run("sysctl", ["-qw", "net.ipv4.ip_forward=1"]);
  const driver = new Driver(program);
  const all = cluster(SIZE);
  await driver.take({
    take: [...all.namespaces, ...ends, ...open(), ...all.policies.slice(0, FEW)],
  });
  for (const pods of parts(all.pods.slice(2), 500)) await driver.take({ take: pods });
  await driver.take({ replace: [] });
  const server = spawn("ip", ["netns", "exec", "pod1", "iperf3", "-s"], { stdio: "ignore" });
  /** @type {{ few: number[], many: number[] }} */
  const rates = { few: [], many: [] };
  for (let round = 0; round < ROUNDS; round++) {
    rates.few.push(rate());
    await driver.take({ take: all.policies.slice(FEW) });
    await driver.take({ apply: [] });
    rates.many.push(rate());
    for (const { metadata } of all.policies.slice(FEW))
      await driver.take({ deletePolicy: [metadata.namespace, metadata.name] });
    await driver.take({ apply: [] });
  }
  server.kill();
  await driver.end();
  return { few: quantile(rates.few, 0.5), many: quantile(rates.many, 0.5), rates };
}

/** @param {number} i @param {string} ip */
function makePod(i, ip) {
  addNetns(`pod${i}`);
  const gateway = ip.replace(/2$/, "1");
  run("ip", [
    "link",
    "add",
    `veth${i}`,
    "type",
    "veth",
    "peer",
    "name",
    "eth0",
    "netns",
    `pod${i}`,
  ]);
  run("ip", ["address", "add", `${gateway}/24`, "dev", `veth${i}`]);
  run("ip", ["link", "set", `veth${i}`, "up"]);
  const inside = (/** @type {string[]} */ ...words) => run("ip", ["-n", `pod${i}`, ...words]);
  inside("address", "add", `${ip}/24`, "dev", "eth0");
  inside("link", "set", "eth0", "up");
  inside("route", "add", "default", "via", gateway);
  const pod = podAt(i, true, 50);
  return { ...pod, status: { phase: "Running", podIPs: [{ ip }] } };
}

/** Both ends are isolated by other policies as well: what they have to do with each other is allowed. */
function open() {
  const anywhere = [{ ipBlock: { cidr: "10.0.0.0/8" } }];
  const spec = {
    podSelector: {},
    policyTypes: ["Ingress", "Egress"],
    ingress: [{ from: anywhere }],
    egress: [{ to: anywhere }],
  };
  return [0, 1].map((i) => ({
    kind: "NetworkPolicy",
    metadata: { namespace: `team-${i}`, name: "open" },
    spec,
  }));
}

function rate() {
  const words = [
    "netns",
    "exec",
    "pod0",
    "iperf3",
    "-J",
    "-t",
    isQuick ? "1" : "2",
    "-c",
    "10.100.1.2",
  ];
  for (let attempt = 0; ; attempt++) {
    try {
      const { end } = JSON.parse(
        execFileSync("ip", words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
      );
      return end.sum_received.bits_per_second / 8;
    } catch (cause) {
      if (attempt === 20) throw cause; // The server may not listen yet.
      execFileSync("sleep", ["0.2"]);
    }
  }
}

await main();
