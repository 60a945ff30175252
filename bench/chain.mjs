// @ts-check
// A list of plugins as a runtime runs it: each ADD with the result of the one before, DEL backwards.
import { bridgeConfig, pluginJob } from "./jobs.mjs";
import { measureEach, shuffle, summarize } from "./measure.mjs";

/**
 * @typedef {import("./scenarios.mjs").Bench} Bench
 * @typedef {import("./scenarios.mjs").Row} Row
 * @typedef {"ours" | "reference"} Subject
 */

/** How many containers have ports already when it is measured for the second time. */
const MAPPED = 500;

/**
 * Three ports of a container; those of different numbers do not meet.
 * @param {number} number
 */
function ports(number) {
  const mapping = (/** @type {number} */ i) => ({
    hostPort: 20_000 + 3 * number + i,
    containerPort: 80 + i,
    protocol: "tcp",
  });
  return [0, 1, 2].map(mapping);
}

/**
 * @param {Subject} subject
 * @param {object} prevResult
 * @param {number} number
 */
function portmapConfig(subject, prevResult, number) {
  const { cniVersion, name } = chainConfigs(subject).bridge;
  const runtimeConfig = { portMappings: ports(number) };
  return { cniVersion, name, type: "portmap", runtimeConfig, prevResult };
}

/** @param {Subject} subject */
function chainConfigs(subject) {
  const bridge = bridgeConfig(`chain-${subject}`, true);
  const { cniVersion, name } = bridge;
  const rate = 100_000_000;
  const limits = { ingressRate: rate, ingressBurst: rate, egressRate: rate, egressBurst: rate };
  return {
    bridge,
    portmap: { cniVersion, name, type: "portmap", runtimeConfig: { portMappings: ports(0) } },
    bandwidth: { cniVersion, name, type: "bandwidth", ...limits },
  };
}

/**
 * One ADD and one DEL of the whole list: the sums of its processes, in ns.
 * @param {Subject} subject
 */
function runChain(subject) {
  const configs = Object.entries(chainConfigs(subject));
  /** @type {object | undefined} */
  let prevResult;
  let add = 0;
  for (const [plugin, own] of configs) {
    const config = prevResult ? { ...own, prevResult } : own;
    const [run] = measureEach([pluginJob(subject, plugin, "ADD", { config })]);
    prevResult = JSON.parse(run?.output ?? "{}");
    add += run?.ns ?? 0;
  }
  const jobs = configs
    .reverse()
    .map(([plugin, own]) => pluginJob(subject, plugin, "DEL", { config: { ...own, prevResult } }));
  const del = measureEach(jobs).reduce((sum, { ns }) => sum + ns, 0);
  return { add, del };
}

/**
 * @param {number} rounds
 * @param {readonly Subject[]} subjects
 */
function measureChains(rounds, subjects) {
  /** @type {Record<Subject, { add: number, del: number }[]>} */
  const runs = { ours: [], reference: [] };
  for (let round = -1; round < rounds; round++)
    for (const subject of shuffle(subjects, round)) {
      const run = runChain(subject);
      if (round >= 0) runs[subject].push(run);
    }
  return runs;
}

/**
 * @param {Bench} bench
 * @returns {Row[]}
 */
export function measureChain({ rounds }) {
  const few = measureChains(Math.ceil(rounds / 2), ["ours", "reference"]);
  for (let number = 1; number <= MAPPED; number += 100) mapMore(number);
  const many = measureChains(Math.ceil(rounds / 2), ["ours"]);
  const title = "bridge with ipMasq, portmap of 3 ports, bandwidth";
  return /** @type {const} */ (["add", "del"]).flatMap((command) => {
    const figure = (/** @type {{ add: number, del: number }[]} */ runs) =>
      summarize(runs.map((run) => run[command]));
    const figures = { ours: figure(few.ours), reference: figure(few.reference) };
    const name = `${command.toUpperCase()} of a list: ${title}`;
    return [
      { id: `chain-${command}`, title: name, unit: "ns", figures },
      {
        id: `chain-${command}-${MAPPED}`,
        title: `the same, ${MAPPED} containers mapped already`,
        unit: "ns",
        figures: { ours: figure(many.ours) },
      },
    ];
  });
}

/**
 * A hundred containers more that have ports.
 * @param {number} first
 */
function mapMore(first) {
  const jobs = Array.from({ length: 100 }, (_, i) => {
    const number = first + i;
    const address = `10.1.${200 + (number >> 8)}.${number & 255}/16`;
    const prevResult = { cniVersion: "1.0.0", ips: [{ address }] };
    const config = portmapConfig("ours", prevResult, number);
    return pluginJob("ours", "portmap", "ADD", { config, id: `mapped-${number}` });
  });
  measureEach(jobs);
}
