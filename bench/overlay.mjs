// @ts-check
// Measures vxlan-overlay with few and with many other hosts. `make bench-overlay` runs it.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { netnsPath, pluginJob } from "./jobs.mjs";
import {
  addNetns,
  compile,
  describeMachine,
  enterPrivateMachine,
  keepResults,
  ourBin,
  run,
  work,
} from "./machine.mjs";
import { measureEach, quantile, shuffle, summarize } from "./measure.mjs";

/**
 * @typedef {import("./measure.mjs").Figure} Figure
 * @typedef {import("./measure.mjs").Job} Job
 * @typedef {import("./measure.mjs").Run} Run
 * A host with so many peers.
 * @typedef {{ readonly count: number, readonly name: string, readonly config: object }} Host
 * @typedef {{
 *   readonly peers: number,
 *   readonly cold: Figure,
 *   readonly oneMore: Figure,
 *   readonly same: Figure,
 *   readonly peak: number,
 *   readonly messages: Readonly<Record<"cold" | "oneMore" | "same", Traffic>>,
 *   readonly daemon: Daemon,
 *   readonly add: Figure,
 * }} Row
 * @typedef {{ readonly messages: number, readonly calls: number }} Traffic
 * Bytes; nanoseconds of processor time in IDLE_SECONDS; nanoseconds until a deleted device is back.
 * @typedef {{ readonly peak: number, readonly idle: number, readonly mended: number }} Daemon
 */

const COUNTS = [0, 1, 100, 1_000, 5_000];
const IDLE_SECONDS = 5;

/** Nanoseconds of processor time in a second that are not more than what timers need. */
const QUIET_NS = 5e6;
/** ADD with 1,000 peers takes at most so many times what it takes with none. */
const MOST = 1.2;

const isQuick = process.argv.includes("--quick");
const rounds = isQuick ? 5 : 20;

async function main() {
  enterPrivateMachine();
  addNetns("container0");
  const hosts = COUNTS.map(makeHost);
  const adds = measureAdds(hosts);
  /** @type {Row[]} */
  const rows = [];
  for (const host of hosts) {
    process.stderr.write(`${host.count} peers …\n`);
    const add = summarize(adds.filter(({ label }) => label === addLabel(host)).map(({ ns }) => ns));
    rows.push({
      peers: host.count,
      ...measureReconcile(host),
      daemon: await measureDaemon(host),
      add,
    });
  }
  printTable(rows);
  printFloor(hosts[hosts.length - 1]);
  const ratio = addRatio(adds);
  const isReached = ratio <= MOST;
  console.log(
    `ADD with 1,000 peers: ${ratio.toFixed(2)} × ADD with none, ≤ ${MOST} ${isReached ? "reached" : "MISSED"}`,
  );
  if (!isQuick) keep(rows, ratio);
  if (!isReached) process.exitCode = 1;
}

/** Another host: a /24 of its own, and an address. */
function peer(/** @type {number} */ i) {
  const [high, low] = [1 + (i >> 8), i & 255];
  return {
    subnet: [`10.${high}.${low}.0/24`, `fd10:0:${high}:${low.toString(16)}::/64`],
    publicIP: `172.16.${high}.${low}`,
  };
}

/**
 * A host with an uplink, and three configurations of the same network: with all peers, with one
 * more, and a peers file.
 * @param {number} count
 * @returns {Host}
 */
function makeHost(count) {
  const name = `host${count}`;
  addNetns(name);
  const inside = (/** @type {string} */ words) => run("ip", ["-n", name, ...words.split(" ")]);
  inside("link add uplink type veth peer name far");
  inside("link set far up");
  inside("address add 172.16.0.1/12 dev uplink");
  inside("link set uplink up");
  inside("route add default via 172.16.0.2");
  const peers = Array.from({ length: count + 1 }, (_, i) => peer(i));
  for (const [file, list] of Object.entries({ all: peers.slice(0, -1), more: peers }))
    writeFileSync(peersFile(name, file), JSON.stringify(list));
  const config = configOf(name, "all");
  for (const file of ["all", "more"])
    writeFileSync(configFile(name, file), JSON.stringify(configOf(name, file)));
  return { count, name, config };
}

const peersFile = (/** @type {string} */ name, /** @type {string} */ file) =>
  join(work, `${name}-${file}.peers`);
const configFile = (/** @type {string} */ name, /** @type {string} */ file) =>
  join(work, `${name}-${file}.conf`);

/**
 * @param {string} name
 * @param {string} file
 */
function configOf(name, file) {
  return {
    cniVersion: "1.1.0",
    name,
    type: "vxlan-overlay",
    network: ["10.0.0.0/8", "fd10::/32"],
    subnet: ["10.0.0.0/24", "fd10::/64"],
    peersFile: peersFile(name, file),
  };
}

/** @param {Pick<Host, "count">} host */
function addLabel({ count }) {
  return `ADD with ${count} peers`;
}

/**
 * Runs of ADD on every host in turn.
 * @param {readonly Host[]} hosts
 * @returns {Run[]}
 */
function measureAdds(hosts) {
  const jobs = hosts.map((host) =>
    ["ADD", "DEL"].map((command) => {
      const job = pluginJob("ours", "vxlan-overlay", command, { config: host.config });
      const label = command === "ADD" ? addLabel(host) : command;
      return { ...job, netns: netnsPath(host.name), label };
    }),
  );
  measureEach(jobs.flat());
  const plan = Array.from({ length: 3 * rounds }, (_, i) => shuffle(jobs, i).flat());
  return measureEach(plan.flat());
}

/**
 * @param {Host} host
 * @param {string} file
 * @param {string} label
 * @returns {Job}
 */
function onceJob({ name }, file, label = file) {
  const args = ["daemon", configFile(name, file), "--once"];
  const program = join(ourBin, "vxlan-overlay");
  return { label, netns: netnsPath(name), program, args, input: "", env: {} };
}

/**
 * What one `daemon --once` takes: without a device, with one peer more than before, and with
 * nothing to do.
 * @param {Host} host
 */
function measureReconcile(host) {
  const netns = netnsPath(host.name);
  const args = ["link", "delete", "weft.1"];
  const forget = { label: "forget", netns, program: "/sbin/ip", args, input: "", env: {} };
  const turn = [
    forget,
    onceJob(host, "all", "cold"),
    onceJob(host, "all", "same"),
    onceJob(host, "more", "oneMore"),
  ];
  const runs = measureEach(Array.from({ length: rounds }, () => turn).flat());
  const of = (/** @type {string} */ label) => runs.filter((each) => each.label === label);
  const figure = (/** @type {string} */ label) => summarize(of(label).map(({ ns }) => ns));
  const peak = Math.max(...of("cold").map((each) => each.peak));
  measureEach([forget]);
  const messages = {
    cold: countMessages(onceJob(host, "all")),
    same: countMessages(onceJob(host, "all")),
    oneMore: countMessages(onceJob(host, "more")),
  };
  measureEach([onceJob(host, "all")]);
  return { cold: figure("cold"), same: figure("same"), oneMore: figure("oneMore"), peak, messages };
}

/**
 * The netlink requests of one run, and all its system calls.
 * @param {Job} job
 * @returns {Traffic}
 */
function countMessages({ netns, program, args = [] }) {
  const trace = join(work, "trace");
  run("nsenter", [`--net=${netns}`, "strace", "-f", "-qq", "-v", "-o", trace, program, ...args]);
  const lines = readFileSync(trace, "utf8").split("\n");
  const sent = lines.filter((line) => /^\d+ +send(to|msg)\(/.test(line));
  const messages = sent.flatMap((line) => line.match(/nlmsg_len=/g) ?? []).length;
  return { messages, calls: lines.filter((line) => /^\d+ +\w+\(/.test(line)).length };
}

/**
 * What a daemon that has done all there was to do needs, and how fast it makes a device that somebody deleted.
 * @param {Host} host
 * @returns {Promise<Daemon>}
 */
async function measureDaemon(host) {
  const program = join(ourBin, "vxlan-overlay");
  const enter = [`--net=${netnsPath(host.name)}`, program];
  const conf = configFile(host.name, "all");
  const daemon = spawn("nsenter", [...enter, "daemon", conf], { stdio: "ignore" });
  const health = () => run("nsenter", [...enter, "status", conf, "--json"]);
  await until(() => JSON.parse(health()).isReady);
  await untilQuiet(daemon.pid);
  const before = processorTime(daemon.pid);
  await sleep(IDLE_SECONDS * 1_000);
  const idle = processorTime(daemon.pid) - before;
  /** @type {string | undefined} */
  const last = JSON.parse(health()).peers.at(-1)?.vtepMAC;
  run("ip", ["-n", host.name, "link", "delete", "weft.1"]);
  const begin = performance.now();
  await until(() => isThere(host, last));
  const mended = 1e6 * (performance.now() - begin);
  const status = readFileSync(`/proc/${daemon.pid}/status`, "utf8");
  const peak = 1024 * Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]);
  daemon.kill();
  await once(daemon, "exit");
  return { peak, idle, mended };
}

/**
 * Nanoseconds that a process was on a processor, and so exact that a single wake-up shows.
 * @param {number | undefined} pid
 */
function processorTime(pid) {
  return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]);
}

/**
 * Whether the device is there, and what is made last of the last peer: its fdb entry.
 * @param {Host} host
 * @param {string | undefined} mac
 */
function isThere({ name }, mac) {
  const [program, ...words] =
    mac === undefined
      ? ["ip", "-n", name, "link", "show", "dev", "weft.1", "up"]
      : ["bridge", "-n", name, "fdb", "get", mac, "dev", "weft.1", "self"];
  return spawnSync(program, words, { encoding: "utf8" }).stdout !== "";
}

/**
 * Its own changes come back to it as events, so it looks once more; then there are only its timers.
 * @param {number | undefined} pid
 */
async function untilQuiet(pid) {
  for (let last = -QUIET_NS - 1; processorTime(pid) - last > QUIET_NS; ) {
    last = processorTime(pid);
    await sleep(1_000);
  }
}

/** @param {() => boolean} holds */
async function until(holds) {
  for (let i = 0; i < 1_000; i++) {
    try {
      if (holds()) return;
    } catch {
      // It has not started yet.
    }
    await sleep(5);
  }
  throw new Error("Cannot measure the daemon: it does not get ready");
}

/** @param {readonly Row[]} rows */
function printTable(rows) {
  const milliseconds = (/** @type {number} */ ns) => `${(ns / 1e6).toFixed(1)} ms`;
  const head = [
    ...["peers", "ADD", "from nothing", "one more", "unchanged", "messages"],
    ...["memory, once", "daemon", "idle", "mended"],
  ];
  const lines = rows.map((row) => [
    row.peers.toLocaleString("en"),
    ...[row.add, row.cold, row.oneMore, row.same].map(({ median }) => milliseconds(median)),
    [row.messages.cold, row.messages.oneMore, row.messages.same]
      .map((each) => each.messages)
      .join(" / "),
    ...[row.peak, row.daemon.peak].map((bytes) => `${(bytes / 1e6).toFixed(1)} MB`),
    milliseconds(row.daemon.idle),
    milliseconds(row.daemon.mended),
  ]);
  for (const line of [head, ...lines])
    console.log(
      line.map((cell, i) => cell.padStart(Math.max(12, head[i]?.length ?? 0))).join("  "),
    );
}

/**
 * What the kernel alone takes for as many entries (overlay-floor.c), with a device of its own.
 * @param {Host | undefined} host
 */
function printFloor(host) {
  if (!host) return;
  const { count, name } = host;
  const netns = netnsPath(name);
  const ip = (/** @type {string} */ words) => run("ip", ["-n", name, ...words.split(" ")]);
  const floor = (/** @type {string[]} */ ...args) => ({
    label: args[0] ?? "",
    netns,
    program: compile("overlay-floor"),
    args,
    input: "",
    env: {},
  });
  ip("link delete weft.1");
  ip("link add floor0 type vxlan id 77 dev uplink dstport 4790");
  ip("link set floor0 up");
  const jobs = [floor("make", "floor0", `${count}`), floor("read", "floor0")];
  for (const { label, ns } of measureEach(jobs))
    console.log(`netlink calls alone, ${count} peers, ${label}: ${(ns / 1e6).toFixed(0)} ms`);
  ip("link delete floor0");
}

/**
 * ADD with 1,000 peers against ADD with none, by the median of their quickest halves: what disturbs
 * a run makes it longer, and never shorter.
 * @param {readonly Run[]} adds
 */
function addRatio(adds) {
  const quick = (/** @type {number} */ count) => {
    const own = adds.filter(({ label }) => label === addLabel({ count }));
    return quantile(
      own.map(({ ns }) => ns),
      0.25,
    );
  };
  return quick(1_000) / quick(0);
}

/**
 * Writes what the documents show.
 * @param {readonly Row[]} rows
 * @param {number} ratio
 */
function keep(rows, ratio) {
  keepResults("overlay-results", { machine: describeMachine(), addRatio: ratio, rows });
}

await main();
