// @ts-check
// The runs that scenarios are made of, and the order they are run in.
import { join } from "node:path";
import { ourBin, referenceBin } from "./machine.mjs";
import { measureEach, shuffle } from "./measure.mjs";

/** @typedef {import("./measure.mjs").Job} Job */

/** @type {Readonly<Record<"ours" | "reference", string>>} */
const folders = { ours: ourBin, reference: referenceBin };

/** @param {string} name */
export function netnsPath(name) {
  return `/run/netns/${name}`;
}

/**
 * @param {"ours" | "reference"} subject
 * @param {string} plugin
 * @param {string} command
 * @param {{ readonly config: object, readonly container?: number, readonly id?: string }} options
 * @returns {Job}
 */
export function pluginJob(subject, plugin, command, { config, container = 0, id = "bench" }) {
  return {
    label: `${subject} ${command}`,
    netns: netnsPath(subject),
    program: join(folders[subject], plugin),
    input: JSON.stringify(config),
    env: {
      CNI_COMMAND: command,
      CNI_CONTAINERID: id,
      CNI_NETNS: netnsPath(`container${container}`),
      CNI_IFNAME: "eth0",
      CNI_PATH: folders[subject],
    },
  };
}

/**
 * @param {string} floor
 * @param {"ADD" | "DEL"} command
 * @returns {Job}
 */
export function floorJob(floor, command) {
  const env = { CNI_COMMAND: command, CNI_NETNS: netnsPath("container0") };
  return { label: `floor ${command}`, netns: netnsPath("floor"), program: floor, input: "", env };
}

/**
 * A network of each kind for each subject: nothing of one is found by the other.
 * @param {string} name
 * @param {boolean} ipMasq
 */
export function bridgeConfig(name, ipMasq) {
  const own = { type: "bridge", bridge: "bench0", isGateway: true, ipMasq };
  return { cniVersion: "1.0.0", name, ...own, ipam };
}

/**
 * A network of a plugin that needs no more than a link to be above, if that.
 * @param {string} type
 * @param {string} name
 * @param {string} master
 */
export function linkConfig(type, name, master) {
  return { cniVersion: "1.0.0", name, type, master, ipam };
}

const ipam = {
  type: "host-local",
  ranges: [[{ subnet: "10.1.0.0/16" }]],
  routes: [{ dst: "0.0.0.0/0" }],
};

/**
 * Runs every subject's jobs `rounds` times, in an order that changes; the jobs of one subject follow
 * each other. The first round warms up: it makes what is shared, as the bridge, and is not counted.
 * @param {number} rounds
 * @param {readonly (readonly Job[])[]} subjects
 */
export function interleave(rounds, subjects) {
  const warmUp = measureEach(subjects.flat());
  const plan = Array.from({ length: rounds }, (_, i) => shuffle(subjects, i).flat()).flat();
  return { warmUp, runs: measureEach(plan) };
}
