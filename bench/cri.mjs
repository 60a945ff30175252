// @ts-check
// Starts many pods at once through containerd's CRI, with our plugins and with the reference's, and
// removes them. `make bench-cri` runs it; see README.md for what it needs.
import { existsSync, readdirSync, rmdirSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startContainerd } from "./containerd.mjs";
import {
  describeMachine,
  enterPrivateMachine,
  keepResults,
  ourBin,
  referenceBins,
  referenceVersions,
  run,
  stop,
} from "./machine.mjs";
import { shuffle, summarize } from "./measure.mjs";
import { countNew, thingsOf, timeOfChildren } from "./node-state.mjs";

/**
 * @typedef {{ readonly name: string, readonly bin: string }} Subject
 * @typedef {Subject & { readonly network: string, readonly runtime: import("./containerd.mjs").Runtime }} Host
 * @typedef {Readonly<Record<What, number>> & { readonly pods: number, readonly name: string }} Sample
 * @typedef {"ready" | "removed" | "programs" | "left"} What times in ns, and a count
 */

/** @type {readonly What[]} */
const WHAT = ["ready", "removed", "programs", "left"];

const COUNTS = [30, 100];
const ROUNDS = 3;
/** Between two measurements: the kernel is still taking namespaces apart. */
const PAUSE = 3_000;
const FIRST_PORT = 20_000;
const PROGRAMS = ["containerd", "runc", "ctr", "iptables", "nft"];
/** Names the control group of the pods, which is the real machine's, for inside and outside. */
const CGROUP = "WEFT_BENCH_CGROUP";

async function main() {
  const { counts, rounds, isKept } = parseArguments(process.argv.slice(2));
  refuseWithout(PROGRAMS);
  process.env[CGROUP] ??= `/weft-bench-${process.pid}`;
  const cgroup = process.env[CGROUP];
  enterPrivateMachine({ withProcesses: true, after: () => removeCgroup(cgroup) });
  const subjects = allSubjects();
  const hosts = [];
  for (const [i, subject] of subjects.entries()) hosts.push(await startHost(subject, i));
  try {
    for (const host of hosts) await measure(host, { pods: 1, cgroup }); // not counted: it makes what all share
    const samples = await measureAll(hosts, { counts, rounds, cgroup });
    report(samples, { subjects, counts, isKept, containerd: hosts[0]?.runtime.version ?? "" });
  } finally {
    for (const { runtime } of hosts) await runtime.stop();
  }
}

/** @param {readonly string[]} args */
function parseArguments(args) {
  const isQuick = args.includes("--quick");
  const isKept = args.includes("--keep") || args.length === 0;
  const numbers = args.filter((arg) => !arg.startsWith("--")).map(Number);
  const wrong = args.find((arg) => !["--quick", "--keep"].includes(arg) && !(Number(arg) > 0));
  if (wrong !== undefined)
    stop(`Cannot measure "${wrong}"
usage: node bench/cri.mjs [--quick] [--keep] [PODS ...]
  --quick  one round
  --keep   write bench/cri-results.json and the documents, which a run without arguments does
  PODS     how many at once; ${COUNTS.join(" and ")}`);
  return { counts: numbers.length > 0 ? numbers : COUNTS, rounds: isQuick ? 1 : ROUNDS, isKept };
}

/** @param {readonly string[]} programs */
function refuseWithout(programs) {
  process.env.PATH = `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;
  const folders = process.env.PATH.split(":");
  const missing = programs.filter((name) => !folders.some((dir) => existsSync(join(dir, name))));
  if (missing.length > 0)
    stop(`Cannot start pods: not found: ${missing.join(", ")}. Run: sudo tools/setup.sh bench-cri`);
}

/** @returns {Subject[]} */
function allSubjects() {
  const versions = referenceVersions();
  const references = referenceBins.map((bin, i) => ({
    name: versions[i] === "unknown" ? basename(bin) : (versions[i] ?? ""),
    bin,
  }));
  return [{ name: "weft", bin: ourBin }, ...references];
}

/**
 * @param {Subject} subject
 * @param {number} i
 * @returns {Promise<Host>}
 */
async function startHost(subject, i) {
  const network = `bench${i}`;
  const ipam = { type: "host-local", ranges: [[{ subnet: "10.244.0.0/16" }]] };
  const bridge = { type: "bridge", bridge: "cni0", isDefaultGateway: true, ipMasq: true };
  const plugins = [
    { ...bridge, hairpinMode: true, ipam },
    { type: "portmap", capabilities: { portMappings: true } },
  ];
  const list = { cniVersion: "1.0.0", name: network, plugins };
  const runtime = await startContainerd({ name: network, bin: subject.bin, network: list });
  return { ...subject, network, runtime };
}

/**
 * @param {readonly Host[]} hosts
 * @param {{ readonly counts: readonly number[], readonly rounds: number, readonly cgroup: string }} plan
 */
async function measureAll(hosts, { counts, rounds, cgroup }) {
  /** @type {Sample[]} */
  const samples = [];
  for (const pods of counts)
    for (let round = 0; round < rounds; round++)
      for (const host of shuffle(hosts, round)) {
        await sleep(PAUSE);
        const sample = await measure(host, { pods, cgroup });
        samples.push(sample);
        process.stderr.write(
          `${pods} pods, ${host.name}: ${WHAT.map((what) => `${what} ${shown(what, sample[what])}`).join(", ")}\n`,
        );
      }
  return samples;
}

/**
 * Starts pods at once, looks whether each has a network, removes them at once, and counts what is left.
 * @param {Host} host
 * @param {{ readonly pods: number, readonly cgroup: string }} options
 * @returns {Promise<Sample>}
 */
async function measure({ name, network, runtime }, { pods, cgroup }) {
  const { client, netns, pid } = runtime;
  const wanted = Array.from({ length: pods }, (_, i) => ({
    name: `pod-${i}`,
    hostPort: FIRST_PORT + i,
    cgroup,
  }));
  const host = { network, netns };
  const before = thingsOf(host);
  const spent = timeOfChildren(pid);
  const start = process.hrtime.bigint();
  const ids = await Promise.all(wanted.map((pod) => client.runPod(pod)));
  const ready = Number(process.hrtime.bigint() - start);
  expectAttached({ network, netns, pods });
  const middle = process.hrtime.bigint();
  await Promise.all(ids.map((id) => client.removePod(id)));
  const removed = Number(process.hrtime.bigint() - middle);
  const programs = timeOfChildren(pid) - spent;
  expectAttached({ network, netns, pods: 0 });
  return { pods, name, ready, removed, programs, left: countNew(before, thingsOf(host)) };
}

/** @param {{ readonly network: string, readonly netns: string, readonly pods: number }} expected */
function expectAttached({ network, netns, pods }) {
  const links = run("nsenter", [`--net=${netns}`, "ip", "-o", "link", "show", "type", "veth"]);
  const reserved = readdirSync(join("/var/lib/cni/networks", network)).filter((file) =>
    /^\d+(\.\d+){3}$/.test(file),
  );
  const count = links.split("\n").filter((line) => line !== "").length;
  if (count !== pods || reserved.length !== pods)
    stop(`Cannot measure: ${pods} pods have ${count} links and ${reserved.length} addresses`);
}

/**
 * @param {readonly Sample[]} samples
 * @param {{ readonly subjects: readonly Subject[], readonly counts: readonly number[],
 *   readonly isKept: boolean, readonly containerd: string }} about
 */
function report(samples, { subjects, counts, isKept, containerd }) {
  const names = subjects.map(({ name }) => name);
  /** @param {number} pods @param {What} what */
  const row = (pods, what) => ({
    pods,
    what,
    figures: names.map((name) =>
      summarize(
        samples
          .filter((each) => each.pods === pods && each.name === name)
          .map((each) => each[what]),
      ),
    ),
  });
  const rows = counts.flatMap((pods) => WHAT.map((what) => row(pods, what)));
  console.log(`\n${containerd}; medians, and ours as a part of each reference's`);
  for (const { pods, what, figures } of rows) {
    const ours = figures[0]?.median ?? 0;
    const cells = figures.map(({ median }, i) => {
      const part = i > 0 && what !== "left" ? ` (${(ours / median).toFixed(2)})` : "";
      return `${names[i]} ${shown(what, median)}${part}`;
    });
    console.log(`${String(pods).padStart(4)} pods ${what.padEnd(9)} ${cells.join("; ")}`);
  }
  if (samples.some(({ name, left }) => name === "weft" && left > 0)) process.exitCode = 1;
  if (!isKept) return;
  const machine = { ...describeMachine(), containerd: containerd.replace(/^containerd v?/, "") };
  keepResults("cri-results", { machine, subjects: names, rows });
}

/**
 * @param {What} what
 * @param {number} value
 */
function shown(what, value) {
  return what === "left" ? String(value) : seconds(value);
}

/** @param {number} ns */
function seconds(ns) {
  return `${(ns / 1e9).toFixed(2)} s`;
}

/**
 * Removes the control group of the pods, and theirs in it, from every hierarchy.
 * @param {string} name
 */
function removeCgroup(name) {
  const all = "/sys/fs/cgroup";
  for (const hierarchy of ["", ...readdirSync(all)]) removeFolders(join(all, hierarchy, name));
}

/** @param {string} path */
function removeFolders(path) {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeFolders(join(path, entry.name));
  rmdirSync(path);
}

await main();
