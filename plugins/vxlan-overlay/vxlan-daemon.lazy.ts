/**
 * vxlan-overlay as a program of its own:
 *
 *   vxlan-overlay daemon CONFIG [--once] [--log=json]   keep the kernel equal to the peers file
 *   vxlan-overlay status CONFIG [--json]                what a running daemon says of itself
 *   vxlan-overlay remove CONFIG                         take the network's devices and rules away
 *
 * Packets do not need it: without a daemon what was last programmed stays. It waits for changes of
 * the files and of the kernel's entries, and then does what ADD does at first use. Every minute it
 * does so without a change as well: nobody tells of changes to rules. The guards of the devices it
 * looks for every two seconds.
 */

import { readConfig } from "../../lib/cni/calls.ts";
import { readPluginConfig, sayLine } from "../../lib/cni/command-line.ts";
import { CniError } from "../../lib/cni/error.ts";
import type { JsonObject } from "../../lib/cni/json.ts";
import { formatAddress } from "../../lib/ip/address.ts";
import { formatCidr } from "../../lib/ip/cidr.ts";
import { formatMac } from "../../lib/ip/mac.ts";
import { type Netns, ownNetns } from "../../lib/net/netns.ts";
import { RTPROT_WEFT } from "../../lib/overlay/found-entries.ts";
import type { Peer } from "../../lib/overlay/peers.ts";
import { askDaemon, Watch } from "../../lib/overlay/watch.ts";
import { onlyProcess } from "../../lib/state/record.ts";
import { type OverlayConfig, parseOverlayConfig } from "./config.ts";
import { areGuarded, type Reconciled, reconcile, removeUnderlay } from "./underlay.ts";
import * as schema from "./vxlan-overlay.schema.json";

const usage = `usage: vxlan-overlay daemon CONFIG [--once] [--log=json]
       vxlan-overlay status CONFIG [--json]
       vxlan-overlay remove CONFIG

  daemon      keep routes, neighbours and forwarding entries equal to the peers file
  status      what the daemon of this network says of itself
  remove      delete the network's devices, routes and rules from this host
  CONFIG      a network configuration (.conf, .conflist) with vxlan-overlay in it`;

/** How long changes are collected before they are acted on, in milliseconds. */
const DEBOUNCE = 100;
/** How long after a failure it is tried again, at first and at most. */
const RETRY = { first: 1000, most: 30_000 };
/** The guards are looked for so often. */
const LOOK = 2000;
/** All is compared so often even if nothing seems to have changed. */
const RESYNC = 60_000;

/** Runs the command line; returns the exit status. */
export function commandLine(args: readonly string[]): number {
  const [command, path, ...options] = args;
  if (path === undefined || !COMMANDS.includes(command ?? "")) {
    sayLine("stderr", usage);
    return command === "help" || command === "--help" ? 0 : 1;
  }
  try {
    const config = readOverlayConfig(path);
    if (command === "status") return showStatus(config, options.includes("--json"));
    if (command === "remove") return remove(config);
    const log = logger(options.includes("--log=json"));
    if (options.includes("--once")) return runOnce(config, log);
    const what = `the daemon of network "${config.name}"`;
    onlyProcess(lockOf(config), what, () => keepRight(config, log));
  } catch (cause) {
    sayLine("stderr", CniError.from(cause).message);
    return 1;
  }
}

const COMMANDS = ["daemon", "status", "remove"];

function lockOf({ name }: OverlayConfig): string {
  return `/run/weft/${name}/daemon.lock`;
}

function readOverlayConfig(path: string): OverlayConfig {
  const json: JsonObject = readPluginConfig(path, "vxlan-overlay");
  const plugin = { name: "vxlan-overlay", schema, parseConfig: parseOverlayConfig };
  return readConfig(plugin, json, true);
}

/** One line for each thing that happened. */
type Log = (event: string, message: string) => void;

function logger(isJson: boolean): Log {
  return (event, message) => {
    sayLine("stdout", isJson ? JSON.stringify({ event, message }) : `${event}: ${message}`);
  };
}

function runOnce(config: OverlayConfig, log: Log): number {
  const { limits } = reconcile(config, ownNetns(), { tell: (what) => log("changed", what) });
  for (const limit of limits) log("limited", limit);
  return 0;
}

function remove(config: OverlayConfig): number {
  removeUnderlay(config, ownNetns(), (what) => sayLine("stdout", what));
  return 0;
}

/** What the daemon knows: what was last right, and what keeps it from being so now. */
interface State {
  last: Reconciled | undefined;
  problem: string | undefined;
  repairs: number;
  /** How often all was compared. */
  passes: number;
  retry: number;
}

function keepRight(config: OverlayConfig, log: Log): never {
  const host = ownNetns();
  const state: State = {
    last: undefined,
    problem: undefined,
    repairs: 0,
    passes: 0,
    retry: RETRY.first,
  };
  const watch = new Watch(host, {
    files: [config.peersFile, config.nodeFile],
    socket: socketOf(config),
    health: () => JSON.stringify(describe(config, state)),
  });
  log("started", `network "${config.name}", device "${config.device}"`);
  for (;;) {
    step(config, { host, state, log });
    const pause = state.problem === undefined ? RESYNC : state.retry;
    if (waitFor(config, { host, watch, state }, pause)) collectChanges(watch, state);
  }
}

/** What a daemon waits for, and with. */
interface Waiting {
  readonly host: Netns;
  readonly watch: Watch;
  readonly state: State;
}

/** True once something has changed. Nobody tells of guards that others flush: they are looked for. */
function waitFor(config: OverlayConfig, { host, watch, state }: Waiting, pause: number): boolean {
  for (let left = pause; left > 0; left -= LOOK) {
    if (watch.wait(Math.min(left, LOOK), interestOf(state))) return true;
    if (state.problem === undefined && !hasGuards(config, host)) return false;
  }
  return false;
}

/** A question that fails is no answer: whoever makes all right says why. */
function hasGuards(config: OverlayConfig, host: Netns): boolean {
  try {
    return areGuarded(config, host);
  } catch {
    return false;
  }
}

function interestOf({ last }: State) {
  const uplink = last?.node.uplink.index;
  const devices = last?.devices.map(({ index }) => index);
  return { devices, uplink, routeProtocol: RTPROT_WEFT };
}

/** Changes come in bunches: it is quiet again, or has been restless for long enough. */
function collectChanges(watch: Watch, state: State): void {
  for (let i = 0; i < 5 && watch.wait(DEBOUNCE, interestOf(state)); i++);
}

interface Surroundings {
  readonly host: Netns;
  readonly state: State;
  readonly log: Log;
}

function step(config: OverlayConfig, { host, state, log }: Surroundings): void {
  try {
    repair(config, { host, state, log });
    if (state.problem !== undefined) log("recovered", state.problem);
    state.problem = undefined;
    state.retry = RETRY.first;
  } catch (cause) {
    const problem = CniError.from(cause).message;
    if (problem !== state.problem) log("problem", problem);
    state.problem = problem;
    state.retry = Math.min(state.retry * 2, RETRY.most);
    keepLast(config, { host, state, log });
  }
}

/** What is written cannot be used: what was right last stays so. */
function keepLast(config: OverlayConfig, { host, state, log }: Surroundings): void {
  if (!state.last) return;
  try {
    repair(config, { host, state, log }, true);
  } catch (cause) {
    log("problem", CniError.from(cause).message);
  }
}

function repair(config: OverlayConfig, { host, state, log }: Surroundings, keepsPeers = false) {
  const tell = (what: string) => {
    state.repairs++;
    log("changed", what);
  };
  state.passes++;
  const before = state.last?.limits ?? [];
  state.last = reconcile(config, host, { last: state.last, keepsPeers, tell });
  tellOfLimits(log, before, state.last.limits);
}

/** Each is named when it comes and when it goes. */
function tellOfLimits(log: Log, before: readonly string[], now: readonly string[]): void {
  const [old, current] = [new Set(before), new Set(now)];
  for (const limit of now) if (!old.has(limit)) log("limited", limit);
  for (const limit of before) if (!current.has(limit)) log("recovered", limit);
}

/** What the socket answers. */
interface Health {
  readonly network: string;
  readonly isReady: boolean;
  readonly problem?: string;
  /** What keeps hosts from being reached, while the others are: those left out, and why. */
  readonly limits: readonly string[];
  readonly device: string;
  readonly publicIP?: string;
  readonly vtepMAC?: string;
  readonly deviceV6?: string;
  readonly publicIPv6?: string;
  readonly vtepMACv6?: string;
  readonly mtu?: number;
  readonly changes: number;
  readonly passes: number;
  readonly peers: readonly {
    readonly publicIP: string;
    readonly subnet: string;
    readonly vtepMAC: string;
    readonly publicIPv6?: string;
    readonly vtepMACv6?: string;
  }[];
}

function describe(config: OverlayConfig, { last, problem, repairs, passes }: State): Health {
  const [first, second] = last?.peers.lists ?? [];
  const peers: Health["peers"][number][] = [];
  first?.forEach((peer, number) => {
    peers.push(describePeer(second ? [peer, second.get(number)] : [peer]));
  });
  return {
    network: config.name,
    isReady: last !== undefined && problem === undefined,
    ...(problem === undefined ? {} : { problem }),
    limits: last?.limits ?? [],
    device: config.device,
    ...(config.deviceV6 === undefined ? {} : { deviceV6: config.deviceV6 }),
    ...(last ? describeHost(last) : {}),
    changes: repairs,
    passes,
    peers,
  };
}

function describeHost({ node, devices }: Reconciled) {
  const ends = node.vteps.map(({ publicIP }, i) => ({
    publicIP,
    mac: devices[i]?.mac ?? new Uint8Array(0),
  }));
  return { ...describeEnds(ends), mtu: node.mtu };
}

function describePeer(ends: readonly Peer[]) {
  const subnets = ends.flatMap((end) => end.subnets.map(formatCidr));
  return { ...describeEnds(ends), subnet: subnets.join(" ") };
}

function describeEnds([first, second]: readonly Pick<Peer, "publicIP" | "mac">[]) {
  return {
    publicIP: first ? formatAddress(first.publicIP) : "",
    vtepMAC: first ? formatMac(first.mac) : "",
    ...(second
      ? { publicIPv6: formatAddress(second.publicIP), vtepMACv6: formatMac(second.mac) }
      : {}),
  };
}

function socketOf({ name }: OverlayConfig): string {
  return `/run/weft/${name}/overlay.sock`;
}

/** Exit status 0 if the daemon runs and every host can be reached, else 1. */
function showStatus(config: OverlayConfig, isJson: boolean): number {
  const answer = askDaemon(socketOf(config));
  if (answer === undefined) {
    sayLine("stderr", `Cannot ask the daemon of network "${config.name}": it is not running`);
    return 1;
  }
  const health = JSON.parse(answer) as Health;
  if (isJson) sayLine("stdout", answer);
  else for (const line of table(health)) sayLine("stdout", line);
  return health.isReady && health.limits.length === 0 ? 0 : 1;
}

function table(health: Health): readonly string[] {
  const { network, problem = "none", limits, peers } = health;
  return [
    `network ${network}, ${endsInWords(health)}, MTU ${health.mtu ?? 0}`,
    `problem: ${problem}`,
    ...limits.map((limit) => `limited: ${limit}`),
    "",
    ...columns([
      ["PEER", "SUBNET", "VTEP MAC"],
      ...peers.map(({ publicIP, publicIPv6, subnet, vtepMAC, vtepMACv6 }) =>
        publicIPv6 === undefined
          ? [publicIP, subnet, vtepMAC]
          : [`${publicIP} ${publicIPv6}`, subnet, `${vtepMAC} ${vtepMACv6}`],
      ),
    ]),
  ];
}

function endsInWords({ device, publicIP = "unknown", deviceV6, publicIPv6 = "unknown" }: Health) {
  const first = `device ${device}, public address ${publicIP}`;
  return deviceV6 === undefined
    ? first
    : `${first}, device ${deviceV6}, public address ${publicIPv6}`;
}

function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = [0, 1, 2].map((i) => Math.max(...rows.map((row) => (row[i] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
