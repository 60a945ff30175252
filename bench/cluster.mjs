// @ts-check
// Measures the agent with 5,000 hosts in etcd and in Kubernetes, beside flanneld. `make bench-cluster` runs it.
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { etcdStore } from "./cluster/etcd.mjs";
import {
  entriesOf,
  flanneld,
  forget,
  forwardingOf,
  hostOf,
  makeHost,
  makeUnderlay,
  peakOf,
  processorTime,
  routesOf,
  startOn,
} from "./cluster/hosts.mjs";
import { hasApiServer, kubernetesStore } from "./cluster/kubernetes.mjs";
import { describeMachine, enterPrivateMachine, keepResults } from "./machine.mjs";
import { summarize } from "./measure.mjs";

/**
 * @typedef {import("./measure.mjs").Figure} Figure
 * @typedef {import("./cluster/hosts.mjs").Host} Host
 * @typedef {import("./cluster/hosts.mjs").Store} Store
 * @typedef {import("./cluster/hosts.mjs").Kind} Kind
 * Nanoseconds, bytes, and a part of a core.
 * @typedef {Readonly<Record<"first" | "processor" | "peak" | "watch" | "latency", number>>} Sync
 * @typedef {Readonly<Record<"first" | "processor" | "peak" | "watch" | "latency", Figure>> & {
 *   readonly store: string, readonly kind: Kind, readonly hosts: number }} Row
 * @typedef {{ readonly hosts: number, readonly slowest: Figure, readonly peak: number }} Fleet
 */

const isQuick = process.argv.includes("--quick");
const only = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const COUNT = Number(process.env.HOSTS ?? 5_000);
const ROUNDS = isQuick ? 1 : Number(process.env.ROUNDS ?? 3);
const WATCH_SECONDS = 10;
const CHANGES = 10; // a second
const FLEET = 100;

/** What is promised with 5,000 hosts: nanoseconds, bytes, a part of a core; and of the fleet. */
const MOST = { first: 3e9, peak: 25e6, watch: 0.02, fleet: 1e9 };

async function main() {
  enterPrivateMachine({ withProcesses: true });
  makeUnderlay();
  const kinds = /** @type {const} */ (["weft", "flanneld"]).filter(
    (kind) => kind === "weft" || existsSync(flanneld),
  );
  const hosts = kinds.map((kind, i) => makeHost(kind, i + 1));
  const chosen = hosts.filter(
    ({ kind }) => !kinds.some((each) => only.includes(each)) || only.includes(kind),
  );
  /** @type {Row[]} */
  const rows = [];
  for (const make of chosenStores()) {
    const store = await make(COUNT, hosts);
    rows.push(...(await measureStore(store, chosen)));
    store.stop();
  }
  const fleet = !isQuick || only.includes("fleet") ? await measureFleet() : undefined;
  console.log(JSON.stringify({ rows, fleet }, null, 1));
  if (!isQuick && chosen.length === kinds.length && rows.length > 0)
    keepResults("cluster-results", { machine: describeMachine(), rows, fleet });
  for (const missed of missedGoals(rows, fleet)) {
    console.log(`MISSED: ${missed}`);
    process.exitCode = 1;
  }
}

function chosenStores() {
  const all = { etcd: etcdStore, ...(hasApiServer() ? { kubernetes: kubernetesStore } : {}) };
  if (only.includes("fleet")) return [];
  const wanted = Object.entries(all).filter(([name]) => only.includes(name));
  return (wanted.length > 0 ? wanted : Object.entries(all)).map(([, make]) => make);
}

/**
 * @param {readonly Row[]} rows
 * @param {Fleet | undefined} fleet
 */
function missedGoals(rows, fleet) {
  const own = rows.filter(({ kind }) => kind === "weft");
  const missed = own.flatMap((row) =>
    /** @type {const} */ (["first", "peak", "watch"])
      .filter((what) => row[what].median > MOST[what])
      .map((what) => `${row.store} ${what} ${row[what].median}, at most ${MOST[what]}`),
  );
  if (fleet && fleet.slowest.median > MOST.fleet) missed.push(`fleet ${fleet.slowest.median}`);
  return missed;
}

/**
 * The two programs in turn.
 * @param {Store} store
 * @param {readonly Host[]} hosts
 * @returns {Promise<Row[]>}
 */
async function measureStore(store, hosts) {
  /** @type {Map<Kind, Sync[]>} */
  const syncs = new Map(hosts.map(({ kind }) => [kind, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const host of hosts) {
      const sync = await measureSync(store, host);
      process.stderr.write(`${store.name} ${host.kind} ${JSON.stringify(sync)}\n`);
      syncs.get(host.kind)?.push(sync);
    }
  }
  return [...syncs].map(([kind, all]) => ({
    store: store.name,
    kind,
    hosts: store.count,
    first: summarize(all.map(({ first }) => first)),
    processor: summarize(all.map(({ processor }) => processor)),
    peak: summarize(all.map(({ peak }) => peak)),
    watch: summarize(all.map(({ watch }) => watch)),
    latency: summarize(all.map(({ latency }) => latency)),
  }));
}

/**
 * Agents on a hundred hosts of one network: how long it takes until all kernels have a new host.
 * @returns {Promise<Fleet>}
 */
async function measureFleet() {
  const store = await etcdStore(0);
  const hosts = Array.from({ length: FLEET }, (_, i) => makeHost("weft", 100 + i));
  const agents = hosts.map((host) => startOn(host, store));
  const routes = () => agents.map(({ pid }) => routesOf(pid));
  for (const agent of agents) await until(agent, () => routesOf(agent.pid) >= FLEET - 1);
  await sleep(2_000);
  /** @type {number[]} */
  const slowest = [];
  for (let i = 0; i < (isQuick ? 2 : 10); i++) {
    const before = routes();
    const asked = performance.now();
    await store.change(i, 0);
    for (const [k, agent] of agents.entries())
      await until(agent, () => routesOf(agent.pid) > (before[k] ?? 0));
    slowest.push(1e6 * (performance.now() - asked));
    await sleep(500);
  }
  const peak = Math.max(...agents.map(({ pid }) => peakOf(pid)));
  for (const agent of agents) await agent.stop();
  store.stop();
  return { hosts: FLEET, slowest: summarize(slowest), peak };
}

/**
 * From the start of the program until all entries are in the kernel; then changes for some seconds.
 * @param {Store} store
 * @param {Host} host
 * @returns {Promise<Sync>}
 */
async function measureSync(store, host) {
  forget(host);
  const program = startOn(host, store);
  await until(program, () => routesOf(program.pid) >= store.count);
  await until(program, () => isAll(host, store.count));
  const first = 1e6 * (performance.now() - program.begun);
  const processor = processorTime(program.pid);
  await untilQuiet(program.pid);
  const watch = await measureWatch(store, host, program);
  const peak = peakOf(program.pid);
  await program.stop();
  return { first, processor, peak, ...watch };
}

/**
 * @param {Store} store
 * @param {Host} host
 * @param {ReturnType<typeof startOn>} program
 */
async function measureWatch(store, host, program) {
  const before = processorTime(program.pid);
  const begun = performance.now();
  for (let i = 0; i < CHANGES * WATCH_SECONDS; i++) {
    await sleep(Math.max(0, begun + (1000 * i) / CHANGES - performance.now()));
    await store.change((i * 37) % store.count, ++generation);
  }
  await sleep(1000 / CHANGES);
  const spent = processorTime(program.pid) - before;
  const watch = spent / (1e6 * (performance.now() - begun));
  const asked = performance.now();
  await store.change(7, ++generation);
  const { mac } = hostOf(7, generation);
  await until(program, () => forwardingOf(host, mac) !== "");
  return { watch, latency: 1e6 * (performance.now() - asked) };
}

let generation = 0;

/**
 * @param {Host} host
 * @param {number} count
 */
function isAll(host, count) {
  const { routes, neighbours, forwarding } = entriesOf(host);
  return routes >= count && neighbours >= count && forwarding >= count;
}

/**
 * @param {ReturnType<typeof startOn>} program
 * @param {() => boolean} holds
 */
async function until(program, holds) {
  const begun = performance.now();
  while (!holds()) {
    if (!program.isRunning() || performance.now() - begun > 120_000)
      throw new Error(`Cannot measure: it does not get on; it said\n${program.said()}`);
    await sleep(5);
  }
}

/** @param {number} pid */
async function untilQuiet(pid) {
  for (let last = -1; last < processorTime(pid) - 20e6; await sleep(1_000))
    last = processorTime(pid);
}

await main();
