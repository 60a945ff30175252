// @ts-check
// What is measured. A scenario returns rows; a row has one figure per subject, in ns or bytes.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { measureChain } from "./chain.mjs";
import { countInstructions, countSystemCalls } from "./counts.mjs";
import { bridgeConfig, floorJob, interleave, linkConfig, netnsPath, pluginJob } from "./jobs.mjs";
import { addNetns, compile, ourBin, referenceBin } from "./machine.mjs";
import { measureAtOnce, shuffle, summarize } from "./measure.mjs";
import { measureStartUp } from "./start-up.mjs";

/**
 * @typedef {import("./measure.mjs").Figure} Figure
 * @typedef {import("./measure.mjs").Job} Job
 * @typedef {import("./measure.mjs").Run} Run
 * @typedef {"ours" | "reference" | "floor"} Subject
 * @typedef {{
 *   readonly id: string,
 *   readonly title: string,
 *   readonly unit: "ns" | "bytes" | "count",
 *   readonly figures: Readonly<Partial<Record<Subject, Figure>>>,
 *   readonly failed?: Readonly<Partial<Record<Subject, number>>>,
 * }} Row
 * @typedef {{ readonly rounds: number, readonly floor: string, readonly nothing: string }} Bench
 */

const AT_ONCE = 40;

/** Makes the namespaces that the scenarios use: one host for each subject, and the containers. */
export function setUp() {
  for (const subject of ["ours", "reference", "floor"]) addNetns(subject);
  for (let i = 0; i < AT_ONCE; i++) addNetns(`container${i}`);
  const bridge = "ip link add bench0 type bridge && ip address add 10.1.0.1/16 dev bench0";
  execFileSync("ip", ["netns", "exec", "floor", "sh", "-c", `${bridge} && ip link set bench0 up`]);
  return { floor: compile("floor"), nothing: compile("nothing") };
}

/** @type {Readonly<Record<string, (bench: Bench) => Row[]>>} */
export const scenarios = {
  version: measureVersion,
  bridge: (bench) => measureBridge(bench, "plain"),
  masquerade: (bench) => measureBridge(bench, "masquerade"),
  "host-local": (bench) => [0, 1_000, 30_000].flatMap((count) => measureHostLocal(bench, count)),
  "at-once": measureManyAtOnce,
  links: measureLinks,
  chain: measureChain,
  calls: countSystemCalls,
  instructions: countInstructions,
  size: measureSize,
  "start-up": measureStartUp,
};

/**
 * @param {readonly Run[]} runs
 * @param {string} command
 * @param {"ns" | "peak" | "faults"} what
 */
function figuresOf(runs, command, what = "ns") {
  /** @type {Partial<Record<Subject, Figure>>} */
  const figures = {};
  for (const subject of /** @type {const} */ (["ours", "reference", "floor"])) {
    const own = runs.filter(({ label }) => label === `${subject} ${command}`);
    if (own.length > 0) figures[subject] = summarize(own.map((each) => each[what]));
  }
  return figures;
}

/**
 * @param {Bench} bench
 * @returns {Row[]}
 */
function measureVersion({ rounds, nothing }) {
  const config = { cniVersion: "1.0.0" };
  const { runs } = interleave(2 * rounds, [
    [pluginJob("ours", "bridge", "VERSION", { config })],
    [pluginJob("reference", "bridge", "VERSION", { config })],
    [{ label: "floor VERSION", netns: netnsPath("floor"), program: nothing, input: "", env: {} }],
  ]);
  const figures = figuresOf(runs, "VERSION");
  return [{ id: "version", title: "VERSION", unit: "ns", figures }];
}

/**
 * @param {Bench} bench
 * @param {"plain" | "masquerade"} kind
 * @returns {Row[]}
 */
function measureBridge({ rounds, floor }, kind) {
  const jobs = (/** @type {"ours" | "reference"} */ subject) =>
    ["ADD", "DEL"].map((command) => {
      const config = bridgeConfig(`${kind}-${subject}`, kind === "masquerade");
      return pluginJob(subject, "bridge", command, { config });
    });
  const { runs } = interleave(rounds, [
    jobs("ours"),
    jobs("reference"),
    [floorJob(floor, "ADD"), floorJob(floor, "DEL")],
  ]);
  const suffix = kind === "masquerade" ? " with ipMasq" : "";
  /** @type {Row[]} */
  const rows = ["ADD", "DEL"].map((command) => ({
    id: `bridge-${command.toLowerCase()}-${kind}`,
    title: `bridge ${command}${suffix}`,
    unit: "ns",
    figures: figuresOf(runs, command),
  }));
  const { ours, reference } = figuresOf(runs, "ADD", "peak");
  if (ours && reference)
    rows.push({
      id: `memory-${kind}`,
      title: `peak memory of bridge ADD${suffix}`,
      unit: "bytes",
      figures: { ours, reference },
    });
  for (const command of ["ADD", "DEL"])
    rows.push({
      id: `faults-${command.toLowerCase()}-${kind}`,
      title: `page faults of bridge ${command}${suffix}`,
      unit: "count",
      figures: figuresOf(runs, command, "faults"),
    });
  return rows;
}

/** What links are made above: a bridge, since every kernel has them, which carries nothing here. */
const MASTER = "bench1";

/**
 * The other ways from a container to the host, or to the host's network.
 * @param {Bench} bench
 * @returns {Row[]}
 */
function measureLinks({ rounds }) {
  for (const subject of ["ours", "reference"])
    execFileSync("ip", ["-netns", subject, "link", "add", MASTER, "up", "type", "bridge"]);
  return ["ptp", "macvlan"].flatMap((plugin) => {
    const { runs } = interleave(
      rounds,
      /** @type {const} */ (["ours", "reference"]).map((subject) => {
        const config = linkConfig(plugin, `${plugin}-${subject}`, MASTER);
        return ["ADD", "DEL"].map((command) => pluginJob(subject, plugin, command, { config }));
      }),
    );
    return ["ADD", "DEL"].map((command) => ({
      id: `${plugin}-${command.toLowerCase()}`,
      title: `${plugin} ${command}`,
      unit: /** @type {const} */ ("ns"),
      figures: figuresOf(runs, command),
    }));
  });
}

/**
 * Writes reservations as the on-disk format has them: container ID, CR LF, interface.
 * @param {string} network
 * @param {number} count
 */
function reserve(network, count) {
  const folder = join("/var/lib/cni/networks", network);
  const address = (/** @type {number} */ i) => `10.2.${(i + 2) >> 8}.${(i + 2) & 255}`;
  mkdirSync(folder, { recursive: true });
  for (let i = 0; i < count; i++)
    writeFileSync(join(folder, address(i)), `container-${i}\r\neth0`, { mode: 0o600 });
  if (count > 0)
    writeFileSync(join(folder, "last_reserved_ip.0"), address(count - 1), { mode: 0o600 });
}

/**
 * @param {Bench} bench
 * @param {number} count
 * @returns {Row[]}
 */
function measureHostLocal({ rounds }, count) {
  const subjects = /** @type {const} */ (["ours", "reference"]).map((subject) => {
    const name = `reserved-${count}-${subject}`;
    reserve(name, count);
    const ipam = { type: "host-local", ranges: [[{ subnet: "10.2.0.0/16" }]] };
    const config = { cniVersion: "1.0.0", name, type: "bridge", ipam };
    return ["ADD", "DEL"].map((command) => pluginJob(subject, "host-local", command, { config }));
  });
  const { warmUp, runs } = interleave(count > 1_000 ? Math.ceil(rounds / 2) : rounds, subjects);
  const suffix = `, ${count.toLocaleString("en")} reservations`;
  /** @type {Row[]} */
  const rows = ["ADD", "DEL"].map((command) => ({
    id: `host-local-${command.toLowerCase()}-${count}`,
    title: `host-local ${command}${suffix}`,
    unit: "ns",
    figures: figuresOf(runs, command),
  }));
  if (count > 0)
    rows.push({
      id: `host-local-first-${count}`,
      title: `host-local ADD${suffix}, first after a foreign change`,
      unit: "ns",
      figures: figuresOf(warmUp, "ADD"),
    });
  return rows;
}

/**
 * @param {Bench} bench
 * @returns {Row[]}
 */
function measureManyAtOnce({ rounds }) {
  const subjects = /** @type {const} */ (["ours", "reference"]);
  const commands = ["ADD", "DEL"];
  /** @type {import("./measure.mjs").Group[]} */
  const groups = [];
  for (let round = -1; round < Math.max(3, Math.ceil(rounds / 6)); round++)
    for (const subject of shuffle(subjects, round))
      for (const command of commands) {
        const config = bridgeConfig(`many-${subject}`, true);
        const jobs = Array.from({ length: AT_ONCE }, (_, i) =>
          pluginJob(subject, "bridge", command, { config, container: i, id: `container-${i}` }),
        );
        const group = measureAtOnce(`${subject} ${command}`, jobs);
        if (round >= 0) groups.push(group);
      }
  return commands.map((command) => {
    const of = (/** @type {Subject} */ subject) =>
      groups.filter(({ label }) => label === `${subject} ${command}`);
    const failed = (/** @type {Subject} */ subject) =>
      of(subject).reduce((sum, group) => sum + group.failed, 0);
    return {
      id: `at-once-${command.toLowerCase()}`,
      title: `${AT_ONCE} bridge ${command}s with ipMasq at once`,
      unit: "ns",
      figures: {
        ours: summarize(of("ours").map(({ ns }) => ns)),
        reference: summarize(of("reference").map(({ ns }) => ns)),
      },
      failed: { ours: failed("ours"), reference: failed("reference") },
    };
  });
}

/**
 * All executables of a folder, hard links counted once.
 * @returns {Row[]}
 */
function measureSize() {
  const size = (/** @type {string} */ folder) => {
    const files = readdirSync(folder).map((name) => statSync(join(folder, name)));
    const own = new Map(files.filter((file) => file.isFile()).map((file) => [file.ino, file.size]));
    return summarize([[...own.values()].reduce((sum, bytes) => sum + bytes, 0)]);
  };
  const names = (/** @type {string} */ folder) => readdirSync(folder).length;
  const title = `size on disk (${names(ourBin)} executables; reference ${names(referenceBin)})`;
  const figures = { ours: size(ourBin), reference: size(referenceBin) };
  return [{ id: "size", title, unit: "bytes", figures }];
}
