// @ts-check
// The runs whose instructions are counted, each in the state that it usually finds.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addNetns, run } from "./machine.mjs";

/**
 * @typedef {import("./callgrind.mjs").Invocation} Invocation
 * @typedef {import("./callgrind.mjs").Counter} Counter
 * Instructions by what was run.
 * @typedef {Readonly<Record<string, number>>} Counts
 * @typedef {Pick<Invocation, "netns" | "container">} Place
 */

/** Address managers open no namespace. */
const NONE = "/run/netns/none";
const version = { cniVersion: "1.0.0" };
const ipam = {
  type: "host-local",
  ranges: [[{ subnet: "10.1.0.0/16" }]],
  routes: [{ dst: "0.0.0.0/0" }],
};
const bridge = { type: "bridge", bridge: "counted0", isGateway: true, ipam };
const masquerading = { ...bridge, ipMasq: true };
const portMappings = [0, 1, 2].map((i) => ({
  hostPort: 20_000 + i,
  containerPort: 80 + i,
  protocol: "tcp",
}));
const portmap = { type: "portmap", runtimeConfig: { portMappings } };
const rate = 100_000_000;
const bandwidth = {
  type: "bandwidth",
  ingressRate: rate,
  ingressBurst: rate,
  egressRate: rate,
  egressBurst: rate,
};

/**
 * Runs that every user may make, and that leave nothing.
 * @param {Counter} counter
 * @returns {Counts}
 */
export function countPlain(counter) {
  const fixed = { type: "static", addresses: [{ address: "10.1.0.2/16", gateway: "10.1.0.1" }] };
  return {
    ...countCommand(counter, "VERSION", { type: "bridge" }),
    ...countCommand(counter, "STATUS", { type: "static", ipam: fixed }),
    ...countList(counter, "static", [{ type: "static", ipam: fixed }], { container: NONE }),
  };
}

/**
 * Runs that keep records in files.
 * @param {Counter} counter
 * @returns {Counts}
 */
export function countWithFiles(counter) {
  const place = { container: NONE };
  return {
    ...countCommand(counter, "STATUS", { type: "host-local", ipam }),
    ...countList(counter, "host-local", [{ type: "host-local", ipam }], place),
    ...countAfterChange(counter, 1_000, place),
  };
}

/**
 * Runs that make links, addresses and rules.
 * @param {Counter} counter
 * @returns {Counts}
 */
export function countWithLinks(counter) {
  const place = { netns: addNetns("host"), container: addNetns("container") };
  run("ip", ["-netns", "host", "link", "add", "counted1", "up", "type", "bridge"]);
  const lists = {
    bridge: [bridge],
    "bridge with ipMasq": [masquerading],
    "bridge, portmap, bandwidth": [masquerading, portmap, bandwidth],
    ptp: [{ type: "ptp", ipam }],
    macvlan: [{ type: "macvlan", master: "counted1", ipam }],
  };
  const counts = Object.entries(lists).map(([title, plugins]) =>
    ifPossible(title, () => countList(counter, title, plugins, place)),
  );
  return Object.assign({}, ...counts);
}

/**
 * A kernel may lack what a plugin needs; whether it should work is for other tests.
 * @param {string} title
 * @param {() => Counts} count
 */
function ifPossible(title, count) {
  try {
    return count();
  } catch (cause) {
    console.log(`not counted: ${title}: ${cause instanceof Error ? cause.message : cause}`);
    return {};
  }
}

/**
 * @param {Counter} counter
 * @param {string} command
 * @param {{ readonly type: string }} own
 */
function countCommand({ count }, command, own) {
  const config = { ...version, name: "counted", ...own };
  if (command === "STATUS") config.cniVersion = "1.1.0";
  return { [`${own.type} ${command}`]: count({ plugin: own.type, command, config }).instructions };
}

/**
 * ADD, CHECK and DEL of a list of plugins, all its processes together; once before, to make what
 * networks share.
 * @param {Counter} counter
 * @param {string} title
 * @param {readonly { readonly type: string }[]} plugins
 * @param {Place} place
 * @returns {Counts}
 */
function countList({ run: start, count }, title, plugins, place) {
  const configs = plugins.map((own) => ({ ...version, name: title.replace(/\W+/g, "-"), ...own }));
  /** @type {object | undefined} */
  let prevResult;
  const each = (/** @type {string} */ command, /** @type {typeof count} */ how) => {
    const ordered = command === "DEL" ? configs.toReversed() : configs;
    return ordered.reduce((sum, config) => {
      const given = { ...config, ...(prevResult ? { prevResult } : {}) };
      const done = how({ plugin: config.type, command, config: given, ...place });
      if (command === "ADD") prevResult = JSON.parse(done.output);
      return sum + done.instructions;
    }, 0);
  };
  for (const command of ["ADD", "DEL"]) each(command, start);
  prevResult = undefined;
  const commands = ["ADD", "CHECK", "DEL"];
  return Object.fromEntries(
    commands.map((command) => [`${title} ${command}`, each(command, count)]),
  );
}

/** @param {number} i */
function addressOf(i) {
  return `10.1.${i >> 8}.${i & 255}`;
}

/**
 * host-local's ADD where others have written its records, all of which it reads.
 * @param {Counter} counter
 * @param {number} records
 * @param {Place} place
 * @returns {Counts}
 */
function countAfterChange({ count }, records, place) {
  const name = "changed";
  const folder = join("/var/lib/cni/networks", name);
  mkdirSync(folder, { recursive: true });
  for (let i = 2; i < records + 2; i++)
    writeFileSync(join(folder, addressOf(i)), `container-${i}\r\neth0`);
  writeFileSync(join(folder, "last_reserved_ip.0"), addressOf(records + 1));
  const config = { ...version, name, type: "host-local", ipam };
  const { instructions } = count({ plugin: "host-local", command: "ADD", config, ...place });
  return { [`host-local ADD, ${records} records, first after a foreign change`]: instructions };
}
