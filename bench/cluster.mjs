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
import { kubernetesStore } from "./cluster/kubernetes.mjs";
import { enterPrivateMachine } from "./machine.mjs";
import { summarize } from "./measure.mjs";

/**
 * @typedef {import("./measure.mjs").Figure} Figure
 * @typedef {import("./cluster/hosts.mjs").Host} Host
 * @typedef {import("./cluster/hosts.mjs").Store} Store
 * @typedef {import("./cluster/hosts.mjs").Kind} Kind
 * Nanoseconds, and bytes.
 * @typedef {{ readonly first: number, readonly processor: number, readonly peak: number }} Sync
 */

const isQuick = process.argv.includes("--quick");
const only = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const COUNT = Number(process.env.HOSTS ?? 5_000);
const ROUNDS = isQuick ? 1 : 5;
const WATCH_SECONDS = 10;
const CHANGES = 10; // a second

async function main() {
  enterPrivateMachine({ withProcesses: true });
  makeUnderlay();
  /** @type {readonly Kind[]} */
  const kinds = existsSync(flanneld) ? ["weft", "flanneld"] : ["weft"];
  const hosts = kinds.map((kind, i) => makeHost(kind, i + 1));
  const chosen = hosts.filter(
    ({ kind }) => !kinds.some((each) => only.includes(each)) || only.includes(kind),
  );
  for (const make of chosenStores()) {
    const store = await make(COUNT, hosts);
    console.log(JSON.stringify(await measureStore(store, chosen), null, 1));
    store.stop();
  }
}

function chosenStores() {
  const all = { etcd: etcdStore, kubernetes: kubernetesStore };
  const wanted = Object.entries(all).filter(([name]) => only.includes(name));
  return (wanted.length > 0 ? wanted : Object.entries(all)).map(([, make]) => make);
}

/**
 * @param {Store} store
 * @param {readonly Host[]} hosts
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
    kind,
    first: summarize(all.map(({ first }) => first)),
    processor: summarize(all.map(({ processor }) => processor)),
    peak: summarize(all.map(({ peak }) => peak)),
    ...{ watch: summarize(all.map(({ watch }) => watch)) },
    latency: summarize(all.map(({ latency }) => latency)),
  }));
}

/**
 * From the start of the program until all entries are in the kernel; then changes for some seconds.
 * @param {Store} store
 * @param {Host} host
 */
async function measureSync(store, host) {
  forget(host);
  const program = startOn(host, store);
  await until(program, () => routesOf(program.pid) >= store.count);
  await until(program, () => isAll(host, store.count));
  const first = 1e6 * (performance.now() - program.begun);
  const processor = processorTime(program.pid);
  const firstPeak = peakOf(program.pid);
  await untilQuiet(program.pid);
  const watch = await measureWatch(store, host, program);
  const peak = peakOf(program.pid);
  await program.stop();
  return { first, processor, firstPeak, peak, ...watch };
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
