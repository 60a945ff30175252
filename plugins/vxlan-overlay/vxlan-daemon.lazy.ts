/**
 * vxlan-overlay as a program of its own:
 *
 *   vxlan-overlay daemon CONFIG [--once] [--log=json]   keep the kernel equal to the peers file
 *   vxlan-overlay status CONFIG [--json]                what a running daemon says of itself
 *   vxlan-overlay remove CONFIG                         take the network's devices and rules away
 *
 * Packets do not need it: without a daemon what was last programmed stays.
 */

import { readConfig } from "../../lib/cni/calls.ts";
import { readPluginConfig, sayLine } from "../../lib/cni/command-line.ts";
import { CniError } from "../../lib/cni/error.ts";
import type { JsonObject } from "../../lib/cni/json.ts";
import { ownNetns } from "../../lib/net/netns.ts";
import { askDaemon } from "../../lib/overlay/watch.ts";
import { onlyProcess } from "../../lib/state/record.ts";
import { type OverlayConfig, parseOverlayConfig } from "./config.ts";
import { Daemon, type Log } from "./daemon.ts";
import { type Health, healthInWords, socketOf } from "./health.ts";
import { reconcile, removeUnderlay } from "./underlay.ts";
import * as schema from "./vxlan-overlay.schema.json";

const usage = `usage: vxlan-overlay daemon CONFIG [--once] [--log=json]
       vxlan-overlay status CONFIG [--json]
       vxlan-overlay remove CONFIG

  daemon      keep routes, neighbours and fdb entries equal to the peers file
  status      what the daemon of this network says of itself
  remove      delete the network's devices, routes and rules from this host
  CONFIG      a network configuration (.conf, .conflist) with vxlan-overlay in it`;

const COMMANDS = ["daemon", "status", "remove"];

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
    return options.includes("--once") ? runOnce(config, log) : runDaemon(config, log);
  } catch (cause) {
    sayLine("stderr", CniError.from(cause).message);
    return 1;
  }
}

function readOverlayConfig(path: string): OverlayConfig {
  const json: JsonObject = readPluginConfig(path, "vxlan-overlay");
  const plugin = { name: "vxlan-overlay", schema, parseConfig: parseOverlayConfig };
  return readConfig(plugin, json, true);
}

function logger(isJson: boolean): Log {
  return (event, message) => {
    sayLine("stdout", isJson ? JSON.stringify({ event, message }) : `${event}: ${message}`);
  };
}

function runDaemon(config: OverlayConfig, log: Log): never {
  const { name } = config;
  const daemon = new Daemon(config, ownNetns(), log);
  onlyProcess(`/run/weft/${name}/daemon.lock`, `the daemon of network "${name}"`, () =>
    daemon.run(),
  );
}

function runOnce(config: OverlayConfig, log: Log): number {
  const { limits } = reconcile(config, ownNetns(), { tell: (what) => log("changed", what) });
  for (const limit of limits) log("limited", limit);
  return 0;
}

/** Exit status 0 if the daemon runs and every host can be reached, else 1. */
function showStatus(config: OverlayConfig, isJson: boolean): number {
  const answer = askDaemon(socketOf(config));
  if (answer === undefined) {
    sayLine("stderr", `Cannot ask the daemon of network "${config.name}": it is not running`);
    return 1;
  }
  const health = JSON.parse(answer) as Health;
  const lines = isJson ? [answer] : healthInWords(health);
  for (const line of lines) sayLine("stdout", line);
  return health.isReady && health.limits.length === 0 ? 0 : 1;
}

function remove(config: OverlayConfig): number {
  removeUnderlay(config, ownNetns(), (what) => sayLine("stdout", what));
  return 0;
}
