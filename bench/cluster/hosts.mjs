// @ts-check
// The hosts that are measured, and those that are only in the store.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { ourBin, root, run, work } from "../machine.mjs";

/**
 * @typedef {"weft" | "flanneld"} Kind
 * A measured host: its name is that of its network namespace.
 * @typedef {{ readonly name: string, readonly kind: Kind, readonly number: number }} Host
 * A store, as a host is told of it.
 * @typedef {{
 *   readonly name: string,
 *   readonly count: number,
 *   readonly change: (i: number, generation: number) => Promise<void>,
 *   readonly words: (host: Host) => readonly string[],
 *   readonly variables: (host: Host) => Readonly<Record<string, string>>,
 *   readonly stop: () => void,
 * }} Store
 */

/** The address of the machine that has the stores, and where they are. */
export const STORES = "172.16.0.1";

export const flanneld = `${root}/.cache/cluster/flanneld-0.28.10`;

const two = (/** @type {number} */ value) => (value & 255).toString(16).padStart(2, "0");

/** A host that is only in the store; each generation has another hardware address. */
export function hostOf(/** @type {number} */ i, generation = 0) {
  const [high, low] = [1 + (i >> 8), i & 255];
  return {
    subnet: `10.${high}.${low}.0/24`,
    publicIP: `172.17.${high}.${low}`,
    mac: `0a:${two(generation >> 8)}:${two(generation)}:00:${two(high)}:${two(low)}`,
  };
}

/** A bridge on which all measured hosts are, and the stores. */
export function makeUnderlay() {
  run("ip", ["link", "add", "underlay", "type", "bridge"]);
  run("ip", ["link", "set", "underlay", "up"]);
  run("ip", ["address", "add", `${STORES}/12`, "dev", "underlay"]);
}

/**
 * @param {Kind} kind
 * @param {number} number
 * @returns {Host}
 */
export function makeHost(kind, number) {
  const name = `host${number}`;
  run("ip", ["netns", "add", name]);
  run("ip", [
    "link",
    "add",
    `port${number}`,
    "type",
    "veth",
    "peer",
    "name",
    "wire",
    "netns",
    name,
  ]);
  run("ip", ["link", "set", `port${number}`, "master", "underlay", "up"]);
  const inside = (/** @type {string} */ words) => run("ip", ["-n", name, ...words.split(" ")]);
  inside("link set lo up");
  inside(`address add 172.16.${1 + (number >> 8)}.${number & 255}/12 dev wire`);
  inside("link set wire up");
  inside(`route add default via ${STORES}`);
  return { name, kind, number };
}

/**
 * A running program on a host, with its own /run/flannel and /run/weft.
 * @param {Host} host
 * @param {Store} store
 */
export function startOn(host, store) {
  const files = `${work}/${host.name}`;
  rmSync(files, { recursive: true, force: true });
  for (const folder of ["flannel", "weft"]) mkdirSync(`${files}/${folder}`, { recursive: true });
  const program = host.kind === "flanneld" ? [flanneld] : [`${ourBin}/weft`, "agent"];
  const script = `mkdir -p /run/flannel /run/weft; mount --bind ${files}/flannel /run/flannel; mount --bind ${files}/weft /run/weft; exec "$@"`;
  const words = [...program, "--iface=wire", ...store.words(host)];
  const begun = performance.now();
  const child = spawn(
    "nsenter",
    [`--net=/run/netns/${host.name}`, "unshare", "-m", "sh", "-c", script, "sh", ...words],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...store.variables(host) },
    },
  );
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (data) => {
      said = `${said}${data}`.slice(-20_000);
    });
  const pid = child.pid ?? 0;
  return {
    begun,
    pid,
    said: () => said,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    stop: () =>
      /** @type {Promise<void>} */ (
        new Promise((resolve) => {
          if (child.exitCode !== null || child.signalCode !== null) resolve();
          child.once("exit", () => resolve());
          child.kill("SIGKILL");
        })
      ),
  };
}

/**
 * The bytes that a process had at most, in memory.
 * @param {number} pid
 */
export function peakOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return 1024 * Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]);
}

/**
 * Nanoseconds that all threads of a process were on a processor.
 * @param {number} pid
 */
export function processorTime(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  const times = threads.map(
    (id) => readFileSync(`/proc/${pid}/task/${id}/schedstat`, "utf8").split(" ")[0],
  );
  return times.reduce((sum, time) => sum + Number(time), 0);
}

/**
 * How many routes a process's network namespace has, as cheaply as the kernel tells it.
 * @param {number} pid
 */
export function routesOf(pid) {
  const file = `/proc/${pid}/net/fib_triestat`;
  if (!existsSync(file)) return 0;
  const prefixes = readFileSync(file, "utf8").matchAll(/Prefixes: +(\d+)/g);
  return [...prefixes].reduce((sum, [, count]) => sum + Number(count), 0);
}

/**
 * The entries of a host's vxlan device: routes, neighbours, forwarding entries.
 * @param {Host} host
 */
export function entriesOf({ name }) {
  const count = (/** @type {string} */ program, /** @type {string} */ words, pattern = /\n/g) =>
    (
      spawnSync(program, ["-n", name, ...words.split(" ")], {
        encoding: "utf8",
        maxBuffer: 1 << 28,
      }).stdout.match(pattern) ?? []
    ).length;
  return {
    routes: count("ip", "route show dev flannel.1", /\/\d+ via /g),
    neighbours: count("ip", "neighbour show dev flannel.1 nud permanent"),
    forwarding: count("bridge", "fdb show dev flannel.1", / dst /g),
  };
}

/**
 * Where packets for another host go, as the kernel says it; "" if nowhere.
 * @param {Host} host
 * @param {string} mac
 */
export function forwardingOf({ name }, mac) {
  return spawnSync("bridge", ["-n", name, "fdb", "get", mac, "dev", "flannel.1", "self"], {
    encoding: "utf8",
  }).stdout;
}

/**
 * Takes away what a program has made on a host.
 * @param {Host} host
 */
export function forget({ name }) {
  spawnSync("ip", ["-n", name, "link", "delete", "flannel.1"]);
}
